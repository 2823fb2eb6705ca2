"""Layers and constraints that Keras does not have, or that differ from their papers there."""

from .batch_norm import BatchNorm
from .constraints import WeightClip
from .labels import OneHot, label_maps
from .maxout import MaxoutDense
from .spectral_norm import SNConv2D, SNConv2DTranspose, SNDense

__all__ = ["BatchNorm", "MaxoutDense", "OneHot", "SNConv2D", "SNConv2DTranspose", "SNDense", "WeightClip", "label_maps"]
