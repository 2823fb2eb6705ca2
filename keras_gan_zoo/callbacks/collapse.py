"""A callback that watches for mode collapse and divergence, reports them, and can stop or roll back the training."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from ..data import ImageData
from ..data.checks import InvalidData, as_array, check_image_shape, check_integer, check_labels, refused
from ..data.convert import float_to_uint8
from ..data.image_reader import ImageReader
from ..data.on_demand import ImagesInFiles
from ..files import require_file
from .collapse_measures import effective_classes, mean_pairwise_distance, pixel_std, ranking, saturated
from .collapse_rules import ADVICE, EXPECTED, FLAT, RULES, SERIOUS, Finding
from .files import save_state
from .rounds import EveryRounds, fixed_samples

HEALTHY = "healthy.weights.h5"
BATCH = 64


class CollapseMonitor(EveryRounds):
    """Looks at a small sample every so many rounds, and says in plain words what is wrong with it.

    For fakes x and real images r, floats in [-1, 1], and raw scores D, high for real, in inference mode:

        pairwise_distance    mean |x_i - x_j| / mean |r_i - r_j|, i != j; of equal labels where a model trains on labels
        pixel_std            mean over pixels of the standard deviation over samples, relative to that of real images
        effective_classes    exp(-sum_c p_c log p_c), p the histogram of the classes seen, relative to that of real images
        missing_classes      classes that no fake shows, among those of which 10 and more are expected
        ranking              P(D(r) > D(x)) + P(D(r) = D(x)) / 2, the area under the ROC curve
        gradient             mean |dD(x) / dx| . mean |x_i - r_i| / std D over fakes and real images
        saturation           (s(x) - s(r)) / (1 - s(r)), s the share of |values| > 0.99

    and whether weights, losses, and samples are finite. `RULES` says what is a finding.

    The ranking is D's accuracy without a threshold: it means the same for every loss, whereas the share of scores above 0
    says nothing about a Wasserstein critic. That D wins is a finding only if its score is flat at the fakes too; that D is
    fooled is not one for BEGAN, which ranks fakes first by design.

    The gradient is that of D's score by the fakes, which is all that the generator learns from, in units in which a linear
    D has a value of about 1 whatever the scale of its scores; it is not the norm by the weights, which each loss and each
    optimizer scales differently. A discriminator with batch norm is judged with its moving statistics, not with those of a
    batch as in training.

    Nothing that the training uses is written or drawn, so it is bit-identical with and without a monitor that only warns.

    Each kind of finding is warned about (`RuntimeWarning`) when it appears and again when it is gone, not in between. NaN,
    low distance, low deviation, and few classes are serious. After `patience` looks in a row with a serious finding the
    monitor acts. A rollback restores the whole state of the last look without a serious finding (weights, optimizers, round)
    and gives the model's random generator a new state, so that the same path is not taken again; it does not give back the
    rounds, so the training ends at a lower one. After `max_rollbacks`, or without a healthy state to go back to, the monitor
    stops the training.

    Args:
        real: real images (n, height, width, channels), as `fit` takes arrays, or an `ImageData`; for a model that trains on
            labels, (images, labels) or an `ImageData` with labels. `n` of them are chosen by `seed`.
        every: rounds from one look to the next.
        classifier: judge of the classes, with `probabilities(uint8 images) -> (n, classes)`; None leaves classes out.
        action: "warn", "stop" (ends `fit` after the round), or "rollback".
        patience: looks in a row with a serious finding before the monitor acts.
        max_rollbacks: rollbacks in one `fit`.
        folder: folder for the last healthy state, `healthy.weights.h5`; needed for "rollback".
        n: number of fakes, and of real images if there are as many; at least 16.
        seed: seed of latents, labels, and the choice of real images, the same at each look.
        start: round before which only NaN is a finding: the samples of a generator that has hardly learned are as alike as
            those of one that has collapsed.

    Attributes:
        findings: list of `Finding`, empty for a healthy training.
        values: what the last look has measured, by the names above.
        healthy_round: the round of the state in `folder`, or None.

    Raises:
        ValueError: an argument is out of range, or the real images are all alike, too few, or lack labels that are needed.
        OSError: the healthy state cannot be written, which is seen at the beginning, or could not be.
    """

    def __init__(
        self,
        real: np.ndarray | tuple[np.ndarray, np.ndarray] | ImageData,
        every: int,
        *,
        classifier: Any = None,
        action: str = "warn",
        patience: int = 2,
        max_rollbacks: int = 1,
        folder: str | Path | None = None,
        n: int = 256,
        seed: int = 0,
        start: int = 1000,
    ) -> None:
        super().__init__(every)
        if action not in ("warn", "stop", "rollback"):
            raise refused("action", action, "'warn', 'stop', or 'rollback'")
        if action == "rollback" and folder is None:
            raise ValueError(
                "folder must name a place for the state to go back to. Received: action='rollback' and folder=None. Fix: "
                "folder='healthy'."
            )
        self.classifier, self.action, self.folder = classifier, action, None if folder is None else Path(folder)
        self.patience = check_integer(patience, "patience", 1)
        self.max_rollbacks = check_integer(max_rollbacks, "max_rollbacks", 0)
        self.n, self.seed = check_integer(n, "n", 16), check_integer(seed, "seed", 0)
        self.start = check_integer(start, "start", 0)
        self.real, self.labels = self._chosen(real)
        self.findings: list[Finding] = []
        self.values: dict[str, float] = {}
        self.healthy_round = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        if self.folder is not None:
            require_file(self.folder / HEALTHY, f"{HEALTHY} in folder")
        model = self.model
        fields = model.fields()
        check_image_shape(self.real.shape, fields[model.sample].shape, name="real")
        takes_labels = "labels" in fields
        if takes_labels:
            if self.labels is None:
                raise ValueError(
                    f"real must have labels for {type(model).__name__}, which trains on them. Received: images alone. Fix: "
                    "(images, labels), or an ImageData with labels."
                )
            check_labels(self.labels, fields["labels"].classes, len(self.real), name="the labels of real")
        self.by_label = self.labels if takes_labels else None
        self.reference = {
            "pairwise_distance": mean_pairwise_distance(self.real, self.by_label),
            "pixel_std": pixel_std(self.real),
            "saturation": saturated(self.real),
        }
        if not self.reference["pairwise_distance"] > 0:
            raise ValueError(
                "real must hold images that differ, and several of a label. Received: images that are all alike, or one of "
                "each label. Fix: more and other images."
            )
        if self.classifier is not None:
            self.reference["classes"] = self._histogram(self.real)
        self.active, self.serious_looks, self.rollbacks, self.healthy_round = {}, 0, 0, None

    def look(self, logs: dict[str, Any] | None) -> None:
        found = {finding.kind: finding for finding in self._found(logs)}
        for kind, finding in found.items():
            if kind not in self.active:
                self._say(finding)
        for kind in [kind for kind in self.active if kind not in found]:
            self._say(Finding(self.round, "recovered", f"Round {self.round}: {kind.replace('_', ' ')} is over."))
        self.active = found
        serious = [kind for kind in found if kind in SERIOUS]
        if not serious:
            self.serious_looks = 0
            if self.folder is not None:
                save_state(self.model, self.folder / HEALTHY)
                self.healthy_round = self.round
            return
        self.serious_looks += 1
        if self.action != "warn" and self.serious_looks >= self.patience:
            self._act(", ".join(serious).replace("_", " "))

    # What it does ------------------------------------------------------------------------------------------------------

    def _act(self, what):
        trouble = f"Round {self.round}: {what} in {self.serious_looks} looks in a row"
        healthy = None if self.healthy_round is None else f"the state of round {self.healthy_round}, {self.folder / HEALTHY}"
        if self.action == "rollback" and healthy and self.rollbacks < self.max_rollbacks:
            self._roll_back()
            message = (
                f"{trouble}; went back to {healthy}, and on from there with other random numbers "
                f"(rollback {self.rollbacks} of {self.max_rollbacks})."
            )
            self._say(Finding(self.round, "rollback", message, self.healthy_round))
            self.active, self.serious_looks = {}, 0
            self.align()
            return
        reason = ""
        if self.action == "rollback":
            reason = f" after {self.rollbacks} rollbacks, the most allowed" if healthy else ", with nothing to go back to"
        kept = (
            f"The last healthy state is {healthy}; load it with gan.load_weights."
            if healthy
            else "No healthy state is kept."
        )
        self._say(Finding(self.round, "stopped", f"{trouble}; training stops{reason}. {kept} {ADVICE}"))
        self.model.stop_training = True

    def _roll_back(self):
        model = self.model
        model.load_weights(self.folder / HEALTHY)
        self.rollbacks += 1
        state = model.seed_generator.state
        before = ops.convert_to_numpy(state)
        # Below 2^31, since torch holds the state in signed integers.
        new = np.random.default_rng([self.rollbacks, *(int(part) % 2**32 for part in before)]).integers(
            2**31, size=before.shape
        )
        state.assign(new.astype(before.dtype))
        # The means of this epoch have seen the trouble; a NaN would stay in them.
        model.reset_metrics()

    def _say(self, finding):
        self.findings.append(finding)
        warnings.warn(finding.message, RuntimeWarning, stacklevel=2)

    # What it sees ------------------------------------------------------------------------------------------------------

    def _found(self, logs):
        """The findings of this round."""
        self.values = {}
        fake, labels = fixed_samples(self.model, self.n, self.seed)
        labels = None if self.by_label is None else labels
        real_scores, _ = self._scores(self.real, self.by_label)
        fake_scores, slopes = self._scores(fake, labels, slopes=True)
        bad = self._weights_not_finite()
        bad += [name for name, value in (logs or {}).items() if not np.isfinite(float(value))]
        parts = {"the samples": fake, "the scores": [*real_scores, *fake_scores], "the gradients": slopes}
        bad += [name for name, values in parts.items() if not np.isfinite(values).all()]
        if bad:
            message = (
                f"Round {self.round}: NaN or infinite values in {', '.join(bad)}. Once they are in the weights, they stay. "
                "Advice: go back to a checkpoint, lower the learning rates, or add a penalty (r1_gamma)."
            )
            return [Finding(self.round, "nan", message, len(bad), 0)]
        self.values = {**self._spread(fake, labels), **self._judged(fake, real_scores, fake_scores, slopes)}
        if self.round < self.start:
            return []
        found = [self._finding(kind, rule) for kind, rule in RULES.items()]
        return [finding for finding in (*found, self._missing_classes(len(fake))) if finding]

    def _weights_not_finite(self):
        variables = [v for v in self.model.variables if str(v.dtype).startswith(("float", "bfloat"))]
        # One array to wait for, not one number for each variable.
        good = ops.convert_to_numpy(ops.stack([ops.all(ops.isfinite(v.value)) for v in variables]))
        bad = [v.path for v, finite in zip(variables, good, strict=True) if not finite]
        return [f"{len(bad)} weights ({bad[0]} first)"] if bad else []

    def _spread(self, fake, labels):
        """How far apart the samples are, relative to the real images."""
        reference = self.reference
        values = {
            "pairwise_distance": mean_pairwise_distance(fake, labels) / reference["pairwise_distance"],
            "pixel_std": pixel_std(fake) / reference["pixel_std"],
        }
        if self.classifier is not None:
            self.histogram = self._histogram(fake)
            values["effective_classes"] = effective_classes(self.histogram) / effective_classes(reference["classes"])
        if reference["saturation"] < 1:
            values["saturation"] = (saturated(fake) - reference["saturation"]) / (1 - reference["saturation"])
        return values

    def _judged(self, fake, real_scores, fake_scores, slopes):
        """What the discriminator makes of the samples."""
        m = min(len(self.real), len(fake))
        distance = np.linalg.norm((fake[:m] - self.real[:m]).reshape(m, -1).astype("float64"), axis=1).mean()
        spread = np.concatenate([real_scores, fake_scores]).std()
        gradient = float(slopes.mean() * distance / spread) if spread > 0 else 0.0
        return {"ranking": ranking(real_scores, fake_scores), "gradient": gradient}

    def _finding(self, kind, rule):
        value, threshold = self.values.get(rule.measure), rule.threshold
        if value is None or not (value > threshold if rule.above else value < threshold):
            return None
        if kind == "discriminator_wins" and self.values["gradient"] > FLAT:
            return None
        if kind == "discriminator_fooled" and self.model.ranks_fakes_first:
            return None
        text = rule.text.format(value=value, threshold=threshold)
        return Finding(self.round, kind, f"Round {self.round}: {text}", value, threshold)

    def _missing_classes(self, n):
        if self.classifier is None:
            return None
        expected = self.reference["classes"] * n
        missing = np.flatnonzero((self.histogram == 0) & (expected >= EXPECTED))
        if not len(missing):
            return None
        names = ", ".join(map(str, missing[:10])) + (" and more" if len(missing) > 10 else "")
        message = (
            f"Round {self.round}: none of {n} samples shows class {names}, as the classifier sees them; the data would give "
            f"at least {expected[missing].min():.0f} of each. The generator has dropped these modes, or not found them yet. "
            f"{ADVICE}"
        )
        return Finding(self.round, "missing_classes", message, len(missing), 0)

    def _histogram(self, images):
        """Share (classes,) of images in which the classifier sees each class."""
        probabilities = np.asarray(self.classifier.probabilities(float_to_uint8(images, -1.0)))
        return np.bincount(probabilities.argmax(axis=1), minlength=probabilities.shape[1]) / len(probabilities)

    def _scores(self, images, labels, slopes=False):
        """Scores (n,) in inference mode, means over patches, and the norms (n,) of their gradients by the images."""
        model = self.model

        def score(x, labels):
            conditions = {} if labels is None else {"labels": labels}
            scores = model.score({model.sample: x, **conditions}, training=False)
            # A judge of packs has fewer scores than samples.
            return ops.mean(ops.reshape(ops.cast(scores, "float32"), (scores.shape[0], -1)), axis=1)

        scores, norms = [], []
        for i in range(0, len(images), BATCH):
            x = ops.convert_to_tensor(images[i : i + BATCH])
            y = None if labels is None else ops.convert_to_tensor(labels[i : i + BATCH].astype("int32"))
            scores.append(ops.convert_to_numpy(ops.stop_gradient(score(x, y))))
            if slopes:
                gradient = ops.convert_to_numpy(ops.stop_gradient(model.gradient(lambda x, y=y: score(x, y), x)))
                norms.append(np.linalg.norm(gradient.reshape(len(gradient), -1).astype("float64"), axis=1))
        return np.concatenate(scores).astype("float64"), np.concatenate(norms) if slopes else None

    def _chosen(self, real):
        """(floats in [-1, 1], labels or None), n of them at most."""
        if isinstance(real, ImageData):
            images, labels = real.images, real.labels
        else:
            images, labels = real if isinstance(real, tuple) else (real, None)
        # Those that do not fit into memory were checked when they were found.
        images = images if isinstance(images, ImagesInFiles) else ImageReader()(images, "real")
        if len(images) < 16:
            raise InvalidData(
                f"real must hold at least 16 images to compare with. Received: {len(images)}. Fix: more, better n={self.n}."
            )
        if labels is not None:
            labels = check_labels(as_array(labels), n=len(images), name="the labels of real")
        chosen = np.random.default_rng(self.seed).permutation(len(images))[: self.n]
        return images[chosen].astype("float32") / 127.5 - 1.0, None if labels is None else labels[chosen]
