"""One pass over the images, all metrics, a record for each."""

import warnings

import numpy as np
import pytest

from keras_gan_zoo.metrics import accuracy_score
from keras_gan_zoo.metrics.definitions import METRICS
from keras_gan_zoo.metrics.frechet import Moments, frechet_distance
from keras_gan_zoo.metrics.kernel import kernel_distance
from keras_gan_zoo.metrics.manifolds import density_coverage, precision_recall
from keras_gan_zoo.metrics.measuring import evaluate
from keras_gan_zoo.metrics.records import compare
from keras_gan_zoo.metrics.samples import gather
from keras_gan_zoo.metrics.similarity import ms_ssim_diversity
from tests.metrics.stub_extractors import Quarters, noise

warnings.filterwarnings("ignore", message="FID of")


REAL, FAKE, TRAIN = noise(300, 0), noise(260, 1, low=40), noise(320, 2)
CLASSES = np.arange(320) % 2
FEATURES = ("fid", "kid", "precision", "recall", "density", "coverage", "ndb", "jsd")
FEW = {"kid": {"subsets": 5, "subset_size": 50}, "ndb": {"bins": 5}, "jsd": {"bins": 5}}


def test_values_are_those_of_the_functions_on_the_features():
    a, b = (Quarters().extract(images)[0] for images in (REAL, FAKE))
    records = evaluate(FAKE, REAL, metrics=FEATURES, extractor=Quarters(), settings=FEW)
    assert tuple(records) == FEATURES
    assert records["fid"].value == pytest.approx(frechet_distance(Moments.of(a), Moments.of(b)), rel=1e-9)
    assert records["kid"].value == pytest.approx(kernel_distance(a, b, subsets=5, subset_size=50).mean, rel=1e-9)
    assert records["precision"].value == precision_recall(a, b, k=3).precision
    assert records["recall"].value == precision_recall(a, b, k=3).recall
    assert records["density"].value == density_coverage(a, b, k=5).density
    assert records["coverage"].value == density_coverage(a, b, k=5).coverage


def test_one_pass_feeds_all_metrics():
    extractor = Quarters()
    evaluate(FAKE, REAL, metrics=(*FEATURES, "sliced_wasserstein", "ms_ssim"), extractor=extractor, settings=FEW)
    assert extractor.seen == len(FAKE) + len(REAL)


@pytest.mark.parametrize("settings", [{}, {"recall": {"k": 4}}, {"density": {"k": 2}, "precision": {"k": 1}}])
def test_the_four_of_the_manifolds_are_what_they_are_alone(settings):
    names = ("precision", "recall", "density", "coverage")
    together = evaluate(FAKE, REAL, metrics=names, extractor=Quarters(), settings=settings)
    for name in names:
        own = {name: settings[name]} if name in settings else {}
        alone = evaluate(FAKE, REAL, metrics=[name], extractor=Quarters(), settings=own)
        assert together[name].value == alone[name].value, name


def test_classification_accuracy_score(monkeypatch):
    monkeypatch.setattr(accuracy_score, "BATCH_SIZE", 32)  # as many steps with a quarter of the images
    labels = np.arange(260) % 2
    bright = np.where(labels[:, None, None, None] == 1, 255 - FAKE // 4, FAKE // 4)
    shared = {"metrics": ["classification_accuracy_score"], "settings": {"classification_accuracy_score": {"epochs": 9}}}
    record = evaluate(bright, bright[::-1], labels=labels, real_labels=labels[::-1], **shared)[
        "classification_accuracy_score"
    ]
    # At half of these epochs the averages of batch norm still lag, and rounding, which differs between CPUs, decides.
    assert record.value > 0.95 and (record.extractor, record.n_real) == ("none", 260)


def test_a_record_says_how_it_came_about():
    few = {"kid": FEW["kid"]}
    options = {"metrics": ["kid"], "extractor": Quarters(), "settings": few, "split": "noise/test", "seed": [1, 2]}
    record = evaluate(FAKE, REAL, **options)["kid"]
    assert (record.metric, record.extractor, record.extractor_sha256) == ("kid", "quarters", "0" * 64)
    assert (record.n_real, record.n_fake, record.reference_split, record.seed) == (300, 260, "noise/test", [1, 2])
    assert record.settings == {"subsets": 5, "subset_size": 50, "seed": 2020}
    assert record.details["std"] > 0
    pixels = evaluate(FAKE, metrics=["ms_ssim"], settings={"ms_ssim": {"pairs": 20}})["ms_ssim"]
    assert (pixels.extractor, pixels.n_real, pixels.n_fake) == ("none", 0, 260)
    with pytest.raises(ValueError, match="settings"):
        compare(
            record,
            evaluate(FAKE, REAL, metrics=["kid"], extractor=Quarters(), settings={"kid": {"subsets": 4, "subset_size": 50}})[
                "kid"
            ],
        )


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_batches_give_what_the_array_gives(size):
    metrics = ("fid", "precision", "inception_score")
    # Images of unknown number go to the splits in turn; those of an array would be shuffled.
    settings = {"inception_score": {"splits": 2, "shuffle_seed": None}}
    real = (REAL[i : i + size] for i in range(0, len(REAL), size))
    fake = (FAKE[i : i + size] for i in range(0, len(FAKE), size))
    streamed = evaluate(fake, real, metrics=metrics, extractor=Quarters(), settings=settings)
    whole = evaluate(iter([FAKE]), REAL, metrics=metrics, extractor=Quarters(), settings=settings, batch_size=11)
    for name in metrics:
        assert streamed[name].value == pytest.approx(whole[name].value, rel=1e-9), name


def test_the_order_of_images_does_not_matter():
    order = np.random.default_rng(3).permutation(len(FAKE))
    for name in ("fid", "precision", "recall", "density", "coverage"):
        a, b = (evaluate(images, REAL, metrics=[name], extractor=Quarters())[name].value for images in (FAKE, FAKE[order]))
        assert a == pytest.approx(b, rel=1e-9), name


def test_equal_sets_are_at_no_distance():
    records = evaluate(REAL, REAL, metrics=("fid", "precision", "recall", "coverage"), extractor=Quarters())
    assert 0 <= records["fid"].value < 1e-8
    assert records["precision"].value == records["recall"].value == records["coverage"].value == 1


def test_features_in_place_of_images():
    a, b = (Quarters().extract(images)[0] for images in (REAL, FAKE))
    given = evaluate(b, a, metrics=("fid", "recall"))
    seen = evaluate(FAKE, REAL, metrics=("fid", "recall"), extractor=Quarters())
    for name in given:
        assert given[name].value == pytest.approx(seen[name].value, rel=1e-9)
        assert given[name].extractor == "features as given"
        with pytest.raises(ValueError, match="extractor"):
            compare(given[name], seen[name])


def test_something_is_measured():
    with pytest.raises(ValueError, match="metrics must name one at least. Received: none. Fix: fid, "):
        evaluate(FAKE, REAL, metrics=(), extractor=Quarters())


def test_floats_are_measured_as_the_8_bits_that_they_round_to():
    a = evaluate(FAKE / 127.5 - 1, REAL, metrics=["fid"], extractor=Quarters())["fid"]
    assert a.value == evaluate(FAKE, REAL, metrics=["fid"], extractor=Quarters())["fid"].value


def test_similarity_within_classes_stands_beside_that_of_the_data():
    labels, real_labels = CLASSES[: len(FAKE)], CLASSES[: len(REAL)]
    shared = {"metrics": ["intra_ms_ssim"], "settings": {"intra_ms_ssim": {"pairs": 20}}}
    record = evaluate(FAKE, REAL, labels=labels, real_labels=real_labels, **shared)["intra_ms_ssim"]
    for images, of, value in ((FAKE, labels, record.value), (REAL, real_labels, record.details["real"])):
        assert value == ms_ssim_diversity(images, 20, of).mean
    # One image for each class: pairs are alike, which pairs of all images are not.
    frozen = FAKE[[np.flatnonzero(labels == c)[0] for c in labels]]
    assert evaluate(frozen, REAL, labels=labels, real_labels=real_labels, **shared)["intra_ms_ssim"].value == 1.0
    assert ms_ssim_diversity(frozen, 20).mean < 0.9


def test_metrics_within_classes():
    labels, real_labels = CLASSES[: len(FAKE)], CLASSES[: len(REAL)]
    shared = {"metrics": ["intra_fid"], "extractor": Quarters()}
    record = evaluate(FAKE, REAL, labels=labels, real_labels=real_labels, **shared)["intra_fid"]
    within = [
        evaluate(FAKE[labels == c], REAL[real_labels == c], metrics=["fid"], extractor=Quarters())["fid"].value
        for c in (0, 1)
    ]
    assert record.value == pytest.approx(np.mean(within), rel=1e-9)
    one = evaluate(FAKE, REAL, labels=labels * 0, real_labels=real_labels * 0, **shared)["intra_fid"]
    assert one.value == pytest.approx(evaluate(FAKE, REAL, metrics=["fid"], extractor=Quarters())["fid"].value, rel=1e-6)
    # Classes that are far apart: swapping their labels shows, where the FID of all images does not see it.
    dark = np.where(labels[:, None, None, None] == 1, FAKE // 4, FAKE)
    real_dark = np.where(real_labels[:, None, None, None] == 1, REAL // 4, REAL)
    right = evaluate(dark, real_dark, labels=labels, real_labels=real_labels, **shared)["intra_fid"].value
    swapped = evaluate(dark, real_dark, labels=1 - labels, real_labels=real_labels, **shared)["intra_fid"].value
    assert swapped > 5 * right
    with pytest.raises(ValueError, match="needs labels"):
        evaluate(FAKE, REAL, labels=labels, **shared)
    features = Quarters().extract(FAKE)[0]
    with pytest.raises(ValueError, match="needs labels"):
        evaluate(features, features, metrics=["intra_fid"])
    with pytest.raises(ValueError, match="classes"):
        evaluate(FAKE, REAL, labels=labels + 1, real_labels=real_labels, **shared)


def test_memorization_takes_the_training_images_along():
    copies = TRAIN[:100]
    fresh = noise(100, 9)
    shared = {"metrics": ["memorization"], "train": TRAIN, "extractor": Quarters()}
    assert evaluate(copies, REAL, **shared)["memorization"].value == 1
    assert evaluate(fresh, REAL, **shared)["memorization"].value < 0.2
    with pytest.raises(ValueError, match="train="):
        evaluate(copies, REAL, metrics=["memorization"], extractor=Quarters())


def test_moments_are_a_reference_for_what_needs_no_more():
    sample = gather(REAL, Quarters(), split="noise/test")
    record = evaluate(FAKE, sample, metrics=["fid"], extractor=Quarters())["fid"]
    assert record.value == evaluate(FAKE, sample.moments, metrics=["fid"], extractor=Quarters())["fid"].value
    assert record.reference_split == "noise/test"
    with pytest.raises(ValueError, match="no features"):
        evaluate(FAKE, sample, metrics=["kid"], extractor=Quarters())


def test_infinity_takes_moments_of_the_real_images():
    few = {"settings": {"fid_infinity": {"smallest": 100}}, "metrics": ["fid_infinity"], "extractor": Quarters()}
    sample = gather(REAL, Quarters())
    assert evaluate(FAKE, sample, **few)["fid_infinity"].value == evaluate(FAKE, REAL, **few)["fid_infinity"].value


def test_images_of_other_shapes_are_refused():
    for other in (noise(300, 0, side=32), REAL.repeat(3, axis=3)):
        with pytest.raises(ValueError, match="28 x 28 x 1.*one shape"):
            evaluate(FAKE, other, metrics=["fid"], extractor=Quarters())
    with pytest.raises(ValueError, match="several shapes"):
        evaluate([FAKE, noise(9, 5, side=32)], REAL, metrics=["fid"], extractor=Quarters())


def test_a_reference_of_another_extractor_is_refused():
    sample = gather(REAL, Quarters())
    for change in ({"name": "other"}, {"sha256": "1" * 64}, {"resizer": "pil-bicubic"}, {"dtype": "mixed_bfloat16"}):
        extractor = Quarters()
        vars(extractor).update(change)
        with pytest.raises(ValueError, match="reference has"):
            evaluate(FAKE, sample, metrics=["fid"], extractor=extractor)


def test_pairs_of_images():
    records = evaluate(REAL, REAL, metrics=["ssim"])
    assert records["ssim"].value == 1
    moved = np.clip(REAL.astype(int) + 5, 0, 255).astype("uint8")
    assert 30 < evaluate(moved, REAL, metrics=["psnr"])["psnr"].value < 40


@pytest.mark.parametrize("name", METRICS)
def test_what_is_missing_is_named(name):
    metric = METRICS[name]
    if "real" in metric.others:
        with pytest.raises(ValueError, match="real=|needs labels"):
            evaluate(FAKE, metrics=[name], extractor=Quarters())
    if metric.needs & {"moments", "features", "scores"}:
        with pytest.raises(ValueError, match="extractor"):
            evaluate(FAKE, REAL, metrics=[name], train=TRAIN)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metrics": ["fdi"]}, "fid.*Received: 'fdi'"),
        ({"settings": {"fid": {"k": 3}}}, "settings of 'fid'"),
        ({"settings": {"kid": {}}}, r"Received: \['kid'\]"),
        ({"labels": np.zeros(3, int)}, "3 entries for 260"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        evaluate(FAKE, REAL, **{"metrics": ["fid"], "extractor": Quarters(), **arguments})


class Never(Quarters):
    """An extractor before which everything that can be seen to fail has failed."""

    def extract(self, images, batch_size=50):
        raise AssertionError("the network ran")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metrics": "kid"}, "subset_size=1000 of kid .*Received: 260 fake images.*'subset_size': 260"),
        ({"metrics": "kid", "settings": {"kid": {"subset_size": 280}}}, "Received: 260 fake"),
        ({"metrics": "ndb", "settings": {"ndb": {"bins": 301}}}, "bins=301 of ndb .*Received: 300 real"),
        ({"metrics": "birthday_paradox"}, "batch_size=400 of birthday_paradox"),
        ({"metrics": "fid", "real": None}, "pass real="),
        ({"metrics": "fid", "real": noise(300, 0, side=32)}, "28 x 28 x 1, the real images 32 x 32 x 1"),
        ({"metrics": "fid", "real": "mnist"}, "real='mnist'.*load_images"),
        ({"metrics": "fid", "batch_size": 0}, "batch_size=0"),
        ({"metrics": "fid", "extractor": "lenet"}, "'lenet'"),
    ],
)
def test_what_can_be_seen_to_fail_is_refused_before_the_network_runs(arguments, message):
    with pytest.raises(ValueError, match=message):
        evaluate(FAKE, **{"real": REAL, "extractor": Never(), **arguments})


@pytest.mark.parametrize("metric", ["fid", "ms_ssim"])
def test_channels_that_stand_first_are_named(metric):
    first = np.zeros((9, 3, 32, 32), "uint8")
    with pytest.raises(ValueError, match=r"np.moveaxis\(images, 1, -1\), .*channels=3, height, width"):
        evaluate(first, first, metrics=[metric], extractor=Quarters())


def test_names_stand_for_a_metric_and_an_extractor():
    named = evaluate(FAKE, REAL, metrics="fid", extractor="mnist")["fid"]
    assert named.extractor == "mnist_classifier" and named.value > 0
    assert evaluate(FAKE, gather(REAL, "mnist"), metrics="fid", extractor="mnist")["fid"].value == named.value


@pytest.mark.parametrize("metrics", ["fid", "recall", "ssim"])
def test_a_set_against_itself_is_said(metrics):
    options = {"metrics": metrics, "extractor": Quarters()}
    with pytest.warns(UserWarning, match="fake and real are the same images"):
        evaluate(REAL, REAL.copy(), **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate(REAL[::-1], np.clip(REAL, 0, 250), **options)


def test_images_that_give_no_number():
    shared = {"metrics": ["fid"], "extractor": Quarters()}
    with pytest.raises(ValueError, match="no images"):
        evaluate(FAKE[:0], REAL, **shared)
    with pytest.raises(ValueError):
        evaluate(FAKE[:1], REAL, **shared)
    with pytest.raises(ValueError, match="meant as 0 to 1"):
        evaluate(FAKE / 255, REAL, **shared)
    with pytest.raises(ValueError):
        evaluate(np.where(FAKE > 250, np.nan, FAKE / 127.5 - 1), REAL, **shared)
    with pytest.raises(ValueError, match="several shapes"):
        evaluate([FAKE, noise(9, 5, side=32)], REAL, metrics=["ms_ssim"])
    few = {"metrics": ["precision"], "extractor": Quarters()}
    with pytest.raises(ValueError):
        evaluate(FAKE[:3], REAL, **few)
    with pytest.raises(ValueError, match="NaN"):
        evaluate(np.full((9, 4), np.nan), np.ones((9, 4)), metrics=["fid"])


def test_bright_parts_of_images_with_dark_ones_are_taken_whatever_the_batches():
    bright = np.random.default_rng(0).uniform(0.5, 0.9, (40, 4, 4, 1)).astype("float32")
    bright[39] = -1
    values = [
        evaluate(images, metrics=("inception_score",), extractor=Quarters(), batch_size=size)["inception_score"].value
        for size in (1, 50)
        for images in (bright, np.where(bright > 0, 1, 200).astype("uint8"))
    ]
    assert values[:2] == pytest.approx(values[2:])
    with pytest.raises(ValueError, match="0 to 1"):
        evaluate(bright[:39], metrics=("inception_score",), extractor=Quarters())


def test_records_say_how_images_went_to_the_splits_of_the_inception_score():
    array, batches = (
        evaluate(images, metrics=("inception_score",), extractor=Quarters())["inception_score"] for images in (FAKE, [FAKE])
    )
    assert array.settings["shuffle_seed"] == 2020 and batches.settings["shuffle_seed"] == "in turn"
    with pytest.raises(ValueError, match="different protocols"):
        compare(array, batches)
