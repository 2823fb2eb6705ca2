"""The networks of SeqGAN: parameter counts, initial weights, and what each computes, against NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_gan_zoo.networks.sequences import continued, lstm_generator, teacher_forced, text_cnn_discriminator


def value(tensor):
    return ops.convert_to_numpy(tensor)


def tokens(n=4, length=6, vocabulary=7, seed=0):
    return np.random.default_rng(seed).integers(0, vocabulary, (n, length)).astype("int32")


def scaled(network, scale):
    """The network with weights that make a difference, where the initial ones are small."""
    network.set_weights([scale * weight for weight in network.get_weights()])
    return network


@pytest.fixture(scope="module")
def paper():
    keras.utils.set_random_seed(0)
    return lstm_generator(5000), text_cnn_discriminator(20, 5000)


@pytest.fixture(scope="module")
def generator():
    keras.utils.set_random_seed(1)
    return scaled(lstm_generator(7, width=3, embedding=4), 10)


def test_the_papers_networks_have_the_papers_weights(paper):
    generator, discriminator = paper
    assert generator.count_params() == 333_320
    assert discriminator.count_params() == 7_045_402
    assert discriminator.get_layer("features").output.shape == (None, 1720)


def test_initial_weights_are_the_papers(paper):
    generator, discriminator = paper
    for weight in generator.weights:
        array = value(weight)
        assert array.std() == pytest.approx(0.1, rel=4 / (2 * array.size) ** 0.5), weight.path
    # Each weight has numbers of its own, those of equal shape too.
    cell = generator.get_layer("cell")
    assert not np.allclose(value(cell.kernel), value(cell.recurrent_kernel))
    embedding = value(discriminator.get_layer("embedding").embeddings)
    assert embedding.min() == pytest.approx(-1, abs=1e-3) and embedding.max() == pytest.approx(1, abs=1e-3)
    assert (value(discriminator.get_layer("highway_gate").bias) == 0).all()
    kernel = value(discriminator.get_layer("width_20").kernel)
    assert np.abs(kernel).max() <= 0.2 and 0.08 < kernel.std() < 0.1


# The generator ---------------------------------------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def numpy_steps(generator):
    """A function (token before, states) -> (log-probabilities, states after), for one sequence in float64."""
    weights = {
        weight.path.rpartition("/")[2]: value(weight).astype("float64") for weight in generator.get_layer("cell").weights
    }
    embedding = value(generator.get_layer("embedding").embeddings).astype("float64")
    output, output_bias = (value(weight).astype("float64") for weight in generator.get_layer("logits").weights)
    width = len(weights["recurrent_kernel"])

    def step(before, states):
        hidden, memory = states or (np.zeros(width), np.zeros(width))
        gates = embedding[before] @ weights["kernel"] + hidden @ weights["recurrent_kernel"] + weights["bias"]
        inward, forget, candidate, outward = np.split(gates, 4)
        memory = sigmoid(forget) * memory + sigmoid(inward) * np.tanh(candidate)
        hidden = sigmoid(outward) * np.tanh(memory)
        logits = hidden @ output + output_bias
        return logits - np.log(np.exp(logits).sum()), (hidden, memory)

    return step


def numpy_log_probabilities(generator, sequence):
    """(length, vocabulary), each position after the tokens before it."""
    step, before, states, found = numpy_steps(generator), 0, None, []
    for token in sequence:
        log_probabilities, states = step(before, states)
        found.append(log_probabilities)
        before = token
    return np.array(found)


def log_softmax(logits):
    logits = np.asarray(logits, "float64")
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("n", [1, 4])
def test_teacher_forcing_is_an_lstm_over_the_tokens_before(n, generator):
    sequences = tokens(n)
    logits = value(teacher_forced(generator, ops.convert_to_tensor(sequences)))
    assert logits.shape == (n, 6, 7) and logits.dtype == np.float32
    for sequence, found in zip(sequences, logits, strict=True):
        np.testing.assert_allclose(log_softmax(found), numpy_log_probabilities(generator, sequence), atol=1e-5)


def test_a_position_sees_what_is_before_it_alone(generator):
    sequences = np.repeat(tokens(1), 2, axis=0)
    sequences[1, 2] = (sequences[0, 2] + 1) % 7
    one, other = value(teacher_forced(generator, ops.convert_to_tensor(sequences)))
    np.testing.assert_array_equal(one[:3], other[:3])
    assert np.abs(one[3:] - other[3:]).max(axis=1).min() > 1e-3


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_tokens_are_drawn_with_the_probabilities_of_teacher_forcing(temperature, generator):
    """Just below the sum of the probabilities up to a token it is drawn, and just above it the next one is."""
    sequence, margin = tokens(1)[0], 1e-5
    logits = value(teacher_forced(generator, ops.convert_to_tensor(sequence[None])))[0]
    bounds = np.exp(log_softmax(logits / temperature)).cumsum(axis=1)
    for t in range(6):
        rows = np.repeat(sequence[None], 13, axis=0)
        noise = np.full((13, 6), 0.5, "float32")
        noise[:, t] = np.sort(np.concatenate([bounds[t] - margin, bounds[t, :-1] + margin]))
        drawn = value(
            continued(generator, ops.convert_to_tensor(rows), np.full(13, t), ops.convert_to_tensor(noise), temperature)
        )
        np.testing.assert_array_equal(drawn[:, t], np.repeat(np.arange(7), 2)[1:])
        np.testing.assert_array_equal(drawn[:, :t], rows[:, :t])


def test_what_is_drawn_leads_on(generator):
    noise = np.random.default_rng(2).random((20, 6)).astype("float32")
    drawn = value(continued(generator, np.zeros((20, 6), "int32"), np.zeros(20, "int32"), ops.convert_to_tensor(noise)))
    step = numpy_steps(generator)
    for row, uniform in zip(drawn, noise, strict=True):
        before, states = 0, None
        for token, u in zip(row, uniform, strict=True):
            log_probabilities, states = step(before, states)
            before = (np.exp(log_probabilities).cumsum() <= u).sum()
            assert token == before
    assert len(np.unique(drawn, axis=0)) > 15


@pytest.mark.parametrize("given", [0, 1, 4, 6])
def test_tokens_that_are_given_stay(given, generator):
    sequences, noise = tokens(50), np.random.default_rng(3).random((50, 6)).astype("float32")
    found = value(continued(generator, ops.convert_to_tensor(sequences), np.full(50, given), ops.convert_to_tensor(noise)))
    np.testing.assert_array_equal(found[:, :given], sequences[:, :given])
    assert found.dtype == np.int32
    for t in range(given, 6):
        assert (found[:, t] != sequences[:, t]).any()


def test_the_largest_noise_draws_a_token(generator):
    noise = np.full((1, 6), 1.0, "float32")
    drawn = value(continued(generator, np.zeros((1, 6), "int32"), np.zeros(1, "int32"), ops.convert_to_tensor(noise)))
    assert (drawn == 6).all()


def test_no_gradient_goes_through_what_is_drawn(generator, gradients_of):
    noise = ops.convert_to_tensor(np.full((3, 6), 0.4, "float32"))

    def total():
        drawn = continued(generator, ops.zeros((3, 6), "int32"), ops.zeros(3, "int32"), noise)
        # With something to differentiate, as torch refuses a value that has no gradient at all.
        return ops.sum(ops.cast(drawn, "float32")) + ops.sum(first)

    first, *others = generator.trainable_variables
    gradient, *rest = gradients_of(total, [first, *others])
    assert (gradient == 1).all() and all(gradient is None for gradient in rest)


# The discriminator -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def discriminator():
    keras.utils.set_random_seed(2)
    return text_cnn_discriminator(6, 7, embedding=3, kernel_sizes=(1, 3), filters=(4, 5), dropout=0.5)


def numpy_score(network, sequence):
    layer = {layer.name: [value(weight).astype("float64") for weight in layer.weights] for layer in network.layers}
    embedded, features = layer["embedding"][0][sequence], []
    for size in (1, 3):
        kernel, bias = layer[f"width_{size}"]
        windows = [embedded[i : i + size].reshape(-1) for i in range(len(sequence) - size + 1)]
        features.append(np.maximum(np.array(windows) @ kernel.reshape(-1, kernel.shape[-1]) + bias, 0).max(axis=0))
    x = np.concatenate(features)
    gate = sigmoid(x @ layer["highway_gate"][0] + layer["highway_gate"][1])
    x = gate * np.maximum(x @ layer["highway"][0] + layer["highway"][1], 0) + (1 - gate) * x
    real, generated = (x @ layer[name][0] + layer[name][1] for name in ("real", "generated"))
    return real - generated


@pytest.mark.parametrize("n", [1, 4])
def test_the_score_is_what_the_layers_say(n, discriminator):
    sequences = tokens(n)
    scores = value(discriminator(sequences, training=False))
    assert scores.shape == (n, 1)
    np.testing.assert_allclose(scores, [numpy_score(discriminator, sequence) for sequence in sequences], atol=1e-5)


def test_dropout_is_in_training_alone(discriminator):
    sequences = tokens()
    quiet = value(discriminator(sequences, training=False))
    np.testing.assert_array_equal(quiet, value(discriminator(sequences, training=False)))
    noisy = [value(discriminator(sequences, training=True)) for _ in range(2)]
    assert np.abs(noisy[0] - quiet).max() > 1e-3 and np.abs(noisy[0] - noisy[1]).max() > 1e-3


def test_the_logits_hold_their_decay():
    network = text_cnn_discriminator(6, 7, embedding=3, kernel_sizes=[2], filters=4, output_l2=0.6)
    decay = sum(float(v.regularizer(v)) for v in network.trainable_variables if v.regularizer)
    weights = [value(v) for name in ("real", "generated") for v in network.get_layer(name).trainable_variables]
    assert len(weights) == 4
    assert decay == pytest.approx(0.3 * sum((weight**2).sum() for weight in weights), rel=1e-5)


def test_networks_are_what_their_configurations_say(generator, discriminator):
    for network in (generator, discriminator):
        again = keras.models.clone_model(network)
        again.set_weights(network.get_weights())
        inputs = tokens() if network is discriminator else [tokens()[:, 0], *np.ones((2, 4, 3), "float32")]
        for a, b in zip(keras.tree.flatten(network(inputs)), keras.tree.flatten(again(inputs)), strict=True):
            np.testing.assert_array_equal(value(a), value(b))


def test_impossible_kernels_are_refused():
    with pytest.raises(ValueError, match=r"must be integers from 1 to length=6. Received: kernel_sizes=\[1, 9\]"):
        text_cnn_discriminator(6, 7, kernel_sizes=(1, 9), filters=4)
    with pytest.raises(ValueError, match="one for each of"):
        text_cnn_discriminator(6, 7, kernel_sizes=(1, 2), filters=(4, 4, 4))
