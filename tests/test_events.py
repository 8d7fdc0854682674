"""TensorBoard events carry the numbers of the log."""

from __future__ import annotations

from pathlib import Path

from mtcp.training.events import Events, scalars


def test_scalars_walks_nested_numbers_only() -> None:
    line = {"step": 3, "epoch": 1, "loss": {"depth": 0.5}, "ratio": {"depth": None}, "floor": ["depth"]}
    assert dict(scalars(line)) == {"epoch": 1.0, "loss/depth": 0.5}


def test_events_can_be_read_back(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = Events(tmp_path)
    events.add("epoch", {"step": 7, "loss": {"depth": 0.5}})
    events.close()
    read = EventAccumulator(str(tmp_path)).Reload()
    (scalar,) = read.Scalars("epoch/loss/depth")
    assert (scalar.step, scalar.value) == (7, 0.5)
