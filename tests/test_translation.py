"""Image files through a model that translates."""

import os

import numpy as np
import pytest
from PIL import Image

from keras_gan_zoo import Pix2Pix
from keras_gan_zoo.data import InvalidData
from keras_gan_zoo.translation import translate_files


def test_files_whose_names_differ_in_the_ending_alone_are_refused(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png", "b.jpg"):
        Image.fromarray(np.zeros((16, 16), "uint8")).save(tmp_path / "in" / name)
    gan = Pix2Pix.tiny()
    with pytest.raises(InvalidData, match="Received: b.jpg, b.png, whose translations would both be b.png"):
        translate_files(gan, tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "in" / "b.jpg").unlink()
    assert translate_files(gan, tmp_path / "in", tmp_path / "out") == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]


def test_what_cannot_be_written_is_found_before_the_work(tmp_path, monkeypatch):
    Image.fromarray(np.zeros((16, 16), "uint8")).save(tmp_path / "a.png")
    gan = Pix2Pix.tiny()
    monkeypatch.setattr(gan, "translate", lambda *_, **__: pytest.fail("it is translated"))
    os.mkfifo(tmp_path / "pipe.png")
    for source, output, error, words in (
        ("a.png", "pipe.png", FileExistsError, "output must be a file. Received: output='.*pipe.png', which is"),
        ("a.png", "b.jpg", ValueError, "output must end in .png. Received: output='.*b.jpg'. Fix: b.png"),
        (".", "a.png/out", OSError, "output must be a place that can be written to.*a.png is no folder"),
    ):
        with pytest.raises(error, match=words):
            translate_files(gan, tmp_path / source, tmp_path / output)
