"""A measurement in parts, on several machines or one after the other: what `evaluate --shard` and `--merge` do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .evaluation import N_IMAGES, SEED, content_of, fakes_of, reference_of
from .metrics.measuring import records_of
from .metrics.protocol import Protocol
from .metrics.records import Record
from .metrics.shards import Shard, merged_shards, save_shard
from .untrusted import shown


def measure_shard(
    source: str | Path,
    against: Any,
    shard: Shard,
    output: str | Path,
    protocol: Protocol,
    *,
    split: str | None = None,
    n: int = N_IMAGES,
    seed: int = SEED,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    cache: str | Path | None = None,
) -> dict[str, int]:
    """Sees one part of the fakes and one of the real images, and writes to a file what it saw.

    A preset makes all its images for each part, since each draw follows the one before; the network of the features, which
    takes most of the time, sees those of the part.

    Args:
        source, against: as in `keras_gan_zoo.evaluation.evaluate_source`.
        shard: which part.
        output: the .npz file to write.
        protocol: how images are measured.
        split, n, seed, size, channels, cache: as in `evaluate_source`.

    Returns:
        "fake" and "real" -> number of images in this part.

    Raises:
        ValueError: as `evaluate_source`; also metrics that compare with a training set, and fewer batches than shards.
    """
    if protocol.needs("train"):
        raise ValueError(
            "metrics of a shard must not compare with a training set. Received: "
            f"metrics={','.join(protocol.settings)}. Fix: leave memorization out."
        )
    fakes, protocol = fakes_of(source, split, n, seed, protocol)
    wanted = {"size": size, "channels": channels, "fake_shape": fakes.shape, "cache": cache}
    real = reference_of(against, split, protocol, **wanted, shard=shard)
    images, labels = fakes.read()
    rows = shard.rows(len(images), protocol.batch_size)
    if rows.start >= rows.stop:
        raise ValueError(
            f"Each shard must hold a batch of {protocol.batch_size} images, or the rest of them. Received: shard {shard} of "
            f"{len(images)} images. Fix: at most {-(-len(images) // protocol.batch_size)} shards."
        )
    part, labels_of_part = images[rows], None if labels is None else labels[rows]
    fake = protocol.gather(part, "fake", labels_of_part, first=rows.start, total=len(images))
    told = {
        "metrics": protocol.settings,
        "fakes": Path(source).name,
        "fakes_sha256": content_of(source),
        "n_fake": len(images),
        "seed": protocol.seed,
        "against": Path(str(against)).name,
        "against_sha256": content_of(against),
        "split": split,
        "size": size,
        "channels": channels,
        "batch_size": protocol.batch_size,
        "skipped": getattr(part, "skipped", fakes.skipped),
    }
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    save_shard(output, shard, told, fake, real)
    return {"fake": fake.n, "real": real.n if real else 0}


def merge_shards(paths: Sequence[str | Path]) -> tuple[dict[str, Record], list[tuple[str, str]]]:
    """What `evaluate_source` returns, from the files of all shards; backend, device and versions are those of this process.

    Raises:
        ValueError: see `keras_gan_zoo.metrics.shards.merged_shards`.
    """
    told, fake, real = merged_shards(paths)
    metrics = told.get("metrics")
    if not isinstance(metrics, dict) or not all(isinstance(settings, dict) for settings in metrics.values()):
        raise ValueError(
            f"Shards must name metrics with their settings. Received: metrics={shown(metrics)}. Fix: measure them again."
        )
    protocol = Protocol.of(list(metrics), metrics, seed=told.get("seed"))
    return records_of(fake, real, protocol), told["skipped"]
