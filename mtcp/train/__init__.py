"""Training: run folder, exact resume, data parallel. `Trainer` is the door; the command line is `mtcp.cli.train`."""

from mtcp.train.run_folder import RunFolder, read_log
from mtcp.train.trainer import Trainer, TrainingError

__all__ = ["RunFolder", "Trainer", "TrainingError", "read_log"]
