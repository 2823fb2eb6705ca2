"""Networks of SeqGAN (Yu et al., 2016, https://arxiv.org/abs/1609.05473): one writes sequences, and one reads them.

The writing network is a *step network*: [token before, states] -> [logits of the next token, states after it]. It is called
once for each position, so a sequence of T tokens takes T steps, whether it is drawn, continued, or scored. `teacher_forced`
and `continued` do this for any such network, with any number of states.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import initializers, layers, ops, regularizers

from ..layers.noise import Dropout

# The token before the first one. It is in the vocabulary, as in the authors' code.
START = 0
# The paper's discriminator of sequences of 20.
KERNEL_SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
FILTERS = (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)


def _normal():
    # One for each weight, since an initializer gives equal values to weights of equal shape.
    return initializers.RandomNormal(0.0, 0.1)


def lstm_generator(vocabulary: int, *, width: int = 32, embedding: int = 32, name: str = "generator") -> keras.Model:
    """Embedding -> LSTM cell -> logits, one position at a time; all weights and biases from N(0, 0.1).

    Args:
        vocabulary: number of tokens, including the start token.
        width: units of the LSTM (32 in the paper).
        embedding: size of the embedding of a token (32 in the paper).

    Returns:
        A step network, [tokens (batch,), hidden (batch, width), memory (batch, width)] -> [logits (batch, vocabulary),
        hidden, memory]; states are zeros before the start. All is float32: states are carried through the whole sequence.
    """
    tokens = keras.Input((), dtype="int32", name="tokens")
    states = [keras.Input((width,), name=kind) for kind in ("hidden", "memory")]
    x = layers.Embedding(vocabulary, embedding, embeddings_initializer=_normal(), dtype="float32", name="embedding")(tokens)
    cell = layers.LSTMCell(
        width,
        kernel_initializer=_normal(),
        recurrent_initializer=_normal(),
        bias_initializer=_normal(),
        unit_forget_bias=False,
        seed=0,  # for a dropout that is not used
        dtype="float32",
        name="cell",
    )
    x, after = cell(x, states)
    logits = layers.Dense(
        vocabulary, kernel_initializer=_normal(), bias_initializer=_normal(), dtype="float32", name="logits"
    )(x)
    return keras.Model([tokens, *states], [logits, *after], name=name)


def _beginning(generator, tokens):
    """The token and the states before the first position, for as many sequences as there are."""
    n = ops.shape(tokens)[0]
    states = [ops.zeros((n, *state.shape[1:]), dtype=state.dtype) for state in generator.inputs[1:]]
    return ops.full((n,), START, dtype="int32"), states


def teacher_forced(generator: keras.Model, tokens: Any, training: bool = False) -> Any:
    """Returns the logits (batch, length, vocabulary) of each position, given the tokens (batch, length) before it."""
    before, states = _beginning(generator, tokens)
    found = []
    for t in range(tokens.shape[1]):
        logits, *states = generator([before, *states], training=training)
        before = tokens[:, t]
        found.append(logits)
    return ops.stack(found, axis=1)


def continued(
    generator: keras.Model, tokens: Any, given: Any, noise: Any, temperature: float = 1.0, training: bool = False
) -> Any:
    """Continues sequences: the first tokens are given, and each later one is drawn after those before it.

        y_t = min {k : softmax(logits / temperature)_1 + ... + softmax(logits / temperature)_k > u_t}

    One uniform number decides a token, so equal numbers give equal tokens on every backend, unless rounding moves a bound
    across one. No gradient flows through a drawn token.

    Args:
        generator: a step network.
        tokens: (batch, length); those that are not given have no effect.
        given: how many of the first tokens stay, (batch,), 0 to length.
        noise: the numbers u, (batch, length) in [0, 1).
        temperature: above 0; less than 1 draws likely tokens more often than the network says.
        training: whether the network is called in training mode.

    Returns:
        Tokens (batch, length), int32.
    """
    before, states = _beginning(generator, tokens)
    found = []
    for t in range(tokens.shape[1]):
        logits, *states = generator([before, *states], training=training)
        bounds = ops.cumsum(ops.softmax(ops.stop_gradient(logits) / temperature, axis=-1), axis=-1)
        drawn = ops.sum(ops.cast(bounds <= noise[:, t, None], "int32"), axis=-1)
        # The last bound may be below 1 by rounding.
        drawn = ops.minimum(drawn, logits.shape[-1] - 1)
        before = ops.where(given > t, tokens[:, t], drawn)
        found.append(before)
    return ops.stack(found, axis=1)


def text_cnn_discriminator(
    length: int,
    vocabulary: int,
    *,
    embedding: int = 64,
    kernel_sizes: Sequence[int] = KERNEL_SIZES,
    filters: int | Sequence[int] = FILTERS,
    dropout: float = 0.25,
    output_l2: float = 0.2,
    name: str = "discriminator",
) -> keras.Model:
    """Embedding -> convolutions of several widths, each with its maximum over time -> highway layer -> score.

        highway(x) = g relu(W x + b) + (1 - g) x,   g = sigmoid(V x + c)

    The score is the difference between the two logits of the paper's softmax, real minus generated.

    Args:
        length: tokens in a sequence.
        vocabulary: number of tokens.
        embedding: size of the embedding of a token (64 in the paper).
        kernel_sizes: tokens under each kind of kernel, at most `length` (1 to 10, 15, and 20 in the paper).
        filters: kernels of each size, one number for all or one for each (100 to 200 in the paper).
        dropout: share of the features dropped before the logits (0.25 in the paper).
        output_l2: weight w of w / 2 |.|^2 over the weights and biases of the two logits, held as their regularizers.

    Returns:
        Model, tokens (batch, length) -> scores (batch, 1).
    """
    sizes = list(kernel_sizes)
    filters = [filters] * len(sizes) if isinstance(filters, int) else list(filters)
    if len(filters) != len(sizes):
        raise ValueError(
            f"filters must be one number, or one for each of kernel_sizes={sizes!r}. Received: filters={filters!r}."
        )
    if not sizes or min(sizes) < 1 or max(sizes) > length:
        raise ValueError(f"kernel_sizes must be integers from 1 to length={length}. Received: kernel_sizes={sizes!r}.")
    tokens = keras.Input((length,), dtype="int32", name="tokens")
    x = layers.Embedding(vocabulary, embedding, embeddings_initializer=initializers.RandomUniform(-1, 1), name="embedding")(
        tokens
    )
    found = []
    for size, count in zip(sizes, filters, strict=True):
        options = {
            "kernel_initializer": initializers.TruncatedNormal(0.0, 0.1),
            "bias_initializer": initializers.Constant(0.1),
        }
        y = layers.Conv1D(count, size, activation="relu", name=f"width_{size}", **options)(x)
        found.append(layers.GlobalMaxPooling1D(name=f"maximum_{size}")(y))
    x = layers.Concatenate(name="features")(found) if len(found) > 1 else found[0]
    units = x.shape[-1]
    changed = layers.Dense(units, activation="relu", name="highway")(x)
    gate = layers.Dense(units, activation="sigmoid", name="highway_gate")(x)
    change = layers.Multiply(name="highway_change")([gate, layers.Subtract(name="highway_difference")([changed, x])])
    x = Dropout(dropout, name="dropout")(layers.Add(name="highway_output")([x, change]))
    logits = [
        layers.Dense(
            1,
            kernel_initializer=initializers.TruncatedNormal(0.0, 0.1),
            kernel_regularizer=regularizers.L2(output_l2 / 2),
            bias_regularizer=regularizers.L2(output_l2 / 2),
            dtype="float32",
            name=kind,
        )(x)
        for kind in ("real", "generated")
    ]
    return keras.Model(tokens, layers.Subtract(dtype="float32", name="score")(logits), name=name)
