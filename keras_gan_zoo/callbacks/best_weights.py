"""A callback that measures while training goes on, and keeps the best and the final weights."""

import csv
import hashlib
import json
import math
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..data.checks import check_integer
from ..data.convert import float_to_uint8
from ..files import require_file, require_folder, whole_file
from ..metrics.records import Record
from ..untrusted import read_bounded
from .files import MAX_LOG, read_rows, save_state, write_rows
from .rounds import EveryRounds, fixed_samples
from .watching import rounds_played

ROWS, WEIGHTS, BEST, FINAL = "evaluations.csv", "weights.json", "best.weights.h5", "final.weights.h5"
NOTE = (
    "The best weights were chosen by the metric whose value stands here, so that value is too good by the luck of the "
    "choice; report the final one beside it, and measure the best anew on other samples."
)


class Evaluate(EveryRounds):
    """Measures samples in every so many rounds, and keeps the best and the final weights.

    Writes to `folder`:

        evaluations.csv    a row for each evaluation: round, seconds that it took, values; empty where there is no number
        best.weights.h5    the whole state at the best finite value of `monitor`; load with `gan.load_weights`
        final.weights.h5   the whole state at the end of the training, which is measured always
        weights.json       the round and the values of each of the two, the metric they were chosen by, among how many
                           evaluations, the rounds that were left out or had no finite value, and hashes of the weights

    The best of many noisy evaluations is biased by its selection: report the final value too, and measure the best weights
    anew, with another seed and more samples, before comparing it with anything.

    The training is bit-identical with and without this callback, as long as `measure` draws no global random numbers that
    the training draws too. In a resumed training, rows past the model's round are dropped and the best is kept; a training
    that begins at round 0 begins with no rows and no best. Where weights are rolled back, it is the same. A model that goes
    on at a round that was measured must have the weights of then, or the folder is that of another training.

    Args:
        measure: function of uint8 images (n, height, width, channels) in [0, 255] that returns {name: float or `Record`},
            the same names each time.
        every: rounds from one evaluation to the next.
        folder: where the files go.
        monitor: name of the value that chooses the best weights.
        mode: "min" or "max", whichever is better.
        n: number of images, drawn from the sampler (the average of the generator's weights where one is kept); those of a
            conditional model are spread evenly over its classes.
        seed: of the images, the same in each evaluation.
        budget: largest share, in (0, 1], of the elapsed time of this `fit` that evaluations may take. An evaluation that
            would exceed it, if it took as long as the last one, is left out, counted and reported. Compilation counts on
            neither side: time begins after the first round, and the first evaluation is taken out of it. The second has
            nothing to judge it by and is done; so is the final one.

    Attributes:
        best, final: entries of weights.json, or None.
        skipped: rounds whose evaluation was left out.

    Raises:
        ValueError: an impossible argument; at the beginning of the training: `folder` is that of another one; during
            training: `measure` returned other names than before, or not `monitor`.
        OSError: at the beginning of the training: nothing can be written to `folder`.
        RuntimeError: `measure` raised an error; the message has the round.
    """

    def __init__(
        self,
        measure: Callable[[np.ndarray], dict[str, float | Record]],
        every: int,
        *,
        folder: str | Path,
        monitor: str,
        mode: str = "min",
        n: int = 2000,
        seed: int = 0,
        budget: float = 0.25,
    ) -> None:
        super().__init__(every)
        if mode not in ("min", "max"):
            raise ValueError(f"mode must be 'min', where less is better, or 'max'. Received: mode={mode!r}.")
        if not 0 < budget <= 1:
            raise ValueError(f"budget must be a share in (0, 1]. Received: budget={budget!r}. Fix: 0.25 for a quarter.")
        self.measure, self.folder, self.monitor, self.mode = measure, Path(folder), monitor, mode
        self.n, self.seed, self.budget = check_integer(n, "n", 1), check_integer(seed, "seed", 0), budget
        self.compiled = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        require_folder(self.folder, "folder")
        for name in (ROWS, WEIGHTS, BEST, FINAL):
            require_file(self.folder / name, name)
        self.started, self.spent, self.last = None, 0.0, 0.0
        self.rows, self.best, self.final, self.skipped, self.not_finite, self.states = [], None, None, [], [], {}
        self.measured = None
        if self.round:
            self._read()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.started is None:
            self.started = time.perf_counter()
        super().on_train_batch_end(batch, logs)

    def look(self, logs: dict[str, Any] | None) -> None:
        elapsed = time.perf_counter() - self.started
        if self.spent + self.last > self.budget * (elapsed + self.last):
            self._forget()
            self.measured = None
            self.skipped.append(self.round)
            self._write_weights()
            return
        self._evaluate()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.round = rounds_played(self.model)
        # First, since what is wrong with `measure` may show only now.
        save_state(self.model, self.folder / FINAL)
        # A row that an earlier part has left has no records, so this asks for what was measured here.
        if self.measured is None or self.measured["round"] != self.round:
            self._evaluate()
        self.final = {**self.measured, "file": FINAL}
        self._write_weights()
        if self.skipped:
            warnings.warn(
                f"{len(self.skipped)} of {len(self.skipped) + len(self.rows)} evaluations were left out, since they would "
                f"have taken more than budget={self.budget:g} of the training time (the last one took {self.last:.1f} s). "
                "Fix: a larger every, a smaller n, or a larger budget.",
                RuntimeWarning,
                stacklevel=2,
            )

    def _evaluate(self):
        begun = time.perf_counter()
        self._forget()
        values, records = self._measure()
        value = values.get(self.monitor, math.nan)
        finite = math.isfinite(value)
        self.measured = {
            "round": self.round,
            "value": value if finite else None,
            "values": {name: number if math.isfinite(number) else None for name, number in values.items()},
            "records": records,
        }
        if not finite:
            self.not_finite.append(self.round)
            what = f"{self.monitor} is {value}" if values else "the samples hold NaN, so nothing was measured"
            warnings.warn(f"At round {self.round} {what}; it is never the best.", RuntimeWarning, stacklevel=2)
        elif self.best is None or (value < self.best["value"] if self.mode == "min" else value > self.best["value"]):
            save_state(self.model, self.folder / BEST)
            self.best = {**self.measured, "file": BEST}
        seconds = time.perf_counter() - begun
        if self.compiled:
            self.last = seconds
            self.spent += seconds
        elif self.started is not None:
            self.started += seconds
        self.compiled = True
        self.states[self.round] = self._state()
        self.rows.append({"round": self.round, "seconds": seconds, **self.measured["values"]})
        self._write_rows()
        self._write_weights()

    def _measure(self):
        """({name: number}, {name: record as a dictionary}); both empty where the samples hold NaN."""
        images, _ = fixed_samples(self.model, self.n, self.seed)
        if not np.isfinite(images).all():
            return {}, {}
        try:
            results = dict(self.measure(float_to_uint8(images, -1.0)))
            records = {name: result.to_dict() for name, result in results.items() if isinstance(result, Record)}
            values = {name: float(result.value if name in records else result) for name, result in results.items()}
        except Exception as error:
            raise RuntimeError(f"measure failed at round {self.round}: {type(error).__name__}: {error}") from error
        if self.monitor not in values:
            raise ValueError(
                f"monitor must be among what measure returns, {', '.join(values) or 'nothing'} at round {self.round}. "
                f"Received: monitor={self.monitor!r}."
            )
        known = self._names()
        if known and set(values) != set(known):
            raise ValueError(
                f"measure must return the same names each time. Received: {sorted(values)} at round {self.round}, and "
                f"{sorted(known)} before. Fix: these, or another folder than {self.folder}."
            )
        return values, records

    def _state(self):
        """What tells trainings apart at one round: the sha256 of the trained weights."""
        digest = hashlib.sha256()
        for variable in self.model.trainable_variables:
            digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(variable)))
        return digest.hexdigest()

    def _names(self):
        return max((list(row)[2:] for row in self.rows), key=len, default=[])

    def _forget(self):
        """Drops what was noted of this round and of later ones, by a run that was killed or before a rollback."""
        self.rows = [row for row in self.rows if row["round"] < self.round]
        self.skipped = [number for number in self.skipped if number < self.round]
        self.not_finite = [number for number in self.not_finite if number < self.round]
        self.states = {number: state for number, state in self.states.items() if number < self.round}

    def _read(self):
        """What an earlier part of this training has left; the best also if it lies past the model's round."""
        try:
            known = self._read_files()
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError, csv.Error) as error:
            raise ValueError(
                f"{self.folder} must hold what Evaluate wrote. Received: files that cannot be read ({error!r}). Fix: move "
                "the folder away; the training goes on without it."
            ) from error
        if known:
            chosen_by = {"monitor": self.monitor, "mode": self.mode}
            if known["chosen_by"] != chosen_by:
                raise ValueError(f"{self.folder} must hold weights chosen by {chosen_by}. Received: {known['chosen_by']}.")
            # Only a round that was measured tells, and an older version noted no states.
            if known["states"].get(self.round) not in (None, self._state()):
                raise ValueError(
                    f"{self.folder} must be the folder of the training that goes on. Received: that of another one, whose "
                    f"weights at round {self.round} were others. Fix: another folder."
                )
            self.best, self.final, self.states = known["best"], known["final"], known["states"]
            self.skipped, self.not_finite = known["skipped"], known["not_finite"]
        self.rows = [row for row in self.rows if row["round"] <= self.round]
        self.skipped = [number for number in self.skipped if number <= self.round]
        self.not_finite = [number for number in self.not_finite if number <= self.round]

    def _read_files(self):
        if (self.folder / ROWS).exists():
            self.rows = [
                {"round": int(row.pop("round")), **{name: float(text) if text else None for name, text in row.items()}}
                for row in read_rows(self.folder / ROWS)
            ]
        if not (self.folder / WEIGHTS).exists():
            return None
        known = json.loads(read_bounded(self.folder / WEIGHTS, MAX_LOG))
        states = {int(number): state for number, state in known.get("states", {}).items()}
        return {name: known[name] for name in ("chosen_by", "best", "final", "skipped", "not_finite")} | {"states": states}

    def _write_rows(self):
        write_rows(self.folder / ROWS, ["round", "seconds", *self._names()], self.rows)

    def _write_weights(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {
            "chosen_by": {"monitor": self.monitor, "mode": self.mode},
            "evaluations": len(self.rows),
            "best": self.best,
            "final": self.final,
            "skipped": self.skipped,
            "not_finite": self.not_finite,
            "states": self.states,
            "note": NOTE,
        }
        with whole_file(self.folder / WEIGHTS) as partial:
            partial.write_text(json.dumps(content, indent=2) + "\n")
