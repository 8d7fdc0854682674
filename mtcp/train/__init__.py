"""Training: run folder, exact resume, data parallel. `Trainer` is the door, `mtcp.cli.train` the command."""

from mtcp.train.run_folder import RunFolder, read_log
from mtcp.train.trainer import Trainer, TrainingError

__all__ = ["RunFolder", "Trainer", "TrainingError", "read_log"]
