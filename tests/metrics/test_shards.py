"""Parts of a set of images merge to what one pass over all of them gives."""

import json

import numpy as np
import pytest

from keras_gan_zoo.metrics import Moments, Sample, Shard, evaluate, gather
from keras_gan_zoo.metrics.shards import merged_shards, save_shard
from tests.metrics.stub_extractors import Quarters, noise

FAKES, REAL = noise(130, 0), noise(110, 1, low=40)
EVERYTHING = ("moments", "features", "scores", "images", "labels")
METRICS = ("fid", "kid", "precision", "recall", "inception_score", "intra_fid", "sliced_wasserstein")
SETTINGS = {"kid": {"subset_size": 20}}


def seen(images, number, count, keep=EVERYTHING, **options):
    """What a shard sees of the images, from and to a file."""
    rows = Shard(number, count).rows(len(images), 10)
    labels = (np.arange(len(images)) % 3)[rows] if "labels" in keep else None
    place = {"first": rows.start, "total": len(images)}
    return gather(images[rows], Quarters(), keep, labels=labels, batch_size=10, **place, **options)


def merged(images, count, tmp_path):
    samples = []
    for number in range(1, count + 1):
        np.savez(tmp_path / "sample.npz", **seen(images, number, count).arrays())
        with np.load(tmp_path / "sample.npz", allow_pickle=False) as file:
            samples.append(Sample.from_arrays(dict(file)))
    first, *others = samples
    for other in others:
        first.merge(other)
    return first


@pytest.mark.parametrize("count", [1, 3, 7])
def test_rows_are_each_image_once_in_whole_batches(count):
    for n in (1, 69, 70, 71, 130):
        rows = [Shard(number, count).rows(n, 10) for number in range(1, count + 1)]
        assert np.concatenate([np.arange(n)[part] for part in rows]).tolist() == list(range(n))
        assert all(part.start % 10 == 0 for part in rows)
    sizes = [len(range(130)[part]) for part in rows]
    assert max(sizes) - min(sizes) <= 10


@pytest.mark.parametrize("count", [3, 13])
def test_all_metrics_of_merged_shards_are_those_of_the_whole(count, tmp_path):
    fake, real = merged(FAKES, count, tmp_path), merged(REAL, min(count, 11), tmp_path)
    labels = {"labels": np.arange(130) % 3, "real_labels": np.arange(110) % 3}
    whole = evaluate(FAKES, REAL, metrics=METRICS, settings=SETTINGS, extractor=Quarters(), batch_size=10, **labels)
    ours = evaluate(fake, real, metrics=METRICS, settings=SETTINGS)
    for name in METRICS:
        assert ours[name].value == pytest.approx(whole[name].value, rel=1e-10, abs=1e-12), name
        assert (ours[name].n_fake, ours[name].extractor_sha256) == (130, whole[name].extractor_sha256)
    np.testing.assert_array_equal(fake.images, FAKES)


def test_scores_of_batches_go_to_the_splits_in_turn_across_shards():
    whole = gather(iter([FAKES]), Quarters(), ("scores",)).scores.result()
    first, second = (
        gather(iter([FAKES[:33]]), Quarters(), ("scores",)),
        gather(iter([FAKES[33:]]), Quarters(), ("scores",), first=33),
    )
    assert first.merge(second).scores.result() == pytest.approx(whole, abs=1e-12)
    apart = gather(iter([FAKES[:33]]), Quarters(), ("scores",)).merge(gather(iter([FAKES[33:]]), Quarters(), ("scores",)))
    assert apart.scores.result() != pytest.approx(whole, abs=1e-9)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_moments_of_any_number_of_vectors_are_saved(n, tmp_path):
    features = np.random.default_rng(0).normal(size=(9, 4))
    part = Moments(4, {"extractor": "a"}).update(features[:n])
    part.save(tmp_path / "part.npz")
    loaded = Moments.load(tmp_path / "part.npz")
    assert (loaded.n, loaded.source) == (n, {"extractor": "a"})
    loaded.merge(Moments.of(features[n:], {"extractor": "a"}))
    np.testing.assert_allclose(loaded.covariance, np.cov(features, rowvar=False), rtol=1e-12)
    np.testing.assert_allclose(loaded.mean, features.mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"split": "mnist/test"}, "split: 'none' and 'mnist/test'"),
        ({"keep": ("moments",)}, r"kept: \['moments', 'features', .*\] and \['moments'\]"),
        ({"side": 14}, r"image_shape: \(28, 28, 1\) and \(14, 14, 1\)"),
        ({"splits": 5}, "'splits': 10.*'splits': 5"),
    ],
)
def test_samples_that_differ_are_not_merged(options, words):
    images = noise(130, 0, side=options.pop("side", 28))
    with pytest.raises(ValueError, match=words):
        seen(FAKES, 1, 2).merge(seen(images, 2, 2, **options))


TOLD = {"metrics": {"fid": {}}, "seed": 0, "skipped": [["a.png", "broken"]]}


def saved(folder, number, count=3, **told):
    path = folder / f"{len(list(folder.iterdir()))}.npz"
    fake, real = (seen(images, number, count, ("moments",)) for images in (FAKES, REAL))
    save_shard(path, Shard(number, count), {**TOLD, **told}, fake, None if number > 1 else real)
    return path


def test_files_of_shards_come_back_in_any_order(tmp_path):
    paths = [saved(tmp_path, number) for number in (3, 1, 2)]
    told, fake, real = merged_shards(paths)
    assert told["skipped"] == [("a.png", "broken")] and told["metrics"] == {"fid": {}}
    assert (fake.n, real.n) == (130, 30)
    np.testing.assert_allclose(fake.moments.mean, gather(FAKES, Quarters()).moments.mean, rtol=1e-12)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([1, 3], r"All 3 shards must be there. Received: 2 of them, without 2. Fix: measure with --shard 2/3"),
        ([1, 2, 2, 3], "shard 2 of 3 twice, .*1.npz and .*2.npz. Fix: leave one out"),
        ([2], "without 1, 3"),
    ],
)
def test_missing_and_repeated_shards_are_named(tmp_path, numbers, words):
    with pytest.raises(ValueError, match=words):
        merged_shards([saved(tmp_path, number) for number in numbers])


def test_one_file_given_twice_is_a_repeated_shard(tmp_path):
    paths = [saved(tmp_path, number, 2) for number in (1, 2)]
    with pytest.raises(ValueError, match="Each shard must be there once"):
        merged_shards([*paths, paths[0]])


@pytest.mark.parametrize(
    ("number", "count", "told", "words"),
    [
        (2, 2, {"seed": 1}, "0.npz and .*1.npz, which differ .seed: 0 and 1"),
        (2, 2, {"metrics": {"kid": {}}}, "metrics: {'fid': {}} and {'kid': {}}"),
        (2, 4, {}, "count: 2 and 4"),
    ],
)
def test_shards_of_different_protocols_are_refused(tmp_path, number, count, told, words):
    with pytest.raises(ValueError, match=words):
        merged_shards([saved(tmp_path, 1, 2), saved(tmp_path, number, count, **told)])


def test_files_that_are_no_shards_are_named(tmp_path):
    np.savez(tmp_path / "moments.npz", mean=np.zeros(3))
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "half.npz", shard=json.dumps({"number": 1, "count": 1, "skipped": []}), **{"fake/n": 3})
    for name, words in (
        ("moments.npz", "must be a shard.*says nothing of a shard"),
        ("text.npz", "must be a shard.*not a zip"),
        ("missing.npz", "must be a shard.*No such file"),
        ("half.npz", "without 'source'. Fix: measure it again"),
    ):
        with pytest.raises(ValueError, match=f"{name} {words}" if "must be" in words else f"{name} .*{words}"):
            merged_shards([tmp_path / name])


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (
            {"count": 10**10},
            "All 10000000000 shards must be there. Received: 1 of them, without 2, .*, 11 and others. Fix: ",
        ),
        ({"count": "3"}, "count must be an integer of at least 1. Received: count='3'"),
        ({"number": 1.0}, r"number must be an integer in \[1, 2\)"),
        ({"number": 2}, r"number must be an integer in \[1, 2\)"),
        ({"skipped": 3}, "not iterable"),
        ({"skipped": [3]}, "int"),
        ({}, "must hold all of its shard. Received: a file without 'n'. Fix"),
    ],
)
def test_headers_are_not_trusted(tmp_path, header, words):
    told = {"number": 1, "count": 1, "skipped": [], **header}
    np.savez(tmp_path / "h.npz", shard=json.dumps(told), **{"real/n": 3})
    with pytest.raises(ValueError, match=words) as caught:
        merged_shards([tmp_path / "h.npz"])
    assert "h.npz" in str(caught.value) or "10000000000" in str(caught.value)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/", "a/3", "1/3/3", "-1/3", "1/0"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(ValueError, match="shard must be I/N"):
        Shard.parse(text)
    assert Shard.parse("2/3") == Shard(2, 3) and str(Shard(2, 3)) == "2/3"
