"""Pictures of volumes: NumPy in, NumPy out.

A volume (x, y, z) stands on its side z = 0: x runs from left to right, y from front to back, z upward. The camera looks
from the front, the right, and above, without perspective: all rays have one direction, and each shows the first full voxel
that it meets. How bright a voxel is depends on where its face looks, what stands before the face, and its distance.
"""

import functools
from typing import Any

import numpy as np

# The camera stands 35 degrees to the right of the front, 27 degrees up. Unit vectors toward it, and to its right and up.
_AZIMUTH, _ELEVATION = np.deg2rad(35.0), np.deg2rad(27.0)
_CAMERA = np.array([np.sin(_AZIMUTH) * np.cos(_ELEVATION), -np.cos(_AZIMUTH) * np.cos(_ELEVATION), np.sin(_ELEVATION)])
_RIGHT = np.array([np.cos(_AZIMUTH), np.sin(_AZIMUTH), 0.0])
_UP = np.cross(_CAMERA, _RIGHT)
# Light on the faces toward +x, -y, and +z, the only ones that the camera sees; and on the background.
_FACES, _BACKGROUND = np.array([0.42, 0.68, 0.95]), 1.0
# Shares of the light that the farthest voxel keeps, and a face with full voxels all around it.
_FAR, _CORNER = 0.6, 0.45
# The side of the picture, as a multiple of the longest side of what is seen.
_MARGIN = 1.04
# Rays for each side of a pixel, which is their mean, so that edges have no steps.
_RAYS = 2


@functools.lru_cache(maxsize=8)
def _rays(shape: tuple[int, ...], size: int) -> tuple[np.ndarray, np.ndarray]:
    """The voxels that the rays of a picture of size x size rays pass, starting at the camera.

    Returns:
        Indices of voxels (rays, steps) in C order, or the number of all voxels once a step has left the volume; and the axis
        (0, 1, 2) of the face through which a ray enters each voxel.
    """
    sides, camera = np.array(shape), _CAMERA.astype("float32")
    corners = np.stack(np.meshgrid(*([0.0, side] for side in shape)), -1).reshape(-1, 3) - sides / 2
    extent = _MARGIN * max(np.abs(corners @ _RIGHT).max(), np.abs(corners @ _UP).max())
    at = extent * ((np.arange(size) + 0.5) / size * 2.0 - 1.0)
    up, right = (grid.reshape(-1, 1) for grid in np.meshgrid(-at, at, indexing="ij"))
    start = (sides / 2 + right * _RIGHT + up * _UP).astype("float32")
    # A ray is start - t camera. It crosses the planes between voxels in the order of t; halfway to the next one is a voxel.
    crossings = [(start[:, [axis]] - np.arange(shape[axis] + 1, dtype="float32")) / camera[axis] for axis in range(3)]
    axes = np.repeat(np.arange(3), sides + 1)
    t = np.concatenate(crossings, axis=1)
    order = np.argsort(t, axis=1)
    t = np.take_along_axis(t, order, axis=1)
    voxels = np.floor(start[:, None] - (t[:, :-1, None] + t[:, 1:, None]) / 2.0 * camera).astype("int32")
    inside = ((voxels >= 0) & (voxels < sides)).all(-1)
    numbers = np.where(inside, voxels @ [shape[1] * shape[2], shape[2], 1], np.prod(sides))
    # Steps inside come first, so that those which no ray needs can go.
    steps = np.argsort(~inside, axis=1, kind="stable")[:, : inside.sum(axis=1).max()]
    return np.take_along_axis(numbers, steps, axis=1), np.take_along_axis(axes[order[:, :-1]], steps, axis=1)


@functools.lru_cache(maxsize=8)
def _nearness(shape: tuple[int, ...]) -> np.ndarray:
    """The share of light that each voxel keeps at its distance, from 1 at the nearest: (voxels,)."""
    depth = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 3) @ -_CAMERA
    return 1.0 - (1.0 - _FAR) * (depth - depth.min()) / max(np.ptp(depth), 1e-9)


def _shifted(padded, axis, by):
    """Voxels (..., x + 2, y + 2, z + 2) -> those `by` farther along an axis, which loses its padding."""
    sides = [slice(None)] * 4
    sides[axis + 1] = slice(1 + by, padded.shape[axis + 1] - 1 + by)
    return padded[tuple(sides)]


def _light(full: np.ndarray) -> np.ndarray:
    """Light on the faces of voxels, by where they look and how many of the 8 voxels around the one before them are full.

    Args:
        full: bool (n, x, y, z).

    Returns:
        (n, voxels, 3), the last axis as in `_FACES`.
    """
    padded = np.pad(full.astype("uint8"), [(0, 0)] + [(1, 1)] * 3)
    faces = []
    for axis in range(3):
        around = _shifted(padded, axis, int(np.sign(_CAMERA[axis])))
        for other in {0, 1, 2} - {axis}:
            around = sum(_shifted(around, other, by) for by in (-1, 0, 1))
        faces.append(_FACES[axis] * (1.0 - (1.0 - _CORNER) / 8.0 * around.reshape(len(full), -1)))
    return np.stack(faces, axis=-1)


def render_voxels(volumes: Any, size: int = 96) -> np.ndarray:
    """Renders volumes as if made of plaster, in three-quarter view.

    Args:
        volumes: (n, x, y, z, channels) in [0, 1], with z upward and the front at y = 0. A voxel is full if one of its
            channels is at least 0.5.
        size: side of the pictures in pixels, whatever the size of the volumes.

    Returns:
        uint8 (n, size, size, 1), white where there is nothing.

    Raises:
        ValueError: an array of another rank, or an empty one.
    """
    volumes = np.asarray(volumes)
    if volumes.ndim != 5 or not volumes.size:
        raise ValueError(
            "volumes must have the shape (n, x, y, z, channels), each of at least 1. Received: shape "
            f"{volumes.shape}. Fix: volumes[None, ..., None] for a single volume without channels."
        )
    full = (volumes >= 0.5).any(axis=-1)
    shape = full.shape[1:]
    voxels, axes = _rays(shape, _RAYS * size)
    light = _light(full) * _nearness(shape)[:, None]
    # The voxel after the last one stands for everything outside.
    outside = full[0].size
    full = np.pad(full.reshape(len(full), -1), [(0, 0), (0, 1)])
    pictures = np.full((len(full), len(voxels)), _BACKGROUND)
    for picture, filled, shades in zip(pictures, full, light, strict=True):
        rays = np.arange(len(voxels))
        for step, axis in zip(voxels.T, axes.T, strict=True):
            met = step[rays]
            hits = filled[met]
            picture[rays[hits]] = shades[met[hits], axis[rays[hits]]]
            rays = rays[~hits & (met < outside)]
    pixels = pictures.reshape(-1, size, _RAYS, size, _RAYS).mean(axis=(2, 4))
    return np.rint(pixels * 255.0).astype("uint8")[..., None]
