"""Callbacks for `fit`."""

from .best_weights import Evaluate
from .collapse import CollapseMonitor, Finding
from .files import Checkpoint, CSVLog, SampleGrid, save_grid, save_preview, whole_file
from .watching import DivergedError, Progress, StopAtInterrupt, StopAtNaN

__all__ = [
    "CSVLog",
    "Checkpoint",
    "CollapseMonitor",
    "DivergedError",
    "Evaluate",
    "Finding",
    "Progress",
    "SampleGrid",
    "StopAtInterrupt",
    "StopAtNaN",
    "save_grid",
    "save_preview",
    "whole_file",
]
