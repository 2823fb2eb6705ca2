"""How images are measured, in one value: what the records of a measurement have in common."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Self

from keras_gan_zoo.data.checks import check_integer
from keras_gan_zoo.metrics.definitions import METRICS
from keras_gan_zoo.metrics.features import extractor_of
from keras_gan_zoo.metrics.samples import Sample, gather

# The setting that says how many images a metric takes at least, and of which sets.
TAKEN = {
    "kid": ("subset_size", ("fake", "real")),
    "birthday_paradox": ("batch_size", ("fake",)),
    "ndb": ("bins", ("real",)),
    "jsd": ("bins", ("real",)),
}


@dataclasses.dataclass(frozen=True)
class Protocol:
    """Metrics with all of their settings, and how the images reach them; other attributes are as in `evaluate`."""

    settings: dict[str, dict[str, Any]]  # of each metric
    extractor: Any = None  # a network; None for metrics of pixels, or of features given
    split: str = "none"
    seed: int | Sequence[int] | None = None
    batch_size: int = 50
    progress: bool = False

    @classmethod
    def of(
        cls,
        metrics: str | Sequence[str],
        settings: dict[str, dict[str, Any]] | None = None,
        extractor: Any = None,
        **fields: Any,
    ) -> Self:
        """A protocol from names; raises a ValueError for what `evaluate` cannot do.

        Args:
            metrics, settings, extractor: as in `evaluate`.
            **fields: further attributes.
        """
        given, names = settings or {}, [metrics] if isinstance(metrics, str) else list(metrics)
        if unknown := [name for name in names if name not in METRICS]:
            raise ValueError(f"metrics must be among {', '.join(METRICS)}. Received: {unknown[0]!r}.")
        if not names:
            raise ValueError(f"metrics must name one at least. Received: none. Fix: {', '.join(METRICS)}.")
        if unused := sorted(set(given) - set(names)):
            raise ValueError(f"settings must be of metrics that are measured, {', '.join(names)}. Received: {unused}.")
        for name in given:
            defaults = METRICS[name].settings
            if unknown := sorted(set(given[name]) - set(defaults)):
                raise ValueError(f"settings of {name!r} must be among {', '.join(defaults) or 'none'}. Received: {unknown}.")
        protocol = cls({name: {**METRICS[name].settings, **given.get(name, {})} for name in names}, **fields)
        check_integer(protocol.batch_size, "batch_size", 1)
        return dataclasses.replace(protocol, extractor=extractor_of(extractor))

    def needs(self, kind: str) -> set[str]:
        """What a pass has to keep of the "fake", "real" or "train" images, see `gather`; empty where they are not seen."""
        metrics = [METRICS[name] for name in self.settings]
        return {need for metric in metrics for need in (metric.needs if kind == "fake" else metric.others.get(kind, ()))}

    def gather(self, images: Any, kind: str, labels: Any = None, **options: Any) -> Sample:
        """What a pass keeps of the "fake", "real" or "train" images; `options` are further ones of `samples.gather`."""
        if kind == "fake":
            options |= self.settings.get("inception_score", {})
        told = {"batch_size": self.batch_size, "progress": f"{kind} image" if self.progress else None}
        return gather(images, self.extractor, self.needs(kind), labels=labels, **told, **options)

    def require_enough(self, **counts: int | None) -> None:
        """Checks the number of "fake" and "real" images, None if unknown; a ValueError where a metric takes more."""
        for name, (setting, kinds) in TAKEN.items():
            for kind in kinds if name in self.settings else ():
                count, least = counts.get(kind), self.settings[name][setting]
                if count is not None and count < least:
                    option = " (--subset-size on the command line)" if name == "kid" else ""
                    raise ValueError(
                        f"{setting}={least} of {name} must be at most the number of {kind} images. Received: {count:,} "
                        f"{kind} images. Fix: more images, or settings={{{name!r}: {{{setting!r}: {count}}}}}{option}; "
                        f"values of another {setting} are not comparable."
                    )
