"""Metrics during a training: they change nothing in it, and what is kept is what it is said to be."""

import csv
import json
import math
import os

import keras
import numpy as np
import pytest

from keras_gan_zoo.callbacks import Evaluate
from keras_gan_zoo.metrics.records import NONE, Record

IMAGES = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 1), dtype=np.uint8)


@pytest.fixture
def gan(small_gan, tiny_gan):
    """Built alike on each call; `gan()`, of two linear networks. Eager, which spares the building of a graph each time."""

    def build(name=None, run_eagerly=True, **arguments):
        keras.utils.set_random_seed(0)
        shape = IMAGES.shape[1:]
        gan = small_gan(name, shape, seed=0, **arguments) if name else tiny_gan(image_shape=shape, **arguments)
        gan.compile(run_eagerly=run_eagerly)
        return gan

    return build


def trained(gan, rounds, *callbacks, start=0):
    labels = {"y": np.arange(32) % 3} if "labels" in gan.fields() else {}
    options = {"batch_size": 4, "steps_per_epoch": 4, "epochs": rounds // 4, "initial_epoch": start // 4}
    gan.fit(IMAGES, **labels, **options, verbose=0, callbacks=list(callbacks))
    return gan


def values(gan):
    return [keras.ops.convert_to_numpy(variable) for variable in (*gan.variables, *gan.optimizer.variables)]


def equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(values(a), values(b), strict=True))


def scripted(*numbers):
    """A measure that returns these numbers one after another as "score"; the last one again and again."""
    numbers = list(numbers)
    return lambda images: {"score": numbers.pop(0) if len(numbers) > 1 else numbers[0]}


def evaluate(folder, measure, every=4, **options):
    return Evaluate(measure, every, **{"folder": folder, "monitor": "score", "n": 6, "budget": 1.0, **options})


def rows(folder):
    with (folder / "evaluations.csv").open(newline="") as file:
        return [(int(row["round"]), row["score"]) for row in csv.DictReader(file)]


def weights(folder):
    return json.loads((folder / "weights.json").read_text())


@pytest.mark.parametrize(
    ("name", "arguments"), [("gan", {"ema_half_life": 20}), ("dcgan", {}), ("cgan", {"num_classes": 3})]
)
def test_the_training_is_bit_identical_with_and_without(gan, tmp_path, name, arguments):
    plain = trained(gan(name, run_eagerly=False, **arguments), 8)
    callback = evaluate(tmp_path, lambda images: {"score": images.mean()}, every=3)
    watched = trained(gan(name, run_eagerly=False, **arguments), 8, callback)
    assert equal(plain, watched)
    assert [number for number, _ in rows(tmp_path)] == [3, 6, 8]


@pytest.mark.parametrize(("mode", "best", "value"), [("min", 8, 1.0), ("max", 12, 7.0)])
def test_the_best_and_the_final_weights_are_kept_and_told_apart(gan, tmp_path, mode, best, value):
    callback = evaluate(tmp_path, scripted(5.0, 1.0, 7.0, 3.0), mode=mode)
    end = trained(gan(), 16, callback)
    known = weights(tmp_path)
    assert known["chosen_by"] == {"monitor": "score", "mode": mode} and known["evaluations"] == 4
    assert known["best"] == {
        "file": "best.weights.h5", "round": best, "value": value, "values": {"score": value}, "records": {},
    }  # fmt: skip
    assert (known["final"]["file"], known["final"]["round"], known["final"]["value"]) == ("final.weights.h5", 16, 3.0)
    assert callback.best == known["best"] and callback.final == known["final"]
    assert rows(tmp_path) == [(4, "5.0"), (8, "1.0"), (12, "7.0"), (16, "3.0")]
    kept = gan()
    kept.load_weights(tmp_path / "best.weights.h5")
    assert equal(kept, trained(gan(), best)) and not equal(kept, end)
    kept.load_weights(tmp_path / "final.weights.h5")
    assert equal(kept, end)
    assert not list(tmp_path.glob(".partial*"))


@pytest.mark.parametrize(("name", "arguments"), [("gan", {}), ("cgan", {"num_classes": 3})])
def test_the_images_are_those_of_the_sampler_with_classes_evenly(gan, tmp_path, name, arguments):
    seen = []
    model = trained(
        gan(name, **arguments), 4, evaluate(tmp_path, lambda images: seen.append(images) or {"score": 0}, seed=3)
    )
    (images,) = seen
    assert images.dtype == np.uint8
    ((field, samples),) = model.preview(6, seed=3).values()
    np.testing.assert_array_equal(images, field.render(samples))


def test_records_are_kept_with_their_weights(gan, tmp_path):
    record = Record(2.5, "fid", **{**NONE, "extractor": "pixels"}, n_real=9, n_fake=6, reference_split="none")
    trained(gan(), 4, evaluate(tmp_path, lambda images: {"score": record, "other": np.float32(0.5)}))
    known = weights(tmp_path)["final"]
    assert known["value"] == 2.5 and known["values"] == {"score": 2.5, "other": 0.5}
    assert Record.from_dict(known["records"]["score"]) == record and set(known["records"]) == {"score"}


def test_a_model_whose_samples_are_nan_is_not_measured(gan, tmp_path):
    model = gan()
    model.generator.set_weights([np.full(w.shape, np.nan, "float32") for w in model.generator.get_weights()])
    callback = evaluate(tmp_path, lambda images: pytest.fail("measured"))
    with pytest.warns(RuntimeWarning, match="At round 4 the samples hold NaN.*never the best"):
        trained(model, 4, callback)
    assert callback.best is None and callback.final["value"] is None and not (tmp_path / "best.weights.h5").exists()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_what_is_no_number_is_never_the_best_and_is_reported(gan, tmp_path, value, mode):
    callback = evaluate(tmp_path, scripted(value, 2.0, value), mode=mode)
    with pytest.warns(RuntimeWarning, match=f"At round 4 score is {value}; it is never the best"):
        trained(gan(), 12, callback)
    assert callback.best["round"] == 8 and callback.best["value"] == 2.0
    assert rows(tmp_path) == [(4, ""), (8, "2.0"), (12, "")]
    assert weights(tmp_path)["not_finite"] == [4, 12] and weights(tmp_path)["final"]["value"] is None


def test_a_measure_that_fails_is_an_error_with_the_round(gan, tmp_path):
    def measure(images):
        raise ZeroDivisionError("no images of class 3")

    with pytest.raises(RuntimeError, match="measure failed at round 4: ZeroDivisionError: no images of class 3"):
        trained(gan(), 8, evaluate(tmp_path, measure))


def test_names_that_do_not_fit_are_errors(gan, tmp_path):
    with pytest.raises(ValueError, match="fid, kid at round 4.*monitor='score'"):
        trained(gan(), 4, evaluate(tmp_path, lambda images: {"fid": 1.0, "kid": 2.0}))
    results = iter([{"score": 1.0}, {"score": 1.0, "kid": 2.0}])
    with pytest.raises(ValueError, match=r"Received: \['kid', 'score'\] at round 8, and \['score'\] before.*Fix"):
        trained(gan(), 8, evaluate(tmp_path, lambda images: next(results)))


@pytest.mark.parametrize(
    "wrong", [{"mode": "least"}, {"budget": 0}, {"budget": 1.5}, {"n": 0}, {"every": 0}, {"every": 2.5}, {"seed": -1}]
)
def test_impossible_arguments(tmp_path, wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=rf"\b{name}="):
        evaluate(tmp_path, scripted(1.0), **wrong)


@pytest.mark.parametrize(
    ("folder", "words"),
    [("a_file", "folder must be a place .*a_file is no folder"), ("pipes", "weights.json must be a file")],
)
def test_places_are_looked_at_before_the_training(gan, tmp_path, folder, words):
    (tmp_path / "a_file").touch()
    (tmp_path / "pipes").mkdir()
    os.mkfifo(tmp_path / "pipes" / "weights.json")
    model = gan()
    with pytest.raises(OSError, match=words):
        trained(model, 4, evaluate(tmp_path / folder, scripted(1.0)))
    assert int(model.rounds) == 0


def test_a_measure_that_fails_at_the_end_leaves_the_final_weights(gan, tmp_path):
    model = gan()
    with pytest.raises(
        ValueError, match="monitor must be among what measure returns, fid at round 4. Received: monitor='sc"
    ):
        trained(model, 4, evaluate(tmp_path, lambda images: {"fid": 1.0}, every=1000))
    other = gan()
    other.load_weights(tmp_path / "final.weights.h5")
    assert equal(model, other) and int(other.rounds) == 4


# Budget ------------------------------------------------------------------------------------------------------------------


class Clock:
    """A round takes a second and an evaluation ten; the first of each takes `compiling` seconds more."""

    def __init__(self, monkeypatch, compiling=0.0):
        from keras_gan_zoo.callbacks import best_weights

        self.now, self.first_round, self.first_measure = 0.0, compiling, compiling
        monkeypatch.setattr(best_weights.time, "perf_counter", lambda: self.now)

    def measure(self, images):
        self.now += 10.0 + self.first_measure
        self.first_measure = 0.0
        return {"score": 0.0}

    def play(self, batch, logs):
        self.now += 1.0 + self.first_round
        self.first_round = 0.0

    def rounds(self):
        return keras.callbacks.LambdaCallback(on_train_batch_begin=self.play)


@pytest.mark.parametrize("compiling", [0.0, 1000.0])
def test_evaluations_beyond_the_budget_are_left_out_and_counted(gan, tmp_path, monkeypatch, compiling):
    """The first, at round 4, is not counted, nor is its compilation; the second is done, at round 8. One more is 20 s, a
    quarter of 80 s, which are those and 60 s of rounds after the first: at round 64, not at 60."""
    clock = Clock(monkeypatch, compiling)
    callback = evaluate(tmp_path, clock.measure, budget=0.25)
    with pytest.warns(RuntimeWarning, match=r"14 of 18 evaluations were left out.*budget=0.25.*last one took 10.0 s.*Fix"):
        trained(gan(), 72, clock.rounds(), callback)
    # The one at the end is always done.
    assert [number for number, _ in rows(tmp_path)] == [4, 8, 64, 72]
    assert callback.skipped == weights(tmp_path)["skipped"] == [*range(12, 64, 4), 68]


def test_the_whole_time_as_budget_leaves_nothing_out(gan, tmp_path, monkeypatch):
    clock = Clock(monkeypatch)
    trained(gan(), 16, clock.rounds(), evaluate(tmp_path, clock.measure, budget=1.0))
    assert [number for number, _ in rows(tmp_path)] == [4, 8, 12, 16]


# Resuming ----------------------------------------------------------------------------------------------------------------


def test_a_resumed_run_drops_later_rows_and_keeps_the_best(gan, tmp_path):
    trained(gan(), 12, evaluate(tmp_path, scripted(5.0, 1.0, 9.0)))
    before = (tmp_path / "best.weights.h5").read_bytes()
    model = trained(gan(), 4)
    callback = evaluate(tmp_path, scripted(3.0, 4.0))
    trained(model, 12, callback, start=4)
    assert rows(tmp_path) == [(4, "5.0"), (8, "3.0"), (12, "4.0")]
    assert callback.best["round"] == 8 and callback.best["value"] == 1.0
    assert (tmp_path / "best.weights.h5").read_bytes() == before
    assert callback.final["round"] == 12 and callback.final["value"] == 4.0


def test_a_training_from_the_start_takes_over_nothing(gan, tmp_path):
    trained(gan(), 8, evaluate(tmp_path, scripted(1.0)))
    callback = evaluate(tmp_path, scripted(5.0))
    trained(gan(), 4, callback)
    assert rows(tmp_path) == [(4, "5.0")] and callback.best["value"] == 5.0


def test_the_folder_of_another_training_is_refused(gan, tmp_path):
    trained(gan(), 4, evaluate(tmp_path, scripted(1.0)))
    other = gan()
    other.generator.set_weights([weight + 0.1 for weight in other.generator.get_weights()])
    trained(other, 4)
    with pytest.raises(
        ValueError, match="must be the folder of the training that goes on.*at round 4 were others. Fix: anoth"
    ):
        trained(other, 8, evaluate(tmp_path, scripted(2.0)), start=4)
    # As an older version has left it.
    content = weights(tmp_path)
    del content["states"]
    (tmp_path / "weights.json").write_text(json.dumps(content))
    trained(trained(gan(), 4), 8, evaluate(tmp_path, scripted(2.0)), start=4)
    assert list(weights(tmp_path)["states"]) == ["8"] and weights(tmp_path)["best"]["round"] == 4


def test_files_that_never_end_are_not_read(gan, tmp_path):
    model = trained(gan(), 4, evaluate(tmp_path, scripted(1.0)))
    with (tmp_path / "weights.json").open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(ValueError, match="must hold what Evaluate wrote.*at most 100,000,000 bytes.*Fix: move the folder"):
        trained(model, 8, evaluate(tmp_path, scripted(1.0)), start=4)


def test_a_folder_of_another_choice_is_refused(gan, tmp_path):
    model = trained(gan(), 4, evaluate(tmp_path, scripted(1.0)))
    with pytest.raises(ValueError, match="must hold weights chosen by.*'max'.*Received.*'min'"):
        trained(model, 8, evaluate(tmp_path, scripted(1.0), mode="max"), start=4)


def test_weights_that_are_rolled_back_take_their_rows_with_them(gan, tmp_path):
    checkpoint = tmp_path / "c.weights.h5"
    trained(gan(), 4).save_weights(checkpoint)
    model = gan()
    callback = evaluate(tmp_path, scripted(1.0, 2.0, 3.0, 4.0))

    def roll_back(epoch, logs):
        if epoch == 1:
            model.load_weights(checkpoint)

    trained(model, 16, callback, keras.callbacks.LambdaCallback(on_epoch_end=roll_back))
    # Evaluated at 4 and 8; set back to 4 after 8; so the next two are at 8 and 12.
    assert rows(tmp_path) == [(4, "1.0"), (8, "3.0"), (12, "4.0")]


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="Keras has steps_per_execution=1 on torch")
def test_several_rounds_in_one_execution_are_counted(gan, tmp_path):
    model = gan()
    model.compile(steps_per_execution=2)
    trained(model, 8, evaluate(tmp_path, scripted(1.0), every=3))
    assert [number for number, _ in rows(tmp_path)] == [4, 6, 8]
