"""Training throughput in images a second: fp32, bf16, and loading alone, which must not be the limit.

    python -m benchmarks.training [--data rooms|data/nyud] [--batch 8] [--variant fp32,bf16,loading] [--workers 0]
        [--repeats 12] [--json FILE]

The trainer itself is timed, from its own log: reading, augmenting, forward, losses, backward and update of each
step. `loading` goes through the same batches without a network. The samples are read into memory before, as
training does. `images_per_s` is the batch divided by the median step; `seconds` is that median.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.timing import (
    Row,
    Spec,
    add_common,
    flushed_denormals,
    ratios,
    report,
    rows_of,
    summary,
    words,
)
from mtcp.config import TrainConfig
from mtcp.inference.sizes import pick_device
from mtcp.presets import preset
from mtcp.training import RunFolder, Trainer, read_log
from mtcp.training.distributed import World
from mtcp.training.setup import build_trainer

VARIANTS = ("fp32", "bf16", "loading")


def measure(spec: Spec) -> Row:
    """One row: images_per_s and seconds of a step.

    Raises:
        ValueError: an unknown variant.
    """
    if spec["variant"] not in VARIANTS:
        raise ValueError(f"variant {spec['variant']!r}: choose from {', '.join(VARIANTS)}")
    steps = spec["warmup"] + spec["repeats"]
    with tempfile.TemporaryDirectory() as folder, flushed_denormals():
        trainer = _trainer(spec, RunFolder(Path(folder) / "run"), steps)
        if trainer.batches.steps < steps:
            return {"skipped": f"{trainer.batches.steps} batches in the data, {steps} needed"}
        trainer.batches.shorten(steps)
        seconds = _loading(trainer) if spec["variant"] == "loading" else _training(trainer, spec["batch"])
    found = summary(seconds[spec["warmup"] :])
    return {"images_per_s": round(spec["batch"] / found["seconds"], 3), **found}


def _trainer(spec: Spec, folder: RunFolder, steps: int) -> Trainer:
    data = f"rooms:{steps * spec['batch']}" if spec["data"] == "rooms" else spec["data"]
    model = preset(spec["preset"], **spec["changes"])
    config = TrainConfig(
        data=data,
        epochs=1,
        batch=spec["batch"],
        init="none",
        bf16="on" if spec["variant"] == "bf16" else "off",
        workers=spec["workers"],
        log_every=1,
    )
    folder.create(model, config, "benchmark", resume=False)
    return build_trainer(model, config, folder, device=pick_device(spec["device"]), world=World())


def _training(trainer: Trainer, batch: int) -> list[float]:
    trainer.run()
    return [batch / e["images_per_s"] for e in read_log(trainer.folder.log_path) if e["kind"] == "step"]


def _loading(trainer: Trainer) -> list[float]:
    seconds = []
    batches = trainer.batches.epoch(0)
    for _ in range(trainer.batches.steps):
        start = time.perf_counter()
        next(batches)
        seconds.append(time.perf_counter() - start)
    return seconds


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Images a second in training.")
    parser.add_argument("--data", default="rooms", help="rooms, or a data set's folder (default: rooms)")
    parser.add_argument("--preset", default="lite")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--workers", type=int, default=0, help="processes that read (default: 0)")
    parser.add_argument("--variant", default=",".join(VARIANTS), help="default: all three")
    parser.add_argument("--changes", type=json.loads, default={}, help="JSON of ModelConfig fields to change")
    add_common(parser, repeats=12)
    args = parser.parse_args(arguments)
    data = args.data if args.data == "rooms" else str(Path(args.data).resolve())
    names = ("preset", "batch", "workers", "changes", "device", "repeats", "warmup")
    common: dict[str, Any] = {"data": data, **{name: getattr(args, name) for name in names}}
    wanted = [{"variant": name, **common} for name in words(args.variant)]
    rows = rows_of("benchmarks.training", measure, wanted, here=args.here)
    for row in rows:
        row["data"] = Path(row["data"]).name
    by = ("preset", "batch", "workers")
    pairs = (
        ("bf16", "fp32"),
        ("loading", "fp32"),
        ("loading", "bf16"),
    )  # the faster one needs its photos sooner
    compared = [ratio for of, to in pairs for ratio in ratios(rows, of=of, to=to, by=by)]
    report(args, ("variant", *by, "data", "images_per_s", "seconds", "iqr"), rows, ratios=compared)


if __name__ == "__main__":
    main()
