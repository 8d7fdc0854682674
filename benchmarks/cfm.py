"""The Coherence Fusion Module: the N x N affinity in memory, as published, against ours that streams it.

    python -m benchmarks.cfm [--n 4800,19200] [--width 64,256] [--tasks 3] [--repeats 7] [--backward] [--json FILE]

Both variants are the same modules with the same weights and features; only the line that applies the affinity
differs. Before anything is timed, both are compared on a small grid; afterwards a sample of their outputs (with
--backward of their gradients too) at full size, and a difference ends the benchmark. `seconds` is the time of
all tasks' modules, `peak_mib` what they need beyond weights and inputs. A row that would not fit into the free
memory is skipped and says so. bf16 is autocast; outputs are then compared on the small grid only, in fp32.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from benchmarks.timing import (
    Row,
    Spec,
    add_common,
    flushed_denormals,
    free_mib,
    peak_mib,
    ratios,
    report,
    rows_of,
    summary,
    times,
    words,
)
from mtcp.inference.sizes import pick_device
from mtcp.model.fusion import cfm as coherence
from mtcp.model.fusion.affinity import attend_materialised
from mtcp.model.fusion.cfm import CoherenceFusion

VARIANTS = ("materialised", "streaming")
SMALL = 300
BY = ("n", "width", "tasks", "passes", "precision", "batch")


@contextmanager
def variant(name: str) -> Iterator[None]:
    """Within it every CFM applies its affinity as `name` says: "streaming" is the library's own way."""
    if name not in VARIANTS:
        raise ValueError(f"variant {name!r}: choose from {', '.join(VARIANTS)}")
    if name == "streaming":
        yield
        return
    with mock.patch.object(coherence, "attend", attend_materialised):
        yield


class Fusions:
    """The CFMs of all tasks on made features (batch, width, h, w), h * w = n."""

    def __init__(self, spec: Spec, n: int, device: torch.device) -> None:
        torch.manual_seed(0)
        self.backward = spec["passes"] == "forward+backward"
        self.bf16, self.device = spec["precision"] == "bf16", device
        width, tasks = spec["width"], spec["tasks"]
        self.modules = [
            CoherenceFusion(width, tasks - 1).to(device).train(self.backward) for _ in range(tasks)
        ]
        shape = (spec["batch"], width, *grid_of(n))
        self.features = [torch.randn(shape).to(device).requires_grad_(self.backward) for _ in range(tasks)]

    def step(self) -> list[Tensor]:
        """Every task's fused feature; with the backward pass, gradients lie on weights and features."""
        with torch.set_grad_enabled(self.backward):
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16):
                fused = [self._fuse(t) for t in range(len(self.modules))]
            if self.backward:
                for tensor in self._leaves():
                    tensor.grad = None
                torch.stack([f.float().square().mean() for f in fused]).sum().backward()
        return fused

    def sample(self) -> list[float]:
        """A few numbers of every output and, with the backward pass, of the gradients."""
        outputs = [f.detach() for f in self.step()]
        if self.backward:
            outputs += [torch.zeros_like(t) if t.grad is None else t.grad for t in self._leaves()]
        return [value for output in outputs for value in _few(output)]

    def _fuse(self, t: int) -> Tensor:
        others = [feature for s, feature in enumerate(self.features) if s != t]
        return self.modules[t](self.features[t], others).feature

    def _leaves(self) -> list[Tensor]:
        return [*self.features, *(p for module in self.modules for p in module.parameters())]


def grid_of(n: int) -> tuple[int, int]:
    """(h, w) with h * w = n, as near to 3 : 4 as `n` allows."""
    h = min((d for d in range(1, n + 1) if n % d == 0), key=lambda d: abs(math.log(d * d / (0.75 * n))))
    return h, n // h


def _few(tensor: Tensor) -> list[float]:
    flat = tensor.float().flatten()
    return [*flat[:: max(1, len(flat) // 8)][:8].tolist(), float(flat.norm())]


def difference(one: list[float], other: list[float]) -> float:
    """Largest difference of two samples, relative to the largest number in them."""
    scale = max(map(abs, one), default=0.0) or 1.0
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) / scale


def measure(spec: Spec) -> Row:
    """One row: seconds, peak_mib and a sample of the results."""
    device = pick_device(spec["device"])
    needed = affinity_mib(spec)
    if spec["variant"] == "materialised" and needed > 0.9 * free_mib(device):
        return {"skipped": f"needs about {needed:.0f} MiB, {free_mib(device):.0f} are free"}
    with variant(spec["variant"]), flushed_denormals():
        Fusions(spec, SMALL, device).step()  # libraries, threads
        fusions = Fusions(spec, spec["n"], device)
        peak = peak_mib(fusions.step, device)
        seconds = times(fusions.step, repeats=spec["repeats"], warmup=spec["warmup"], device=device)
        return {**summary(seconds), "peak_mib": peak, "sample": fusions.sample()}


def affinity_mib(spec: Spec) -> float:
    """What the materialised affinity takes: logits and softmax; with the backward pass one is kept for each task."""
    matrix = spec["batch"] * spec["n"] ** 2 * (2 if spec["precision"] == "bf16" else 4) / 2**20
    return matrix * (2 if spec["passes"] == "forward" else spec["tasks"] + 2)


def check_small(spec: Spec) -> None:
    """Raises SystemExit unless both variants agree in fp32 on a small grid, gradients included."""
    samples = []
    for name in VARIANTS:
        with variant(name):
            exact = {**spec, "passes": "forward+backward", "precision": "fp32", "batch": 2}
            samples.append(Fusions(exact, SMALL, torch.device("cpu")).sample())
    _demand(difference(*samples), f"width {spec['width']}, {spec['tasks']} tasks, n {SMALL}")


def check_full(rows: list[Row]) -> None:
    """Raises SystemExit unless the samples of rows that differ only in the variant agree; takes them off."""
    for a, b in itertools.combinations(rows, 2):
        if (
            a["precision"] == "fp32"
            and all(a[name] == b[name] for name in BY)
            and "sample" in a
            and "sample" in b
        ):
            a["difference"] = b["difference"] = difference(a["sample"], b["sample"])
            _demand(a["difference"], ", ".join(f"{name} {a[name]}" for name in BY))
    for row in rows:
        row.pop("sample", None)


def _demand(found: float, where: str) -> None:
    if not found < 1e-2:
        raise SystemExit(f"the variants disagree by {found:.2g} at {where}: nothing to compare")


def specs(args: argparse.Namespace) -> list[dict[str, Any]]:
    """The grid of rows that the flags ask for."""
    passes = ["forward+backward"] if args.backward else ["forward"]
    product = itertools.product(
        words(args.n), words(args.width), passes, words(args.precision), words(args.variant)
    )
    common = {"tasks": args.tasks, "batch": args.batch, "device": args.device}
    common |= {"repeats": args.repeats, "warmup": args.warmup}
    return [
        {"variant": v, "n": int(n), "width": int(width), "passes": p, "precision": precision, **common}
        for n, width, p, precision, v in product
    ]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="CFM: materialised affinity against streaming.")
    parser.add_argument("--n", default="4800,19200", help="pixels at 1/4 (default: 4800,19200)")
    parser.add_argument("--width", default="64,256", help="channels (default: 64,256)")
    parser.add_argument("--tasks", type=int, default=3)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--precision", default="fp32", help="fp32,bf16 (default: fp32)")
    parser.add_argument("--variant", default=",".join(VARIANTS), help="default: both")
    parser.add_argument("--backward", action="store_true", help="forward and backward (default: forward)")
    add_common(parser, repeats=7)
    args = parser.parse_args(arguments)
    wanted = specs(args)
    for width in sorted({spec["width"] for spec in wanted}):
        check_small({**wanted[0], "width": width})
    rows = rows_of("benchmarks.cfm", measure, wanted, here=args.here)
    check_full(rows)
    columns = ("variant", *BY, "seconds", "iqr", "peak_mib", "difference")
    report(args, columns, rows, ratios=ratios(rows, of="streaming", to="materialised", by=BY))


if __name__ == "__main__":
    main()
