"""Inception Score: see `inception_score`."""

from typing import Any, NamedTuple, Self

import numpy as np

from keras_gan_zoo.data.checks import check_integer
from keras_gan_zoo.metrics.checks import as_rows

BLOCK = 1000


class InceptionScore(NamedTuple):
    """Mean and standard deviation (divisor: number of splits) over the splits."""

    mean: float
    std: float


def split_assignment(n: int, splits: int, shuffle_seed: int | None = 2020) -> np.ndarray:
    """The split of each of n images, (n,): contiguous parts of equal size, of the shuffled images where there is a seed."""
    if not 1 <= splits <= n:
        raise ValueError(f"splits must be 1 to the number of images. Received: splits={splits}, {n} images.")
    order = np.arange(n) if shuffle_seed is None else np.random.RandomState(shuffle_seed).permutation(n)
    assigned = np.empty(n, int)
    for i in range(splits):
        assigned[order[i * n // splits : (i + 1) * n // splits]] = i
    return assigned


class ScoreSums:
    """What the score needs of the logits, gathered batch by batch: sums of probabilities and of entropies for each split.

    `assigned` is the split of each image in the order of `update`, as `split_assignment` gives it. Without it, as where the
    number of images is not known, they go to the splits in turn, from that of image `first` of a larger set.
    """

    def __init__(self, splits: int = 10, assigned: np.ndarray | None = None, first: int = 0) -> None:
        check_integer(splits, "splits", 1)
        self.n, self.splits, self.assigned, self.first = 0, splits, assigned, first
        self._counts, self._negative_entropies, self._probabilities = np.zeros(splits), np.zeros(splits), None

    def update(self, logits: np.ndarray) -> None:
        """Takes in the class logits (n, classes) of a batch."""
        logits = as_rows(logits, "logits", at_least=0).astype("float64")
        if logits.shape[1] < 2:
            raise ValueError(f"logits must have the shape (n, classes), 2 classes or more. Received: {logits.shape}.")
        if self._probabilities is None:
            self._probabilities = np.zeros((self.splits, logits.shape[1]))
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        p = np.exp(log_p)
        place = np.arange(self.n, self.n + len(p))
        if self.assigned is not None and self.n + len(p) > len(self.assigned):
            raise ValueError(
                f"Each image must have a split. Received: more images than the {len(self.assigned)} that have a split."
            )
        split = (self.first + place) % self.splits if self.assigned is None else self.assigned[place]
        np.add.at(self._counts, split, 1)
        # p log p, where log p is finite even for p = 0.
        np.add.at(self._negative_entropies, split, (p * log_p).sum(axis=1))
        for i in np.unique(split):
            self._probabilities[i] += p[split == i].sum(axis=0)
        self.n += len(p)

    def merge(self, other: "ScoreSums") -> Self:
        """Takes in what `other` has seen; its images come after these."""
        ours, theirs = (
            {"splits": sums.splits, "assigned": sums.assigned is not None, "classes": sums._probabilities.shape[1]}
            for sums in (self, other)
        )
        if ours != theirs:
            raise ValueError(f"Scores to merge must be alike. Received: {ours} and {theirs}.")
        if self.assigned is not None:
            self.assigned = np.concatenate([self.assigned, other.assigned])
        self.n += other.n
        self._counts += other._counts
        self._negative_entropies += other._negative_entropies
        self._probabilities += other._probabilities
        return self

    def arrays(self) -> dict[str, Any]:
        """The sums, for an .npz file."""
        sums = {"n": self.n, "first": self.first, "counts": self._counts, "probabilities": self._probabilities}
        assigned = {} if self.assigned is None else {"assigned": self.assigned}
        return sums | {"negative_entropies": self._negative_entropies} | assigned

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """The sums that `arrays` gave."""
        sums = cls(len(arrays["counts"]), arrays.get("assigned"), int(arrays["first"]))
        sums.n, sums._counts = int(arrays["n"]), arrays["counts"]
        sums._negative_entropies, sums._probabilities = arrays["negative_entropies"], arrays["probabilities"]
        return sums

    def result(self) -> InceptionScore:
        """The score of what has been taken in."""
        if self.assigned is not None and self.n < len(self.assigned):
            raise ValueError(
                f"All images with a split must be taken in. Received: {self.n} of the {len(self.assigned)} images."
            )
        if self.n < self.splits or not self._counts.all():
            raise ValueError(f"Each split must have an image. Received: splits={self.splits}, {self.n} images.")
        mean = self._probabilities / self._counts[:, None]
        entropy = -np.where(mean > 0, mean * np.log(np.where(mean > 0, mean, 1)), 0).sum(axis=1)
        scores = np.exp(entropy + self._negative_entropies / self._counts)
        return InceptionScore(float(scores.mean()), float(scores.std()))


def inception_score(logits: np.ndarray, splits: int = 10, shuffle_seed: int | None = 2020) -> InceptionScore:
    """Inception Score (Salimans et al., 2016, https://arxiv.org/abs/1606.03498), by torch-fidelity's protocol.

        IS = exp( E_x KL( p(y | x) || p(y) ) ) = exp( H(E_x p) - E_x H(p) ),   between 1 and the number of classes

    E_x is a mean over the images of a split; the score is the mean over the splits. It is 1 where all images look alike to
    the classifier or each looks like all classes, and K where each image is surely of one of K classes that are equally
    frequent. Biased downwards by about 1 / n, so compare values of equal n and splits only, and of one classifier.

    Args:
        logits: (n, classes). For the standard score, of the 2015 Inception network, 1008 classes, without the bias.
        splits: number of splits.
        shuffle_seed: of `numpy.random.RandomState`, which shuffles the images first; None keeps their order.

    Raises:
        ValueError: logits of another shape or that are not finite, or fewer images than splits.
    """
    sums = ScoreSums(splits, split_assignment(len(logits), splits, shuffle_seed))
    for start in range(0, len(logits), BLOCK):
        sums.update(logits[start : start + BLOCK])
    return sums.result()
