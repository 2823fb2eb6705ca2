"""Our metrics beside the peers': live where they can be imported, else as `peers_metrics.py` recorded them."""

import importlib.util
import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest

from benchmarks.peers import cases
from benchmarks.peers import metrics as peers_metrics
from keras_gan_zoo.metrics.features.inception import InceptionFeatures
from keras_gan_zoo.metrics.features.resize import RESIZERS
from keras_gan_zoo.metrics.frechet import Moments, frechet_distance
from keras_gan_zoo.metrics.kernel import kernel_distance, unbiased_mmd
from keras_gan_zoo.metrics.manifolds import manifold_metrics, precision_recall
from keras_gan_zoo.metrics.scores import inception_score

RECORDED = json.loads(Path(peers_metrics.RECORDED).read_text("utf-8"))
RELATIVE = 1e-6


def importable():
    if any(importlib.util.find_spec(name) is None for name in ("torch_fidelity", "cleanfid", "pytorch_fid", "prdc")):
        return False
    try:
        import cleanfid.fid  # noqa: F401
        import torch_fidelity  # noqa: F401
    except (ImportError, RuntimeError):  # torchvision beside a torch that it was not built for
        return False
    return True


LIVE = importable()


@pytest.fixture(scope="module", params=cases.SETS)
def case(request):
    """(real, fake, the peers' values)."""
    real, fake = cases.features(request.param)
    peers = peers_metrics.on_features(real, fake) if LIVE else RECORDED["features"][request.param]
    return real, fake, peers


def test_frechet_distance(case):
    real, fake, peers = case
    ours = frechet_distance(Moments.of(real), Moments.of(fake))
    # For fewer vectors than dimensions the peers take roots of rounding errors; ours is exact, see test_frechet.py.
    for name in ("pytorch-fid", "torch-fidelity", "clean-fid"):
        assert peers[name]["fid"] == pytest.approx(ours, rel=RELATIVE), name


def test_kernel_distance(case):
    real, fake, peers = case
    assert peers["torch-fidelity"]["kid"] == pytest.approx(kernel_distance(real, fake, **cases.KERNEL), rel=RELATIVE)
    everything = min(len(real), len(fake))
    ours = unbiased_mmd(real[:everything], fake[:everything])
    assert peers["clean-fid"]["kid_of_all"] == pytest.approx(ours, rel=RELATIVE)


def test_precision_recall_density_coverage(case):
    real, fake, peers = case
    ours = check_neighbors(real, fake, peers)
    f_score = 2 * ours.precision * ours.recall / (ours.precision + ours.recall)
    assert peers["torch-fidelity"]["f_score"] == pytest.approx(f_score, rel=RELATIVE)
    # No distance is equal to a radius here, so that it does not matter on which side the boundary is.
    for name, value in precision_recall(real, fake, cases.NEIGHBORS)._asdict().items():
        assert peers["prdc"][name] == pytest.approx(value, rel=RELATIVE)


def check_neighbors(real, fake, peers):
    ours = manifold_metrics(real, fake, 3, cases.NEIGHBORS)
    for peer, names in (("torch-fidelity", ("precision", "recall")), ("prdc", ("density", "coverage"))):
        for name in names:
            assert peers[peer][name] == pytest.approx(getattr(ours, name), rel=RELATIVE), name
    return ours


def test_points_on_the_boundary_are_inside_for_torch_fidelity_and_outside_for_prdc():
    real, fake = cases.ties()
    peers = peers_metrics.of_neighbors(real, fake) if LIVE else RECORDED["ties"]
    check_neighbors(real, fake, peers)


@pytest.mark.parametrize(("name", "seed"), [("shuffled", 2020), ("in_order", None)])
def test_inception_score(name, seed):
    logits = cases.logits()
    peers = peers_metrics.inception_score(logits) if LIVE else RECORDED["inception_score"]
    assert peers["torch-fidelity"][name] == pytest.approx(inception_score(logits, cases.SPLITS, seed), rel=RELATIVE)


@pytest.mark.parametrize("shape", cases.SHAPES)
@pytest.mark.parametrize(
    ("resizer", "peer", "tolerance"), [("clean", "clean-fid", 1 / 255), ("legacy", "torch-fidelity", 1e-3)]
)
def test_resizing(shape, resizer, peer, tolerance):
    image = cases.image(shape)
    peers = peers_metrics.resized(image) if LIVE else RECORDED["resize"][shape]
    resize = RESIZERS[resizer][1]
    ours = keras.ops.convert_to_numpy(resize(keras.ops.convert_to_tensor(image[None].astype("float32")), 299, 299))[0]
    # In gray levels of 0 to 255: of a pixel's range it is a 255th of this.
    np.testing.assert_allclose(ours[cases.places()], peers[peer], rtol=0, atol=tolerance)


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory):
    """File of random weights of the Inception network, with logits."""
    path = tmp_path_factory.mktemp("inception") / "random.npz"
    np.savez(path, **cases.network_weights(RECORDED["random_network"]["shapes"]))
    return path


@pytest.fixture(scope="module")
def real_weights():
    path = os.environ.get("KERAS_GAN_ZOO_INCEPTION")
    if not path or not path.endswith(".npz"):
        pytest.skip("KERAS_GAN_ZOO_INCEPTION does not name the weights of the FID network as .npz")
    return path


def check_network(extractor, peers):
    """Every sixteenth value agrees with the peers', {images: [features, logits if there are any]}."""
    for name, images in cases.network_images().items():
        ours = [found for found in extractor.extract(images) if found is not None]
        for found, expected in zip(ours, map(np.array, peers[name]), strict=True):
            # Of a size, and different enough between images, that 1e-4 says something.
            assert expected.max() > 1 and expected.std(axis=0).mean() > 0.01
            np.testing.assert_allclose(found[:, ::16], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("resizer", ["legacy", "clean"])
def test_inception_network_with_random_weights(random_weights, resizer):
    peers = peers_metrics.random_network() if LIVE else RECORDED["random_network"]
    check_network(InceptionFeatures(random_weights, resizer=resizer), peers[resizer])


@pytest.mark.parametrize("resizer", ["legacy", "clean"])
def test_inception_network_with_the_real_weights(real_weights, resizer):
    peers = peers_metrics.network(peers_metrics.npz(real_weights)) if LIVE else RECORDED["network"]
    extractor = InceptionFeatures(real_weights, resizer=resizer)
    check_network(extractor, peers[resizer])
    if resizer == "clean":
        # clean-fid's own network is another file, so its values are always the recorded ones.
        check_network(extractor, RECORDED["clean_fid_network"])


@pytest.mark.parametrize("name", RECORDED["data_sets"])
def test_distances_of_data_sets(name):
    values = RECORDED["data_sets"][name]
    for peer in ("pytorch-fid", "torch-fidelity", "clean-fid"):
        assert values[peer] == pytest.approx(values["ours"], rel=RELATIVE), peer
    assert values["ours"] > 0.1


@pytest.mark.parametrize("name", [name for name, values in RECORDED["data_sets"].items() if "first_images" in values])
def test_distances_of_data_sets_from_the_images_on(name):
    first = RECORDED["data_sets"][name]["first_images"]
    assert first["n"] > 2048 and first["features_differ_by"] < 1e-4
    assert first["torch-fidelity"] == pytest.approx(first["ours"], rel=1e-4)


def test_what_was_recorded_says_where_it_came_from():
    assert RECORDED["versions"]["torch-fidelity"] == "0.4.0"
    assert set(peers_metrics.PACKAGES) < set(RECORDED["versions"])
    assert Path(peers_metrics.RECORDED).stat().st_size < 200_000
