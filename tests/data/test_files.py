"""load_images from folders and zip archives: order, modes, sizes, classes, damaged files."""

import os
import struct
import warnings
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_gan_zoo.data import FolderBatches, Images, InvalidData, Schema, load_images


def save(path, value=100, mode="RGB", size=(8, 8), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    color = {"L": value, "RGB": (value,) * 3, "RGBA": (value,) * 3 + (255,)}[mode]
    Image.new(mode, size, color).save(path, **options)
    return path


def values(data):
    return data.images[:, 0, 0, 0].tolist()


def bomb(path, side):
    """A PNG of a few bytes that claims to have side x side pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))


def zipped(folder, archive):
    with zipfile.ZipFile(archive, "w") as members:
        for path in sorted(folder.rglob("*"), reverse=True):
            members.write(path, path.relative_to(folder).as_posix())
    return archive


@pytest.fixture
def classes(tmp_path):
    folder = tmp_path / "classes"
    for name, value in [("dog/2.png", 30), ("cat/b.png", 20), ("cat/a.png", 10), ("dog/deep/1.png", 40)]:
        save(folder / name, value)
    save(folder / ".hidden/x.png", 99)
    save(folder / "__MACOSX/x.png", 99)
    (folder / "notes.txt").write_text("not an image")
    return folder


def test_what_is_no_regular_file_is_named_and_never_waited_for(tmp_path):
    """A pipe would be waited for, a device read for ever, a sparse file read whole; a link may loop."""
    save(tmp_path / "a.png", 10)
    os.mkfifo(tmp_path / "b.png")
    (tmp_path / "c.png").symlink_to("/dev/zero")
    (tmp_path / "d.png").symlink_to("d.png")
    with open(tmp_path / "e.png", "wb") as file:
        file.truncate(6 * 10**9)
    data = load_images(tmp_path, on_error="skip")
    assert values(data) == [10]
    reasons = {path[-5]: reason for path, reason in data.skipped}
    assert reasons["b"] == reasons["c"] == "it is not a regular file"
    assert "symbolic links" in reasons["d"] and "at most 268,435,456 bytes" in reasons["e"]
    for name in ("x.zip", "x.npz"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InvalidData, match="no pipe or device. Received: source="):
            load_images(tmp_path / name)


def test_a_zip_that_unpacks_to_a_full_memory_is_refused(tmp_path):
    """No member is too large alone."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as members:
        for i in range(5):
            members.writestr(f"{i}.png", bytes(60 * 2**20))
    with pytest.raises(InvalidData, match="decompression bomb refused.* unpack to 314,572,800"):
        load_images(tmp_path / "x.zip")


def test_names_cannot_write_to_the_terminal(tmp_path):
    (tmp_path / "a\x1b[2J\nError: all is well.png").write_bytes(b"no image")
    with pytest.raises(InvalidData) as caught:
        load_images(tmp_path)
    assert r"a\x1b[2J\nError: all is well.png: not an image" in str(caught.value)


@pytest.mark.parametrize("pack", [False, True])
def test_order_and_classes(classes, tmp_path, pack):
    source = zipped(classes, tmp_path / "classes.zip") if pack else classes
    data = load_images(source, labels=True)
    assert values(data) == [10, 20, 30, 40]
    assert data.labels.tolist() == [0, 0, 1, 1]
    assert data.labels.dtype == np.int32
    assert data.class_names == ("cat", "dog")
    plain = load_images(str(source))
    assert plain.images.shape == (4, 8, 8, 3)
    assert (plain.labels, plain.class_names) == (None, None)


def test_classes_that_are_none(classes):
    with pytest.raises(InvalidData, match="several sub-folders.*Received: only 'deep'"):
        (classes / "dog/2.png").unlink()
        load_images(classes / "dog", labels=True)
    save(classes / "loose.png")
    with pytest.raises(InvalidData, match="1 images outside of them.*loose.png"):
        load_images(classes, labels=True)


def test_classes_are_counted_as_people_do(tmp_path):
    for name in ("10", "2", "1", "0", "b10", "b9"):
        save(tmp_path / "data" / name / "x.png", 10)
    data = load_images(tmp_path / "data", labels=True)
    assert data.class_names == ("0", "1", "2", "10", "b9", "b10")
    # In the order of the paths, as without labels.
    assert data.labels.tolist() == [0, 1, 3, 2, 5, 4]


@pytest.mark.parametrize("other", ["c/a.png", "./c/a.png", "c\\a.png", "/c/a.png", "c//a.png"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_holds_each_image_once(tmp_path, other):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("c/a.png", "readme.txt", "./readme.txt", other):
            archive.writestr(name, save(tmp_path / "a.png").read_bytes())
    with pytest.raises(
        InvalidData, match="x.zip' must hold each image once. Received: c/a.png twice.*Fix: remove or rename"
    ):
        load_images(tmp_path / "x.zip")


@pytest.mark.parametrize("prefix", ["./", "photos/", "./a/b/", "/", "//", "photos\\"])
def test_an_archive_may_have_one_folder_at_its_top(classes, tmp_path, prefix):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in sorted(classes.rglob("*.png")):
            name = path.relative_to(classes).as_posix()
            archive.writestr(prefix + (name.replace("/", "\\") if "\\" in prefix else name), path.read_bytes())
    data = load_images(tmp_path / "photos.zip", labels=True)
    assert data.class_names == ("cat", "dog") and data.labels.tolist() == [0, 0, 1, 1]
    assert values(data) == [10, 20, 30, 40]
    with zipfile.ZipFile(tmp_path / "photos.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    if "\\" not in prefix:
        assert load_images(tmp_path / "unpacked", labels=True).class_names == ("cat", "dog")


def test_images_of_other_kinds_are_no_notes(tmp_path, classes):
    save(classes / "cat/c.png", 1)
    (classes / "cat/c.png").rename(classes / "cat/c.jfif")
    Image.new("RGB", (8, 8)).save(classes / "dog/3.tif")
    (classes / "dog/4.avif").write_bytes(b"unknown")
    with pytest.raises(InvalidData, match=r"(?s)2 of 7 images .*3.tif: not an image of the kinds PNG.*on_error='skip'"):
        load_images(classes)
    data = load_images(classes, on_error="skip")
    assert len(data.images) == 5 and [os.path.basename(path) for path, _ in data.skipped] == ["3.tif", "4.avif"]
    batches = FolderBatches(classes)
    assert sum(map(len, batches)) == 5 and len(batches.skipped) == 2 and batches.total == 7


def test_what_is_skipped_in_training_is_named(classes):
    (classes / "dog/3.png").write_bytes(b"damaged")
    schema = Schema({"images": Images((8, 8, 3))}, "GAN")
    with pytest.warns(UserWarning, match="1 files cannot be read and are left out; 4 examples remain: .*3.png"):
        schema.arrays(classes, on_error="skip")


def test_sixteen_bits_that_are_twelve_are_told(tmp_path):
    for i, highest in enumerate((4000, 4095)):
        Image.fromarray(np.full((8, 8), highest, np.uint16)).save(tmp_path / f"{i}.png")
    with pytest.warns(UserWarning, match="2 16-bit images .* up to 4095 of 65535, and are read as 0 to 16 of 255"):
        load_images(tmp_path)
    with pytest.warns(UserWarning, match="up to 4095"):
        list(FolderBatches(tmp_path))
    Image.fromarray(np.full((8, 8), 60000, np.uint16)).save(tmp_path / "2.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert values(load_images(tmp_path)) == [16, 16, 233]


def test_links_are_followed_once(classes, tmp_path):
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/feline").symlink_to(classes / "cat")
    (classes / "cat/loop").symlink_to(classes / "cat")
    assert values(load_images(tmp_path / "linked")) == [10, 20]


def test_every_extension(tmp_path):
    for i, extension in enumerate(["png", "JPG", "jpeg", "webp", "bmp", "gif"]):
        save(tmp_path / f"{i}.{extension}", 10 * i)
    np.testing.assert_allclose(values(load_images(tmp_path)), [0, 10, 20, 30, 40, 50], atol=2)


def test_channels_follow_the_files(tmp_path):
    save(tmp_path / "a.png", 10, "L")
    Image.new("1", (8, 8), 1).save(tmp_path / "b.png")
    assert load_images(tmp_path).images.shape[3] == 1
    save(tmp_path / "c.png", 30)
    assert load_images(tmp_path).images.shape[3] == 3
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "d.png")
    data = load_images(tmp_path)
    assert data.images.shape[3] == 4
    assert values(data) == [10, 255, 30, 0]
    assert data.images[:, 0, 0, 3].tolist() == [255, 255, 255, 0]
    assert values(load_images(tmp_path, channels=3)) == [10, 255, 30, 255]
    assert load_images(tmp_path, channels=1).images.shape == (4, 8, 8, 1)


def test_transparent_palette(tmp_path):
    image = Image.new("P", (8, 8), 0)
    image.putpalette([200, 100, 50, 0, 0, 0])
    image.save(tmp_path / "opaque.png")
    assert load_images(tmp_path).images[0, 0, 0].tolist() == [200, 100, 50]
    image.save(tmp_path / "opaque.png", transparency=0)
    assert load_images(tmp_path).images[0, 0, 0, 3] == 0


def test_sixteen_bits_are_scaled(tmp_path):
    Image.fromarray(np.full((8, 8), 128 * 257, np.uint16)).save(tmp_path / "wide.png")
    data = load_images(tmp_path)
    assert data.images.shape == (1, 8, 8, 1)
    assert values(data) == [128]


def test_cmyk(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "red.jpg")
    np.testing.assert_allclose(load_images(tmp_path).images[0, 0, 0], [255, 0, 0], atol=3)


def test_first_frame(tmp_path):
    frames = [Image.new("L", (8, 8), value) for value in (50, 200)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    assert values(load_images(tmp_path, channels=1)) == [50]


def test_exif_orientation(tmp_path):
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, :8] = 255  # the left half; turned clockwise it is on top
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    upright = load_images(tmp_path).images[0]
    assert upright.shape == (16, 8, 3)
    assert upright[:8].min() == 255
    assert upright[8:].max() == 0
    # Stored like the first, but shown as 8x16: the headers alone do not tell them apart.
    save(tmp_path / "plain.png", size=(16, 8))
    with pytest.raises(InvalidData, match="must have one size"):
        load_images(tmp_path)
    assert load_images(tmp_path, size=8).images.shape == (2, 8, 8, 3)


def test_mixed_sizes_need_one(tmp_path):
    save(tmp_path / "a.png", 10, size=(80, 70))
    save(tmp_path / "b.png", 20, "L", size=(300, 90))
    with pytest.raises(InvalidData, match=r"from 70x80 to 90x300.*size=64"):
        load_images(tmp_path)
    assert load_images(tmp_path, size=64).images.shape == (2, 64, 64, 3)
    assert load_images(tmp_path, size=(32, 48), channels=1).images.shape == (2, 32, 48, 1)


def test_empty_folder(tmp_path):
    (tmp_path / "image.tiff").write_bytes(b"")
    with pytest.raises(InvalidData) as error:
        load_images(tmp_path)
    for word in [str(tmp_path), ".png", ".gif", "1 x .tiff"]:
        assert word in str(error.value)
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(InvalidData, match="empty.zip.*no files at all"):
        load_images(tmp_path / "empty.zip")


@pytest.fixture
def damaged(tmp_path):
    folder = tmp_path / "damaged"
    for i in range(4):
        save(folder / f"good/{i}.png", i)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).resize((8, 8)).save(folder / "good/5.png")
    (folder / "bad").mkdir()
    for extension in ("png", "jpg"):
        Image.fromarray(noise[:8, :8]).save(folder / f"bad/short.{extension}")
        whole = (folder / f"bad/short.{extension}").read_bytes()
        (folder / f"bad/short.{extension}").write_bytes(whole[: int(len(whole) * 0.8)])
    (folder / "bad/text.png").write_text("not an image")
    (folder / "bad/empty.jpg").write_bytes(b"")
    Image.fromarray(noise[:8, :8]).save(folder / "bad/other.png", format="TIFF")
    return folder


@pytest.mark.parametrize("pack", [False, True])
def test_damaged_files_are_named_or_skipped(damaged, tmp_path, pack):
    source = zipped(damaged, tmp_path / "damaged.zip") if pack else damaged
    names = {"bad/short.png", "bad/short.jpg", "bad/text.png", "bad/empty.jpg", "bad/other.png"}
    with pytest.raises(InvalidData) as error:
        load_images(source)
    assert "5 of 10 images" in str(error.value)
    assert "on_error='skip'" in str(error.value)
    assert all(name in str(error.value) for name in names)
    data = load_images(source, on_error="skip", labels=True)
    assert data.images.shape == (5, 8, 8, 3)
    assert values(data)[:4] == [0, 1, 2, 3]
    assert {path.removeprefix(f"{source}/") for path, _ in data.skipped} == names
    assert all(reason for _, reason in data.skipped)
    assert data.labels.tolist() == [1] * 5


def test_only_ten_are_named(tmp_path):
    for i in range(13):
        (tmp_path / f"{i:02}.png").write_text("not an image")
    for on_error in ("raise", "skip"):
        with pytest.raises(InvalidData, match="13 of 13") as error:
            load_images(tmp_path, on_error=on_error)
        assert "09.png" in str(error.value)
        assert "10.png" not in str(error.value)
        assert "and 3 more" in str(error.value)


@pytest.mark.parametrize("side", [10_000, 60_000])  # Pillow warns of the first and refuses the second
def test_bombs_are_refused(tmp_path, side):
    save(tmp_path / "good.png")
    bomb(tmp_path / "bomb.png", side)
    with pytest.raises(InvalidData, match="bomb.png: decompression bomb refused"):
        load_images(tmp_path, size=8)
    assert load_images(tmp_path, size=8, on_error="skip").images.shape == (1, 8, 8, 3)


def test_damaged_zip(classes, tmp_path):
    archive = zipped(classes, tmp_path / "classes.zip")
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidData, match="classes.zip.*truncated"):
        load_images(archive)
    archive.write_bytes(whole.replace(b"IDAT", b"XDAT", 1))
    with pytest.raises(InvalidData, match="1 of 4 images.*\n.*CRC"):
        load_images(archive)
