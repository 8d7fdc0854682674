"""Every fusion, and every refinement in which tasks see each other, beside the Coherence Fusion Module.

    python -m benchmarks.fusion [--n 4800,19200] [--tasks 3,5] [--width 64] [--part "kem;ccam"] [--json FILE]

A part is one module on made features (1, width, h, w), h * w = n, of the first so many tasks of PASCAL-Context, without
encoder, decoders and heads. `seconds` is a forward pass of all tasks, `peak_mib` what it needs beyond weights and
inputs, `giga_macs` its multiply-adds. `growth` is the exponent b of n^b in each of these, from the smallest n to the
largest: 1 is linear, 2 quadratic. `beside_cfm` divides a part's numbers by those of the CFM with all keys, the
published form.
"""

from __future__ import annotations

import argparse
import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.cfm import grid_of
from benchmarks.timing import (
    Row,
    Spec,
    add_common,
    exponent,
    flushed_denormals,
    peak_mib,
    report,
    rows_of,
    summary,
    times,
    words,
)
from mtcp.config import ModelConfig
from mtcp.inference.sizes import pick_device
from mtcp.model.fusion.base import make_fusion
from mtcp.model.refinement.base import make_refinement
from mtcp.tasks import TASK_SETS

CFM = "cfm"
PARTS: dict[str, dict[str, Any]] = {
    CFM: {"fusion": "cfm"},
    "cfm, keys / 4": {"fusion": "cfm", "kv_stride": 2},
    "kem": {"fusion": "kem"},
    "stable-kem": {"fusion": "kem", "stable_kem": True},
    "ccam": {"fusion": "ccam"},
    "distillation": {"refinement": "distillation"},
    "multi_scale": {"refinement": "multi_scale"},
    "task_recursive": {"refinement": "task_recursive"},
    "sequential": {"refinement": "sequential"},
    "sequential, keys / 4": {"refinement": "sequential", "kv_stride": 2},
}
"""What a row measures -> the fields of `ModelConfig` that make it."""
SMALL = 300
NUMBERS = ("seconds", "peak_mib", "giga_macs")


def config_of(part: str, tasks: int, width: int) -> ModelConfig:
    """The configuration that holds the part; what else it names is not built."""
    names = tuple(task.name for task in TASK_SETS["pascal"])
    if not 2 <= tasks <= len(names):
        raise SystemExit(f"--tasks {tasks}: from 2 to {len(names)}")
    fields = {"fusion": "none", "refinement": "none", **PARTS[part]}
    decoder = "pyramid" if fields["refinement"] not in ("none", "distillation") else "conv"
    return ModelConfig(task_set="pascal", tasks=names[:tasks], width=width, decoder=decoder, **fields)


class Part:
    """The module of a part, and made features."""

    def __init__(self, part: str, tasks: int, width: int, n: int, device: torch.device) -> None:
        torch.manual_seed(0)
        config = config_of(part, tasks, width)
        self.fuses = config.fusion != "none"
        make = make_fusion if self.fuses else make_refinement
        self.module: nn.Module = make(config).eval().to(device)
        h, w = grid_of(n)
        self.stages = {
            task: [torch.randn(1, width, -(-h // 2**i), -(-w // 2**i)).to(device) for i in range(4)]
            for task in config.tasks
        }
        self.features: dict[str, Tensor] = {task: of[0] for task, of in self.stages.items()}

    def step(self) -> object:
        """A forward pass."""
        return self.module(self.features) if self.fuses else self.module(self.features, self.stages)


def giga_macs(part: str, tasks: int, width: int, n: int) -> float:
    """Multiply-adds of convolutions and matrix products, in 10^9; nothing is computed."""
    shadow = Part(part, tasks, width, n, torch.device("meta"))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        shadow.step()
    return int(counter.get_total_flops()) / 2e9


def measure(spec: Spec) -> Row:
    """One row: seconds, peak_mib, giga_macs and parameters."""
    device = pick_device(spec["device"])
    what = spec["part"], spec["tasks"], spec["width"]
    with flushed_denormals(), torch.inference_mode():
        Part(*what, SMALL, device).step()  # libraries, threads
        part = Part(*what, spec["n"], device)
        peak = peak_mib(part.step, device)
        seconds = times(part.step, repeats=spec["repeats"], warmup=spec["warmup"], device=device)
    parameters = sum(parameter.numel() for parameter in part.module.parameters())
    macs = giga_macs(*what, spec["n"])
    return {**summary(seconds), "peak_mib": peak, "giga_macs": round(macs, 6), "parameters": parameters}


def growths(rows: list[Row]) -> list[Row]:
    """By part and number of tasks the exponents of `NUMBERS` over n; only where two sizes were measured."""
    found = []
    for part, tasks in dict.fromkeys((row["part"], row["tasks"]) for row in rows):
        same = [row for row in rows if (row["part"], row["tasks"]) == (part, tasks) and "skipped" not in row]
        growth: Row = {"part": part, "tasks": tasks}
        for name in NUMBERS:
            points = [(row["n"], row[name]) for row in same if row.get(name)]
            if len({n for n, _ in points}) > 1:
                growth[name] = exponent(*zip(*points, strict=True))
        found.append(growth)
    return found


def beside_cfm(rows: list[Row]) -> list[Row]:
    """`NUMBERS` of every part divided by those of the CFM at the same n and number of tasks."""
    found = []
    for row in rows:
        same = [r for r in rows if (r["part"], r["n"], r["tasks"]) == (CFM, row["n"], row["tasks"])]
        if row["part"] == CFM or not same or "skipped" in row or "skipped" in same[0]:
            continue
        numbers = {k: round(row[k] / same[0][k], 4) for k in NUMBERS if row.get(k) and same[0].get(k)}
        found.append({"part": row["part"], "n": row["n"], "tasks": row["tasks"], **numbers})
    return found


def specs(args: argparse.Namespace) -> list[dict[str, Any]]:
    """The grid of rows that the flags ask for."""
    parts = [part.strip() for part in args.part.split(";")] if args.part else list(PARTS)
    for part in parts:
        if part not in PARTS:
            raise SystemExit(f"--part {part}: choose from {'; '.join(PARTS)}")
    common = {"width": args.width, "device": args.device, "repeats": args.repeats, "warmup": args.warmup}
    product = itertools.product(words(args.tasks), words(args.n), parts)
    return [{"part": part, "n": int(n), "tasks": int(tasks), **common} for tasks, n, part in product]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Every fusion beside the CFM: time, memory, growth.")
    parser.add_argument("--n", default="4800,19200", help="pixels at 1/4 (default: 4800,19200)")
    parser.add_argument("--tasks", default="3,5", help="numbers of tasks (default: 3,5)")
    parser.add_argument("--width", type=int, default=64, help="channels (default: 64)")
    parser.add_argument("--part", default="", help=f"one or more of: {'; '.join(PARTS)} (default: all)")
    add_common(parser, repeats=5)
    args = parser.parse_args(arguments)
    rows = rows_of("benchmarks.fusion", measure, specs(args), here=args.here)
    columns = ("part", "n", "tasks", "seconds", "iqr", "peak_mib", "giga_macs", "parameters")
    report(args, columns, rows, growth=growths(rows), beside_cfm=beside_cfm(rows))


if __name__ == "__main__":
    main()
