"""One rank of the data parallel tests, by torchrun: trains eight times, leaves what it holds in OUT."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from tiny_training import TASKS, make_trainer  # noqa: E402

from mtcp.objective.balancing import Applied, Balancer, Uniform  # noqa: E402
from mtcp.training import Trainer  # noqa: E402
from mtcp.training.distributed import World, join_world, leave_world  # noqa: E402


def stop_one_rank(trainer: Trainer, at: int) -> None:
    """Only rank 1 hears of the interrupt, after `at` steps: all must stop."""
    step = trainer._train_step

    def interrupted(batch: dict[str, torch.Tensor]) -> object:
        result = step(batch)
        if trainer.step == at and trainer.world.rank == 1:
            trainer._ask_stop()
        return result

    trainer._train_step = interrupted  # type: ignore[method-assign, assignment]


class Piecewise(Uniform):
    """As `Uniform`, with a backward pass per task: the gradients must come out the same."""

    several_passes = True

    def backward(self, losses: Mapping[str, torch.Tensor], shared: Sequence[torch.nn.Parameter]) -> Applied:
        for loss in losses.values():
            torch.log1p(loss).backward(retain_graph=True)
        return Applied(dict(self.weights), 0.0)


def train(
    out: Path,
    run: str,
    world: World,
    *,
    resume: bool = False,
    stop: int = 0,
    balancing: str = "lps",
    balancer: Balancer | None = None,
    **settings: object,
) -> None:
    trainer = make_trainer(
        out / run, world=world, balancing=balancing, balancer=balancer, resume=resume, epochs=2, **settings
    )
    if stop:
        stop_one_rank(trainer, stop)
    trainer.run()
    state = {
        "step": trainer.step,
        "parameters": {name: p.detach() for name, p in trainer.model.named_parameters()},
        "gradients": {name: p.grad for name, p in trainer.model.named_parameters()},  # of the last step
        "balancing": trainer.balancer.state_dict(),
        "weights": trainer.balancer.weights,
    }
    torch.save(state, out / f"{run}-{trainer.step}-rank{world.rank}.pt")


def main() -> None:
    out = Path(sys.argv[1])
    torch.set_num_threads(1)
    world = join_world(torch.device("cpu"))
    train(out, "whole", world)
    train(out, "halves", world, stop=3)  # two steps an epoch: in the middle of the second
    train(out, "halves", world, resume=True)
    train(out, "learned", world, balancing="uncertainty", stop=2)
    train(out, "uniform", world, balancing="uniform", stop=1, log_gradients=1)
    train(out, "piecewise", world, balancer=Piecewise(TASKS), stop=1)
    for name in ("gradnorm", "mgda"):
        train(out, name, world, balancing=name, stop=2, log_gradients=1)
    leave_world()


if __name__ == "__main__":
    main()
