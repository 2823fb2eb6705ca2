"""What all variants share and no paper is about: options, compile and fit, the round, sampling and saving."""

from .model import Base
from .options import Options
from .player import Player

__all__ = ["Base", "Options", "Player"]
