"""Shards: parts of one measurement, on as many machines as there are, which merge to what one pass over all images gives.

    fake_1, fake_2 = (gather(images[Shard(i, 2).rows(len(images), 50)], extractor) for i in (1, 2))
    records = evaluate(fake_1.merge(fake_2), real, metrics=("fid",))

A shard in a file, which `keras-gan-zoo evaluate --shard` writes, also holds its share of the real images and what was asked.
"""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from keras_gan_zoo.data.checks import check_integer
from keras_gan_zoo.files import whole_file
from keras_gan_zoo.metrics.records import differences
from keras_gan_zoo.metrics.samples import Sample, below
from keras_gan_zoo.untrusted import read_npz, shown


class Shard(NamedTuple):
    """One of `count` parts, by its `number`, which counts from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The shard of a text such as "2/3"; a ValueError for a text that is none."""
        number, _, count = text.partition("/")
        if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            raise ValueError(f"shard must be I/N with I of 1 to N, such as 1/3 to 3/3. Received: shard={shown(text)}.")
        return cls(int(number), int(count))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def rows(self, n: int, batch_size: int) -> slice:
        """The rows of this shard among n, cut at whole batches, so that a network sees the same batches as in one pass.

        There are none if there are fewer batches than shards.
        """
        batches = -(-n // batch_size)
        first, last = ((number * batches // self.count) * batch_size for number in (self.number - 1, self.number))
        return slice(first, min(last, n))


def save_shard(path: str | Path, shard: Shard, told: dict[str, Any], fake: Sample, real: Sample | None) -> None:
    """Writes a shard to an .npz file (no pickle).

    `told` has plain values that all shards of a measurement have in common, and "skipped", which they add up; `fake` and
    `real` are what was seen of its images.
    """
    arrays = {f"fake/{name}": array for name, array in fake.arrays().items()}
    arrays |= {} if real is None else {f"real/{name}": array for name, array in real.arrays().items()}
    with whole_file(path) as partial, open(partial, "wb") as file:
        np.savez(file, shard=json.dumps({**told, "number": shard.number, "count": shard.count}), **arrays)


def merged_shards(paths: Sequence[str | Path]) -> tuple[dict[str, Any], Sample, Sample | None]:
    """What all shards of a measurement come to: what they were told, the fakes, and the real images.

    A ValueError for files that are no shards or of different measurements, and a shard that is missing, or there twice.
    """
    headers = {str(path): _header(path) for path in paths}
    first = next(iter(headers))
    places: dict[int, str] = {}
    for path, header in headers.items():
        # The number and what was skipped are each shard's own.
        shared = [name for name in headers[first] if name not in ("number", "skipped")]
        if differing := differences(headers[first], header, shared):
            raise ValueError(f"Shards must be of one measurement. Received: {first} and {path}, which differ ({differing}).")
        if header["number"] in places or len(headers) < len(paths):
            other = places.get(header["number"], path)
            raise ValueError(
                f"Each shard must be there once. Received: shard {header['number']} of {header['count']} twice, {other} and "
                f"{path}. Fix: leave one out."
            )
        places[header["number"]] = path
    count = headers[first]["count"]
    # The first few alone, since a file may claim any number.
    if missing := list(itertools.islice((number for number in range(1, count + 1) if number not in places), 10)):
        others = " and others" if count - len(places) > len(missing) else ""
        raise ValueError(
            f"All {count} shards must be there. Received: {len(places)} of them, without {', '.join(map(str, missing))}"
            f"{others}. Fix: measure with --shard {missing[0]}/{count}, and pass that file too."
        )
    merged: dict[str, Sample] = {}
    for number in range(1, count + 1):
        for kind, sample in _samples(places[number]):
            merged[kind] = merged[kind].merge(sample) if kind in merged else sample
    skipped = dict.fromkeys(entry for header in headers.values() for entry in header["skipped"])
    return {**headers[first], "skipped": list(skipped)}, merged["fake"], merged.get("real")


def _samples(path):
    try:
        arrays, _ = read_npz(path)
        parts = {kind: below(kind, arrays) for kind in ("fake", "real")}
        return [(kind, Sample.from_arrays(part)) for kind, part in parts.items() if part or kind == "fake"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        reason = f"a file without {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"{path} must hold all of its shard. Received: {reason}. Fix: measure it again.") from error


def _header(path):
    try:
        arrays, _ = read_npz(path, ("shard",))
        header = json.loads(str(arrays["shard"]))
        if not isinstance(header, dict) or not {"number", "count", "skipped"} <= set(header):
            raise ValueError("it says nothing of a shard")
        check_integer(header["number"], "number", 1, check_integer(header["count"], "count", 1) + 1)
        header["skipped"] = [(str(path), str(reason)) for path, reason in header["skipped"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = "it says nothing of a shard" if isinstance(error, KeyError) else error
        raise ValueError(
            f"{path} must be a shard, written by evaluate --shard I/N --output FILE. Received: a file that cannot be read "
            f"as one ({reason})."
        ) from error
    return header
