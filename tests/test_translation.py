"""Image files through a model that translates."""

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
