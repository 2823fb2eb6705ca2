"""One path from inputs, given or drawn, to samples, in training and after it."""

import difflib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from ..data import Batch, Field, InvalidData, Labels
from ..data.checks import check_integer, check_seed, refused
from ..untrusted import shown
from .batches import batch_size_of

# More than any machine holds: a number of samples that takes as much is a mistake, and drawing it would end the process.
MAX_BYTES = 2**40


class Sampler:
    """A generator that makes the field `sample` from `inputs()`; mixed into games."""

    def inputs(self) -> dict[str, Field]:
        """Returns what `make` needs, in the order in which people give it; optional inputs are drawn if not given."""
        raise NotImplementedError(f"{type(self).__name__} must override inputs(), which returns a dictionary.")

    def make(self, batch: Batch, training: bool) -> Batch:
        """Makes the samples, and what else belongs to them, from the inputs of a batch."""
        raise NotImplementedError(f"{type(self).__name__} must override make(), which returns a dictionary of samples.")

    def fake_like(self, real: Batch) -> Batch:
        n = batch_size_of(real)
        batch = {**real, **{name: field.draw(self, n) for name, field in self.inputs().items() if name not in real}}
        return {**batch, **self.make(batch, training=True)}

    @property
    def sampler(self) -> keras.Model:
        """The generator with the weights that inference uses."""
        return self.network("generator")

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Turns what the generator takes into what it makes."""
        return self.sampler(inputs, training=training)

    def generate(
        self, n: int, *, seed: int | None = None, batch_size: int = 256, dtype: str = "float32", **given: Any
    ) -> np.ndarray:
        """Draws samples.

        Args:
            n: number of samples.
            seed: integer; the same seed gives the same samples, on every call and in every process. None draws new ones.
            batch_size: samples in one pass through the generator.
            dtype: "float32" for what the generator makes (images in [-1, 1]), "uint8" for samples as data are kept (images
                in 0..255).
            **given: inputs by name, (n, ...) or one for all samples, such as `labels=3`; those that are not given are drawn.

        Returns:
            NumPy array (n, ...).

        Raises:
            TypeError: the model needs inputs that cannot be drawn, or an input is unknown.
            InvalidData: an input does not fit.
        """
        if needed := self._needed():
            raise TypeError(
                f"{type(self).__name__} must be given {', '.join(needed)} to make samples from. Received: generate(n={n}). "
                f"Fix: translate({', '.join(needed)})."
            )
        return self._made(self._drawn(n, given, seed), seed, batch_size, dtype)

    def translate(
        self, *given: Any, seed: int | None = None, batch_size: int = 32, dtype: str = "float32", **named: Any
    ) -> np.ndarray:
        """Makes samples from inputs.

        Args:
            *given: the inputs that the model needs, in the order of `inputs()`, each (n, ...) as in the data for `fit`.
            seed: seed of what is drawn besides them. None draws new values.
            batch_size, dtype: as in `generate`.
            **named: further inputs by name.

        Returns:
            NumPy array (n, ...).

        Raises:
            TypeError: the model makes samples from noise, or an input is missing or unknown.
            InvalidData: an input does not fit.
        """
        needed = self._needed()
        if not needed:
            raise TypeError(
                f"{type(self).__name__} makes samples from noise alone. Received: translate(). Fix: generate(n)."
            )
        if len(given) > len(needed):
            raise TypeError(
                f"translate takes {', '.join(needed)}. Received: {len(given)} arrays. Fix: pass other inputs by name."
            )
        named |= dict(zip(needed, given, strict=False))
        if missing := [name for name in needed if named.get(name) is None]:
            raise TypeError(
                f"translate takes {', '.join(needed)}. Received: no {missing[0]}. Fix: pass all of them, in this order."
            )
        n = len(self.inputs()[needed[0]].validate(named[needed[0]], needed[0]))
        return self._made(self._drawn(n, named, seed), seed, batch_size, dtype)

    def preview(
        self, n: int, data: dict[str, np.ndarray] | None = None, seed: int = 0
    ) -> dict[str, tuple[Field, np.ndarray]]:
        """Shows n samples, through all classes of a conditional model in order; or rows of inputs, output, and target."""
        fields, needed = self.fields(), self._needed()
        if not needed:
            return {self.sample: (fields[self.sample], self.generate(n, seed=seed, **self.in_order(n)))}
        if set(needed) - set(self.derived_fields()) - set(data or {}):
            raise InvalidData(
                f"data must hold {', '.join(needed)}, which {type(self).__name__} makes samples from. Received: "
                f"{'data=None' if data is None else f'data with {sorted(data)}'}. Fix: a dictionary of arrays."
            )
        rows = np.linspace(0, len(next(iter(data.values()))) - 1, n).astype(int)
        real = {name: field.preprocess(data[name][rows]) for name, field in fields.items() if name in data}
        with self.seeded(seed):
            real = {name: ops.convert_to_numpy(value) for name, value in {**real, **self.derive(real)}.items()}
        known = {**fields, **self.derived_fields(), **self.inputs()}
        shown = {name: (known[name], real[name]) for name in needed}
        shown["output"] = (fields[self.sample], self.translate(*(real[name] for name in needed), seed=seed))
        if self.sample in real and self.sample not in needed:
            shown["target"] = (fields[self.sample], real[self.sample])
        return shown

    def in_order(self, n: int) -> dict[str, np.ndarray]:
        """Returns n values of each input that is a class, from the first class to the last."""
        return {name: field.in_order(n) for name, field in self.inputs().items() if isinstance(field, Labels)}

    def export(self, filepath: str | Path, format: str = "tf_saved_model", **options: Any) -> None:
        """Writes the sampling generator for use without this library.

        Args:
            filepath: the folder or file to write.
            format: "tf_saved_model", "onnx", or "litert", as in `keras.Model.export`.
            **options: options of `keras.Model.export`.
        """
        options.setdefault("verbose", False)
        # Keras's ONNX exporter takes a model that has been called: this one, where the sampler is an average.
        rng = np.random.default_rng(0)
        self._made({name: field.random(rng, 1) for name, field in self.inputs().items()}, 0, 1, "float32")
        if self.sampler is not self.generator:
            zeros = [ops.zeros((1, *x.shape[1:]), x.dtype) for x in self.sampler.inputs]
            self.sampler(zeros if len(zeros) > 1 else zeros[0], training=False)
        self.sampler.export(filepath, format=format, **options)

    @property
    def generates(self) -> bool:
        """Whether samples are made from noise, by `generate`; otherwise they are made by `translate`."""
        return not self._needed()

    def _needed(self):
        return [name for name, field in self.inputs().items() if not field.optional]

    def check_count(self, n: Any, name: str = "n", least: int = 1) -> int:
        """Returns n if it is a number of samples that, with their inputs, memory can hold; raises ValueError otherwise."""
        check_integer(n, name, least)
        each = 4 * sum(math.prod(field.shape) for field in (*self.inputs().values(), self.fields()[self.sample]))
        if n * each > MAX_BYTES:
            raise ValueError(
                f"{name} must be of samples that fit in memory. Received: {name}={n:,}, which take "
                f"{n * each / 2**40:,.0f} TiB. Fix: make them in parts, each with a seed of its own."
            )
        return n

    def _drawn(self, n, given, seed, fields=None):
        """An array of n for each input; those not given are drawn by NumPy, with the same numbers on every backend."""
        self.check_count(n)
        fields, rng = fields or self.inputs(), np.random.default_rng(check_seed(seed))
        if unknown := [name for name in given if name not in fields]:
            # "labels" is not meant for "latents".
            close = difflib.get_close_matches(unknown[0], fields, n=1, cutoff=0.8)
            raise TypeError(
                f"{type(self).__name__} makes samples from {', '.join(fields)} alone. Received: "
                f"{unknown[0]}={shown(given[unknown[0]])}. Fix: {f'{close[0]}=...' if close else 'leave it out'}."
            )
        arrays = {}
        for name, field in fields.items():
            if (value := given.get(name)) is None:
                arrays[name] = field.random(rng, n)
                continue
            try:
                value = np.asarray(value)
            except ValueError as error:  # rows of several lengths
                raise refused(name, value, "one array, whose rows are of one length") from error
            one_for_all = value.ndim == len(field.shape)
            array = field.validate(value[None] if one_for_all else value, name)
            if not one_for_all and len(array) != n:
                raise InvalidData(
                    f"{name} must have one entry for all samples, or one for each. Received: {len(array)} entries for {n} "
                    f"samples. Fix: n={len(array)}."
                )
            arrays[name] = np.broadcast_to(array, (n, *array.shape[1:]))
        return arrays

    def _made(self, inputs, seed, batch_size, dtype, **options):
        check_integer(batch_size, "batch_size", 1)
        fields = self.inputs()

        def function(*tensors):
            batch = {name: fields[name].preprocess(tensor) for name, tensor in zip(inputs, tensors, strict=True)}
            return self.make(batch, training=False, **options)[self.sample]

        with self.seeded(seed):
            return self.finished(lambda: self.mapped(function, *inputs.values(), batch_size=batch_size), dtype)

    def finished(self, make: Callable[[], np.ndarray], dtype: str) -> np.ndarray:
        """Returns the samples that `make` gives, within their range, as "float32" or as data are kept ("uint8")."""
        if dtype not in ("float32", "uint8"):
            raise refused("dtype", dtype, "'float32' or 'uint8'")
        field, samples = self.fields()[self.sample], make()
        if field.output_range is not None:
            samples = np.clip(samples.astype("float32"), *field.output_range)
        if dtype != "uint8":
            return samples
        # They would become zeros, which look like samples.
        if broken := int((~np.isfinite(samples)).reshape(len(samples), -1).any(axis=1).sum()):
            raise ValueError(
                f"Samples must be finite to be kept as uint8. Received: NaN in {broken} of {len(samples)}, so the training "
                "has diverged. Fix: load weights from before that, and train on at lower learning rates."
            )
        return field.quantize(samples)
