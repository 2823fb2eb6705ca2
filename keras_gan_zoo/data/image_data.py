"""What the loaders return."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class ImageData:
    """Images in memory.

    Attributes:
        images: uint8 (n, height, width, channels) in 0..255; channels 1 (gray), 3 (RGB), or 4 (RGBA).
        labels: int32 (n,), each >= 0, or -1 where a class is not known; or None.
        class_names: the name of each label, or None if the source has no names.
        skipped: (path, reason) of each file left out with on_error="skip", sorted.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] | None = None
    skipped: tuple[tuple[str, str], ...] = ()
