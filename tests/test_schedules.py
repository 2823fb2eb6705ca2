"""LinearDecay: rate min(1, (steps - step) / (steps - start))."""

import keras
import numpy as np
import pytest

from keras_gan_zoo.schedules import LinearDecay


def rates(schedule, steps):
    return [float(keras.ops.convert_to_numpy(schedule(step))) for step in steps]


def test_values():
    schedule = LinearDecay(0.4, steps=100, start=20)
    expected = [0.4, 0.4, 0.4, 0.4 * 79 / 80, 0.2, 0.4 / 80, 0.0, 0.0]
    np.testing.assert_allclose(rates(schedule, [0, 19, 20, 21, 60, 99, 100, 1000]), expected, rtol=1e-6, atol=1e-9)


def test_from_the_start_and_for_integer_tensors():
    schedule = LinearDecay(1.0, steps=4)
    steps = [keras.ops.convert_to_tensor(step, dtype="int64") for step in range(5)]
    np.testing.assert_allclose(rates(schedule, steps), [1.0, 0.75, 0.5, 0.25, 0.0], rtol=1e-6)


@pytest.mark.parametrize(("steps", "start"), [(10, 10), (10, 11), (10, -1), (0, 0)])
def test_a_decay_that_never_happens_is_refused(steps, start):
    with pytest.raises(ValueError, match=rf"start must be in .*steps={steps}.*Received: start={start}"):
        LinearDecay(0.1, steps, start)


def test_an_optimizer_follows_it_and_is_rebuilt_with_it():
    optimizer = keras.optimizers.SGD(LinearDecay(0.5, steps=4, start=1))
    variable = keras.Variable([0.0])
    moves = []
    for _ in range(5):
        before = float(keras.ops.convert_to_numpy(variable[0]))
        optimizer.apply([keras.ops.convert_to_tensor([1.0])], [variable])
        moves.append(before - float(keras.ops.convert_to_numpy(variable[0])))
    np.testing.assert_allclose(moves, [0.5, 0.5, 1 / 3, 1 / 6, 0.0], rtol=1e-5, atol=1e-7)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again._learning_rate.get_config() == {"initial_learning_rate": 0.5, "steps": 4, "start": 1}
