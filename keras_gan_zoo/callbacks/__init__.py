"""Callbacks and schedules for `fit`."""

from .files import Checkpoint, CSVLog, SampleGrid, grid_samples, save_grid, whole_file
from .schedules import LinearDecay
from .watching import DivergedError, Progress, StopAtNaN

__all__ = [
    "CSVLog",
    "Checkpoint",
    "DivergedError",
    "LinearDecay",
    "Progress",
    "SampleGrid",
    "StopAtNaN",
    "grid_samples",
    "save_grid",
    "whole_file",
]
