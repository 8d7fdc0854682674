"""What a training run is saved as and resumes from, exactly: `last.pt`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mtcp.errors import InputError
from mtcp.io.safe_read import brief
from mtcp.training.batches import check_data
from mtcp.training.optimizer import load_optimizer

if TYPE_CHECKING:
    from mtcp.training.trainer import Trainer


def state_of(trainer: Trainer, sums: Mapping[str, float]) -> dict[str, Any]:
    """Everything that the next step depends on. sums: of the running epoch, as every rank is to go on with them."""
    return {
        "model": trainer.model.state_dict(),
        "auxiliary": trainer.objective.heads.state_dict(),
        "average": trainer.average.state_dict() if trainer.average else None,
        "optimizer": trainer.optimizer.state_dict(),
        "balancer": trainer.balancer.state_dict(),
        "step": trainer.step,
        "sums": dict(sums),
        "best": trainer.best,
        "samples": trainer.batches.count,
        "also": trainer.batches.also,
        "batch": trainer.batches.batch,
    }


def restore(trainer: Trainer, state: Mapping[str, Any], *, restart: bool = False) -> None:
    """Puts what `state_of` gave into a trainer.

    restart: epochs, learning rate and balancing start again; weights, the optimizer's moments and the best score are
    taken as they are.

    Raises:
        InputError: the state is damaged, of another configuration, or of other data (see `check_data`).
    """
    if not restart:
        check_data(state, trainer.batches.count, trainer.batches.batch, trainer.batches.also)
    try:
        trainer.model.load_state_dict(state["model"])
        trainer.objective.heads.load_state_dict(state.get("auxiliary", {}))
        if trainer.average:
            trainer.average.load_state_dict(state["average"])
        load_optimizer(trainer.optimizer, state["optimizer"], trainer.model)
        if not restart:
            trainer.balancer.load_state_dict(state["balancer"])
            trainer.step = state["step"]
            trainer.sums.load(state["sums"])
        trainer.best = state["best"]
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{trainer.folder.state_path} does not fit the run's config.json ({brief(error)}): "
            "take back what was changed there, or start a new run with --init"
        ) from error
