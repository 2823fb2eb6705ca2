"""A training that diverges ends at once, and the progress bar says what a training does."""

import io
import signal
import threading
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from keras_gan_zoo.callbacks import DivergedError, Progress, StopAtInterrupt, StopAtNaN


def watching(callback, **model):
    callback.set_model(SimpleNamespace(**model))
    return callback


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_no_number_is_named_with_its_round(value):
    callback = watching(StopAtNaN(), rounds=17)
    callback.on_epoch_end(0, {"discriminator_loss": 1.0, "generator_loss": -3.0})
    with pytest.raises(DivergedError, match="^generator_loss is not finite by round 17; .*checkpoint.*Lower the learning"):
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


def test_it_looks_in_some_round():
    with pytest.raises(ValueError, match="every must be an integer of at least 1. Received: every=0"):
        StopAtNaN(every=0)


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


class Referred:
    pass


def interrupt_where_python_drops_it():
    referred = Referred()
    reference = weakref.ref(referred, lambda _: signal.raise_signal(signal.SIGINT))
    del referred
    assert reference() is None


@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.default_int_handler])
def test_a_termination_ends_the_training_as_an_interrupt_does(before):
    kept = signal.signal(signal.SIGTERM, before)
    try:
        with StopAtInterrupt().listening() as stop:
            stop.on_train_batch_end(0)
            signal.raise_signal(signal.SIGTERM)
            with pytest.raises(KeyboardInterrupt):
                stop.on_train_batch_end(1)
        assert signal.getsignal(signal.SIGTERM) is before
    finally:
        signal.signal(signal.SIGTERM, kept)


def test_an_interrupt_that_python_drops_ends_the_training_with_its_round():
    before = signal.getsignal(signal.SIGINT)
    with StopAtInterrupt().listening() as stop:
        stop.on_train_batch_end(0)
        interrupt_where_python_drops_it()
        with pytest.raises(KeyboardInterrupt):
            stop.on_train_batch_end(1)
    assert signal.getsignal(signal.SIGINT) is before is signal.default_int_handler


def test_a_second_interrupt_does_not_wait_for_the_end_of_the_round():
    with StopAtInterrupt().listening():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_an_interrupt_that_somebody_else_handles_is_left_to_them():
    heard, before = [], signal.signal(signal.SIGINT, lambda *_: heard.append("heard"))
    try:
        with StopAtInterrupt().listening() as stop:
            signal.raise_signal(signal.SIGINT)
            stop.on_train_batch_end(0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == ["heard"]


def test_in_another_thread_no_signal_can_be_taken_over():
    errors = []

    def listen():
        try:
            with StopAtInterrupt().listening():
                pass
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert not errors
