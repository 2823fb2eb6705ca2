"""Layers and constraints that Keras does not have, or that differ from their papers or from what devices share there."""

from .batch_norm import BatchNorm
from .constraints import WeightClip
from .labels import OneHot, label_maps
from .maxout import MaxoutDense
from .noise import Dropout, GaussianNoise
from .spectral_norm import SNConv2D, SNConv2DTranspose, SNDense

__all__ = [
    "BatchNorm",
    "Dropout",
    "GaussianNoise",
    "MaxoutDense",
    "OneHot",
    "SNConv2D",
    "SNConv2DTranspose",
    "SNDense",
    "WeightClip",
    "label_maps",
]
