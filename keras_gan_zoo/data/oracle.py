"""Sequences with a known distribution: an LSTM with random weights, the oracle of SeqGAN.

    oracle = Oracle(50, 8, seed=0)
    tokens = oracle.sample(10_000, rng)
    oracle.nll(tokens).mean()

Any generator can be scored by how likely its samples are (NLL-oracle); the oracle's own samples have the lowest score that
is possible without loss of variety, which is the oracle's entropy. On its own, the score rewards a loss of variety.
"""

import numpy as np

from keras_gan_zoo.data.checks import check_integer
from keras_gan_zoo.data.fields import Tokens

# The token before the first one. It is in the vocabulary, as in the authors' code.
START = 0
# Rows that are computed at once, which takes (rows, vocabulary) numbers in float64.
ROWS = 1000


class Oracle:
    """An LSTM as the distribution of sequences.

        p(y) = prod_t softmax(W h_t + b)[y_t],   h_t = LSTM(embedding of y_t-1, h_t-1),   y_0 = 0,   h_0 = 0

    All parameters, including biases and embeddings, are drawn from N(0, 1) (Yu et al., 2016,
    https://arxiv.org/abs/1609.05473, and the authors' target_lstm.py). Everything is computed in float64.

    Args:
        vocabulary: number of tokens (5000 in the paper).
        length: tokens in a sequence (20 in the paper).
        seed: seed of the parameters.
        width: units of the LSTM, and size of an embedding (32 in the paper).
    """

    def __init__(self, vocabulary: int = 5000, length: int = 20, seed: int = 0, *, width: int = 32) -> None:
        self.vocabulary = check_integer(vocabulary, "vocabulary", 2)
        self.length = check_integer(length, "length", 1)
        self.width = check_integer(width, "width", 1)
        rng = np.random.default_rng(seed)
        self.embedding = rng.standard_normal((vocabulary, width))
        self.kernel, self.bias = rng.standard_normal((2 * width, 4 * width)), rng.standard_normal(4 * width)
        self.output_kernel, self.output_bias = rng.standard_normal((width, vocabulary)), rng.standard_normal(vocabulary)

    def sample(self, n: int, rng: np.random.Generator | int) -> np.ndarray:
        """Draws n sequences, int32 (n, length)."""
        uniform = np.random.default_rng(rng).random((check_integer(n, "n", 1), self.length))
        return np.concatenate([self._drawn(part) for part in _parts(uniform)])

    def log_probabilities(self, tokens: np.ndarray) -> np.ndarray:
        """Returns log p(y_t | y_1 ... y_t-1) of sequences (n, length), float64 of the same shape.

        Raises:
            InvalidData: the sequences have another length, or other tokens.
        """
        tokens = Tokens((self.length,), vocabulary=self.vocabulary).validate(tokens, "tokens")
        return np.concatenate([self._scored(part) for part in _parts(tokens)])

    def nll(self, tokens: np.ndarray) -> np.ndarray:
        """Returns the negative log-likelihood of n sequences, per token in nats, (n,); SeqGAN's NLL-oracle is its mean."""
        return -self.log_probabilities(tokens).mean(axis=1)

    def _drawn(self, uniform):
        tokens, states = [np.full(len(uniform), START)], self._states(len(uniform))
        for t in range(self.length):
            log_probabilities, states = self._step(tokens[-1], states)
            below = np.exp(log_probabilities).cumsum(axis=1) <= uniform[:, t, None]
            tokens.append(np.minimum(below.sum(axis=1), self.vocabulary - 1))
        return np.stack(tokens[1:], axis=1).astype("int32")

    def _scored(self, tokens):
        scores, states, before = np.empty(tokens.shape), self._states(len(tokens)), np.full(len(tokens), START)
        for t in range(self.length):
            log_probabilities, states = self._step(before, states)
            before = tokens[:, t]
            scores[:, t] = log_probabilities[np.arange(len(tokens)), before]
        return scores

    def _states(self, n):
        return np.zeros((2, n, self.width))

    def _step(self, before, states):
        """log p of what may follow, (n, vocabulary), and the states (hidden, memory) after the tokens `before`."""
        hidden, memory = states
        gates = np.concatenate([self.embedding[before], hidden], axis=1) @ self.kernel + self.bias
        inward, forget, candidate, outward = np.split(gates, 4, axis=1)
        memory = _sigmoid(forget) * memory + _sigmoid(inward) * np.tanh(candidate)
        hidden = _sigmoid(outward) * np.tanh(memory)
        logits = hidden @ self.output_kernel + self.output_bias
        logits = logits - logits.max(axis=1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), (hidden, memory)


def _sigmoid(x):
    return (1 + np.tanh(x / 2)) / 2


def _parts(array):
    return (array[i : i + ROWS] for i in range(0, len(array), ROWS))
