"""Training: run folder, exact resume, data parallel. `Trainer` is the door, `mtcp.cli.train` the command."""

from mtcp.training.run_folder import RunFolder, read_log
from mtcp.training.trainer import Trainer, TrainingError

__all__ = ["RunFolder", "Trainer", "TrainingError", "read_log"]
