"""Configurations as frozen dataclasses: they travel in the checkpoint card, the run folder and the command line."""

from mtcp.config.model import ModelConfig
from mtcp.config.training import TrainConfig

__all__ = ["ModelConfig", "TrainConfig"]
