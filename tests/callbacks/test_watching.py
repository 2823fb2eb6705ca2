"""A training that diverges ends at once, and the progress bar says what a training does."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from keras_gan_zoo.callbacks import DivergedError, Progress, StopAtNaN


def watching(callback, **model):
    callback.set_model(SimpleNamespace(**model))
    return callback


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_no_number_is_named_with_its_round(value):
    callback = watching(StopAtNaN(), rounds=17)
    callback.on_epoch_end(0, {"discriminator_loss": 1.0, "generator_loss": -3.0})
    with pytest.raises(DivergedError, match="^generator_loss is not finite at round 17; .*checkpoint.*Lower the learning"):
        callback.on_epoch_end(0, {"discriminator_loss": 1.0, "generator_loss": value})


def test_it_looks_in_every_nth_round_and_at_the_end():
    callback, bad = watching(StopAtNaN(every=3), rounds=0), {"loss": np.nan}
    looked = []
    for batch in range(9):
        try:
            callback.on_train_batch_end(batch, bad)
        except DivergedError:
            looked.append(batch)
    assert looked == [2, 5, 8]
    callback.on_train_batch_end(2, {"loss": 0.0})
    with pytest.raises(DivergedError):
        callback.on_epoch_end(0, bad)


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by one second whenever it is read."""
    from keras_gan_zoo.callbacks import watching

    seconds = iter(range(1000))
    monkeypatch.setattr(watching.time, "perf_counter", lambda: float(next(seconds)))


@pytest.mark.parametrize("width", [60, 200])
def test_the_bar_shows_rounds_losses_and_rate(clock, width):
    text = io.StringIO()
    model = SimpleNamespace(rounds=100)
    progress = Progress(1200, images_per_round=32, console=Console(file=text, width=width, force_terminal=True))
    progress.set_model(model)
    progress.on_train_begin()
    for batch in range(4):
        model.rounds += 1
        progress.on_train_batch_end(batch, {"discriminator_loss": 1.23456, "generator_loss": -0.5})
    progress.on_train_end()
    progress.close()
    # The first round only starts the clock; the others take a second each.
    for words in ("104/1200", "discriminator_loss", "1.235", "generator_loss", "-0.500", "32", "images/s"):
        assert words in text.getvalue()


def test_a_bar_that_was_never_begun_can_be_closed():
    """Where the data is refused, there is an error to show, and no bar."""
    Progress(10, 4).close()
