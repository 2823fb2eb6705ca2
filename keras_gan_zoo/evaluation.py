"""Measuring presets, models and folders of images: what `keras-gan-zoo evaluate` does."""

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .presets import WEIGHTS_INFO, find_preset, list_presets, load, read_json
from .untrusted import printable, read_npz

if TYPE_CHECKING:
    from .metrics.protocol import Protocol
    from .metrics.records import Record
    from .metrics.shards import Shard

N_IMAGES, SEED, SPLIT = 10_000, 0, "test"
METRICS = ("fid",)


def evaluate_source(
    source: str | Path,
    against: Any,
    *,
    split: str | None = None,
    metrics: str | Sequence[str] = METRICS,
    settings: dict[str, dict[str, Any]] | None = None,
    extractor: Any = None,
    n: int = N_IMAGES,
    seed: int = SEED,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    cache: str | Path | None = None,
    batch_size: int = 50,
    progress: bool = False,
) -> tuple[dict[str, "Record"], list[tuple[str, str]]]:
    """Measures a preset, or images that any program wrote, against real images.

    Both have to be of one shape. In files alpha is composited over white, as `load_images` does it for 3 channels.

    Args:
        source: name or folder of a preset; or a folder, zip or .npz of images.
        against: real images: name of a TFDS data set, folder, zip or .npz, as `keras_gan_zoo.data.load_images` takes them.
        split: of a TFDS data set, or of an .npz that has several; by default "test" where there is one.
        metrics: names, see `keras_gan_zoo.metrics.METRICS`.
        settings: for each metric what differs from its defaults, such as {"kid": {"subset_size": 500}}.
        extractor: see `keras_gan_zoo.metrics.feature_extractor`.
        n: images to generate, where `source` is a preset; images are measured all.
        seed: of the generated images.
        size, channels: what the real images are brought to, where they differ from the generated ones.
        cache: folder for the statistics of real images.
        batch_size: images in a pass of the network.
        progress: show progress bars.

    Returns:
        Metric -> record, and (path, reason) of each file of `source` that could not be read.

    Raises:
        ValueError: images that do not fit each other or the metric, and sources that cannot be read.
    """
    from .metrics.measuring import records_of
    from .metrics.protocol import Protocol

    protocol = Protocol.of(metrics, settings, extractor, batch_size=batch_size, progress=progress)
    fakes, protocol = fakes_of(source, split, n, seed, protocol)
    real = reference_of(against, split, protocol, size=size, channels=channels, fake_shape=fakes.shape, cache=cache)
    images, labels = fakes.read()
    return records_of(images, real, protocol, labels=labels), fakes.skipped


class _Fakes(NamedTuple):
    """Images to measure, before one of them is made or decoded."""

    shape: tuple[int, int, int]
    skipped: list[tuple[str, str]]
    read: Callable[[], tuple[Any, np.ndarray | None]]


def fakes_of(source: str | Path, split: str | None, n: int, seed: int, protocol: "Protocol") -> tuple[_Fakes, "Protocol"]:
    """The images of a source, and the protocol with their seed if they have one; see `evaluate_source`."""
    from .data.checks import check_integer

    n = check_integer(n, "n", 2)
    if is_image_folder(source):
        _refuse_clash(source, [preset.name for preset in list_presets()], "preset")
        images = _folder(source, protocol.batch_size)
        count, fakes = images.total, _Fakes(images.image_shape, images.skipped, lambda: (images, None))
    elif Path(source).is_file():
        images, skipped = _from_file(source, split)
        count, fakes = len(images), _Fakes(images.shape[1:], skipped, lambda: (images, None))
    else:
        gan = load(source)
        shape = _image_shape(gan, source)
        # Before the real images are seen, which may take long.
        count, fakes = gan.check_count(n), _Fakes(shape, [], lambda: generated(gan, n, seed))
        protocol = dataclasses.replace(protocol, seed=seed)
    protocol.require_enough(fake=count)
    return fakes, protocol


def reference_of(
    against: Any,
    split: str | None,
    protocol: "Protocol",
    *,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    fake_shape: tuple[int, int, int] | None = None,
    cache: str | Path | None = None,
    shard: "Shard | None" = None,
) -> Any:
    """What a protocol needs of real images, as a `Sample`; shipped, cached, or computed now.

    With a shard it is that part of them, or None if there is none; what is shipped belongs to the first.

    Raises:
        ValueError: the real images are of another shape than `fake_shape`, where that is known.
    """
    from .data import load_images
    from .data.load import KNOWN_DATASETS
    from .metrics.measuring import sides
    from .metrics.references import reference, shipped_reference

    def require_shape(shape):
        if fake_shape and shape and tuple(fake_shape) != tuple(shape):
            raise ValueError(
                f"Images must have one shape. Received: generated ones of {sides(fake_shape)}, those of {against} are "
                f"{sides(shape)}. Fix: --size {fake_shape[0]}x{fake_shape[1]} --channels {fake_shape[2]} for the real ones."
            )

    needs, extractor = protocol.needs("real"), protocol.extractor
    # A file or folder may have the name of a data set.
    is_name, as_it_is = not Path(str(against)).exists(), (size, channels) == (None, None)
    has_splits = is_name or Path(str(against)).suffix.lower() == ".npz"
    if not is_name:
        _refuse_clash(against, KNOWN_DATASETS, "TFDS data set")
    if split and not has_splits:
        raise ValueError(
            f"split must be one of a data set or an .npz. Received: split={split!r}, and {against}, which has none. "
            "Leave it out."
        )
    split = split or _default_split(against)
    named = str(against) if is_name else Path(str(against)).name
    named += f"/{split}" if has_splits else ""
    if not as_it_is:
        named += f" at size {size or 'as it is'}, channels {channels or 'as they are'}"
    kept_in_cache = needs <= {"moments", "features"}
    if needs <= {"moments"} and as_it_is and is_name and (shipped := shipped_reference(named, extractor)):
        require_shape(shipped.image_shape)
        return shipped if shard is None or shard.number == 1 else None
    options = {"split": named, "batch_size": protocol.batch_size}
    if is_image_folder(against) and kept_in_cache and as_it_is:
        images = _folder(against, protocol.batch_size)
        require_shape(images.image_shape)
        protocol.require_enough(real=images.total)
        if shard:
            images = images[shard.rows(len(images), protocol.batch_size)]
            if not len(images):
                return None
        options |= {"content": images.digest(), "progress": protocol.progress}
        sample = reference(images, extractor, keep=needs, cache=cache, **options)
        if images.skipped:
            raise ValueError(
                "Real images must all be readable. Received: "
                f"{len(images.skipped)} of {images.total} real images cannot be read, {printable(images.skipped[0][0])} "
                "first."
            )
        return sample
    wanted = {"split": split} if has_splits else {}
    data = load_images(against, size=size, channels=channels, labels=True if "labels" in needs else None, **wanted)
    require_shape(data.images.shape[1:])
    protocol.require_enough(real=len(data.images))
    rows = shard.rows(len(data.images), protocol.batch_size) if shard else slice(None)
    images, labels = data.images[rows], None if data.labels is None else data.labels[rows]
    if not len(images):
        return None
    if kept_in_cache:
        return reference(images, extractor, keep=needs, cache=cache, progress=protocol.progress, **options)
    return protocol.gather(images, "real", labels, split=named)


def generated(gan: Any, n: int, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
    """uint8 images of a model, and their labels where it has classes, which take turns."""
    classes = {name: np.arange(gan.check_count(n)) % gan.inputs()[name].classes for name in gan.in_order(1)}
    return gan.generate(n, seed=seed, dtype="uint8", **classes), classes.get("labels")


def _image_shape(gan, name):
    from .data import Images

    field = gan.fields()[gan.sample]
    if not isinstance(field, Images):
        raise ValueError(f"These metrics are of images. Received: {name}, which makes {gan.sample}.")
    return field.shape


def content_of(source: str | Path) -> str | None:
    """sha256, in hexadecimal, of the images of a folder or file, or of the weights of a preset; None for a data set's name.

    It tells sources of one name apart, wherever they lie.
    """
    if is_image_folder(source):
        return _folder(source, 1).digest()
    if Path(source).is_file():
        with open(source, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if Path(source).is_dir() or str(source) in [preset.name for preset in list_presets()]:
        return read_json(find_preset(source) / WEIGHTS_INFO)["sha256"]
    return None


def is_image_folder(source: str | Path) -> bool:
    """Whether `source` is a folder that holds no preset."""
    from .presets import CONFIG

    return Path(source).is_dir() and not (Path(source) / CONFIG).exists()


def _refuse_clash(path, names, what):
    """A bare name that is both is taken for neither."""
    if str(path) in names:
        raise ValueError(
            f"A name must stand for one thing. Received: {str(path)!r}, the name of a {what}, and of a file or folder here. "
            f"Fix: './{path}' for what is here, or another working directory for the {what}."
        )


def _default_split(against):
    """The one to compare with; an .npz of `images` alone has no splits, and is what load_images takes for "train"."""
    path = Path(str(against))
    if path.is_file() and path.suffix.lower() == ".npz":
        try:
            return SPLIT if f"x_{SPLIT}" in read_npz(path, ())[1] else "train"
        except ValueError:  # which is for `load_images` to say
            return "train"
    return SPLIT


def _from_file(path, split):
    """Images of a zip or an .npz, without alpha, and what could not be read of them."""
    from .data import load_images
    from .data.convert import convert_channels

    zipped = Path(path).suffix.lower() == ".zip"
    data = load_images(path, **({"on_error": "skip"} if zipped else {"split": split or _default_split(path)}))
    return convert_channels(data.images, 3 if data.images.shape[-1] == 4 else None), list(data.skipped)


def _folder(path, batch_size):
    """A folder's images in batches of several passes of the network, without alpha, which metrics do not take."""
    from .data import FolderBatches

    images = FolderBatches(path, 10 * batch_size)
    if images.channels == 4:
        images.channels = 3
    return images
