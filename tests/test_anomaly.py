"""keras-gan-zoo anomaly: a table of all images of a folder, and a picture of the worst."""

import numpy as np
import pytest
from PIL import Image

import keras_gan_zoo


@pytest.fixture(scope="module")
def preset(blob_gan, tmp_path_factory):
    return blob_gan.save_to_preset(tmp_path_factory.mktemp("presets") / "blobs")


@pytest.fixture(scope="module")
def folder(blobs, tmp_path_factory):
    """Three lying ellipses, and an upright one below."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "below").mkdir()
    images = np.rint((np.concatenate([blobs(3, seed=1), blobs(1, upright=True, seed=1)])[..., 0] + 1) * 127.5)
    for name, image in zip(("a", "b", "c", "below/upright"), images.astype("uint8"), strict=True):
        Image.fromarray(image).save(folder / f"{name}.png")
    return folder


def test_it_lists_all_images_and_shows_the_worst(preset, folder, tmp_path, command):
    output = tmp_path / "new" / "worst.png"
    code, out, err = command("anomaly", preset, folder, "--output", output, "-n", 2, "--steps", 60)
    assert code == 0, err
    head, *rows = (line.split() for line in out.splitlines())
    assert head == ["score", "image"]
    assert rows[0][1] == "below/upright.png" and {row[1] for row in rows[1:]} == {"a.png", "b.png", "c.png"}
    scores = [float(row[0]) for row in rows]
    assert scores == sorted(scores, reverse=True) and scores[0] > 1.5 * scores[1]
    # Two rows of an image and of what the model makes of it.
    picture = np.asarray(Image.open(output))
    assert "worst.png: the 2 most anomalous of 4 images" in err
    # Small images are shown larger.
    upright = np.asarray(Image.open(folder / "below" / "upright.png")).repeat(4, axis=0).repeat(4, axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(picture[..., 0] if picture.ndim == 3 else picture, upright.shape)
    assert (windows == upright).all(axis=(-1, -2)).any()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{preset}", "{folder}/nowhere"], "must be a folder of images"),
        (["{preset}", "nowhere", "--output", "{folder}"], "output must be a file. Received: output='{folder}', which is"),
        (["{preset}", "nowhere", "--output", "a.jpg"], "output must end in .png. Received: output='a.jpg'. Fix: a.png."),
        (["{preset}", "{folder}", "--steps", "0"], "steps"),
    ],
)
def test_mistakes_are_answered_in_words(arguments, words, preset, folder, command):
    code, out, err = command("anomaly", *(part.format(preset=preset, folder=folder) for part in arguments))
    assert code and not out and words.format(folder=folder) in " ".join(err.split())


def test_classes_are_named_by_an_option(folder, small_gan, tmp_path, command):
    small_gan("cgan", (16, 16, 1)).save_to_preset(tmp_path / "cgan")
    arguments = ("anomaly", tmp_path / "cgan", folder, "--output", tmp_path / "worst.png", "--steps", 1)
    code, out, err = command(*arguments, "--label", 1)
    assert code == 0 and "upright" in out, err
    for given, words in (((), "--label must name the class of the images"), (("--label", "²"), "--label '²'")):
        code, out, err = command(*arguments, *given)
        assert code == 2 and not out and words in err


def test_the_public_names(blob_gan, blobs):
    images = blobs(3)
    scores = keras_gan_zoo.anomaly_scores(blob_gan, images, steps=3)
    np.testing.assert_allclose(scores, keras_gan_zoo.invert(blob_gan, images, steps=3).scores, rtol=1e-5)
