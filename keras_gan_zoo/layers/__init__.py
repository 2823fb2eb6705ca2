"""Layers and constraints that Keras does not have, or does not have right."""

from .constraints import WeightClip
from .labels import OneHot, label_maps
from .maxout import MaxoutDense
from .spectral_norm import SNConv2D, SNConv2DTranspose, SNDense

__all__ = ["MaxoutDense", "OneHot", "SNConv2D", "SNConv2DTranspose", "SNDense", "WeightClip", "label_maps"]
