"""Files that anybody may have written are read within bounds, and shown without harm."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from keras_gan_zoo import untrusted
from keras_gan_zoo.data import InvalidData, load_images
from keras_gan_zoo.untrusted import printable, read_bounded, read_npz, shown


def header(shape, dtype="<f4"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            header((10**6, 10**6, 3, 1)) + bytes(100),
            r"images.npy holds 100 bytes, and \(1000000, 1000000, 3, 1\) of float32",
        ),
        (header((10**30,)) + bytes(100), "images.npy holds 100 bytes"),
        (header((2**62, 4)), "images.npy holds 0 bytes"),
        (header((3,)) + bytes(16), "holds 16 bytes.* are 12"),
        (header((70_000_000,)) + bytes(280_000_000), "decompression bomb refused.* unpack to 280,000,"),
        (header((1,), "|O") + b"cos", "allow_pickle"),
        (b"no array", "magic"),
    ],
)
def test_an_array_that_is_not_what_it_says_is_never_reserved(tmp_path, content, words):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("images.npy", content)
    tracemalloc.start()
    with pytest.raises(ValueError, match=words):
        read_npz(tmp_path / "x.npz")
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()
    with pytest.raises(InvalidData, match="x.npz' must be an .npz file that can be read"):
        load_images(tmp_path / "x.npz")


def test_what_is_larger_than_the_free_memory_is_not_read(tmp_path, monkeypatch):
    # As a sparse file may be, which takes no room on the disk, and needs no compression that would give it away.
    np.savez(tmp_path / "x.npz", images=np.zeros(10**6, "uint8"))
    monkeypatch.setattr(untrusted, "free_memory", lambda: 999_999)
    with pytest.raises(ValueError, match="unpacks to 1,000,128 bytes, and only 999,999 bytes of memory are free"):
        read_npz(tmp_path / "x.npz")
    for free in (1_000_128, None):
        monkeypatch.setattr(untrusted, "free_memory", lambda free=free: free)
        assert len(read_npz(tmp_path / "x.npz")[0]["images"]) == 10**6


@pytest.mark.parametrize("other", ["images.npy", "images"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_array_that_is_there_twice_is_refused(tmp_path, other):
    np.savez(tmp_path / "x.npz", images=np.arange(3), labels=np.arange(3))
    with zipfile.ZipFile(tmp_path / "x.npz", "a") as members:
        members.writestr(other, members.read("labels.npy"))
    with pytest.raises(ValueError, match="it holds images twice, where one must be kept"):
        read_npz(tmp_path / "x.npz", ("labels",))


def test_encrypted_and_unknown_entries(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.arange(3))
    good = (tmp_path / "x.npz").read_bytes()
    arrays, held = read_npz(tmp_path / "x.npz", ("images", "labels"))
    assert held == ["images"] and arrays["images"].tolist() == [0, 1, 2]
    at, local = good.rindex(b"PK\x01\x02"), good.index(b"PK\x03\x04")
    for offset, value, words in ((8, 1, "encrypted"), (10, 97, "compression")):
        bad = bytearray(good)
        bad[at + offset] = bad[local + offset - 2] = value
        (tmp_path / "x.npz").write_bytes(bad)
        with pytest.raises(ValueError, match=words):
            read_npz(tmp_path / "x.npz")


def test_what_grows_or_never_ends_is_not_read(tmp_path):
    assert read_bounded(__file__, 10**6).startswith(b'"""')
    with pytest.raises(ValueError, match="at most 10 bytes"):
        read_bounded(__file__, 10)
    for path in ("/dev/zero", tmp_path):
        with pytest.raises(ValueError, match="regular file"):
            read_bounded(path, 10)


def test_what_is_shown_is_short_and_of_letters():
    assert shown([1, "a"]) == "[1, 'a']"
    assert shown("x" * 5000) == "'" + "x" * 79 + "... (5,002 characters)"
    assert shown(10**5000) == "an integer of very many digits"
    assert printable("a\x1b[2Jb\nc d") == "a\\x1b[2Jb\\nc d"
