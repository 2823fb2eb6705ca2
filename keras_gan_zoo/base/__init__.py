"""What all variants share and no paper is about: the engine of rounds, the rules of 2014, and from inputs to samples."""

from .game import Game
from .latent_sampler import LatentSampler
from .options import Options
from .player import Player
from .sampler import Sampler
from .two_player_game import TwoPlayerGame

__all__ = ["Game", "LatentSampler", "Options", "Player", "Sampler", "TwoPlayerGame"]
