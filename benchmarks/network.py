"""The whole network: ours, the same with the materialised CFM, and single-task networks one after another.

    python -m benchmarks.network [--preset lite,paper-timm] [--size 240x320,480x640] [--batch 1,8]
        [--precision fp32,bf16] [--variant ours,materialised,folded,single,plain,onnx]
        [--repeats 7] [--json FILE]
    python -m benchmarks.network --scaling --preset lite [--variant ours,materialised] [--json FILE]

`single` is a network per task of the same backbone and parts (query gate, task decoder, trace-back; fusion needs a
second task), `plain` one per task with nothing but backbone, FPN and head, as the ablation's single-task rows; both
run one after another. `folded` is ours as the page runs it, batch norms within the convolutions before them. `onnx` is
ours as `python -m mtcp export` writes it, run by ONNX Runtime (the extra onnx) on the CPU in fp32. A row is
`model(photo)`: from pixels to maps of the photo's size, initial and refined. `macs` are of one photo, see
`mtcp.ablation.costs.MACS_ARE`; `difference` is how far a sample of the maps of folded, materialised and onnx lies from
ours (random weights). Without --size every preset runs at its own sizes. --scaling runs
four sizes and tells the exponents of time and memory against the number of pixels. Each row has a process of its own;
what would not fit is skipped and says so.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from benchmarks import cfm
from benchmarks.timing import (
    Row,
    Spec,
    add_common,
    exponent,
    free_mib,
    peak_mib,
    ratios,
    report,
    rows_of,
    summary,
    times,
    words,
)
from mtcp.ablation.costs import count_macs
from mtcp.config import ModelConfig
from mtcp.inference import onnx as onnx_export
from mtcp.inference.folding import folded
from mtcp.inference.sizes import parse_size, pick_device
from mtcp.model import MTCP
from mtcp.presets import PLAIN, preset

Maps = dict[str, Tensor]
Step = Callable[[Tensor], Maps]
SIZES = {"lite": ("240x320", "480x640"), "paper-timm": ("480x640",), "paper": ("480x640",)}
SAME = ("ours", "materialised", "folded", "onnx")
"""Variants that compute the same maps from the same weights."""
SCALING = ("240x320", "336x448", "480x640", "672x896")
VARIANTS = ("ours", "materialised", "folded", "single", "plain", "onnx")
BY = ("preset", "size", "batch", "precision")
WARM_UP_SIZE = (64, 96)


def networks(config: ModelConfig, variant: str) -> list[ModelConfig]:
    """The networks that the variant runs one after another.

    Raises:
        ValueError: an unknown variant.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant {variant!r}: choose from {', '.join(VARIANTS)}")
    if variant in SAME:
        return [config]
    # one change at a time would pass through configurations that are refused
    changes: dict[str, Any] = PLAIN if variant == "plain" else {"fusion": "none"}
    return [config.replace(tasks=(task,), **changes) for task in config.tasks]


def measure(spec: Spec) -> Row:
    """One row: parameters, seconds and peak_mib of a batch."""
    device = pick_device(spec["device"])
    config = preset(spec["preset"], **spec.get("changes", {}))
    size = parse_size(spec["size"])
    needed = _affinity_mib(spec, config, size)
    if spec["variant"] == "materialised" and needed > 0.9 * free_mib(device):
        return {"skipped": f"needs about {needed:.0f} MiB, {free_mib(device):.0f} are free"}
    torch.manual_seed(0)
    models = [MTCP(one).to(device).eval() for one in networks(config, spec["variant"])]
    if spec["variant"] == "folded":
        models = [folded(model) for model in models]
    if spec["variant"] == "onnx":
        if device.type != "cpu" or spec["precision"] != "fp32":
            return {"skipped": "the file is fp32, ONNX Runtime here runs it on the CPU"}
        if find_spec("onnx") is None or find_spec("onnxruntime") is None:
            return {"skipped": 'not installed: pip install "mtcp-explorer[onnx]"'}
        step = _by_onnx_runtime(models[0])
    else:
        step = _by_torch(models, device, spec["precision"] == "bf16")
    with cfm.variant("materialised" if spec["variant"] == "materialised" else "streaming"):
        step(_photos(1, WARM_UP_SIZE, device))
        x = _photos(spec["batch"], size, device)
        peak = peak_mib(lambda: step(x), device)
        seconds = times(lambda: step(x), repeats=spec["repeats"], warmup=spec["warmup"], device=device)
        sample = _sample(step(x)) if spec["variant"] in SAME else {}
    return {
        "parameters": sum(p.numel() for model in models for p in model.parameters()),
        "macs": sum(count_macs(model, size) for model in models),
        **summary(seconds),
        "peak_mib": peak,
        "sample": sample,
    }


def _by_torch(models: list[MTCP], device: torch.device, bf16: bool) -> Step:
    for model in models:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def step(x: Tensor) -> Maps:
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, bf16):
            outputs = [model(x) for model in models]
        return {f"{t}_{stage}": m for out in outputs for stage in out for t, m in out[stage].items()}

    return step


def _by_onnx_runtime(model: MTCP) -> Step:
    network = onnx_export.session(onnx_export.traced(model), torch.get_num_threads())
    return lambda x: onnx_export.run(network, x)


def _sample(maps: Maps) -> dict[str, list[float]]:
    """A few values of each map by its name."""
    flat = {name: m.float().flatten() for name, m in maps.items()}
    return {name: values[:: max(1, len(values) // 64)][:64].tolist() for name, values in flat.items()}


def tell_differences(rows: list[Row]) -> None:
    """Takes the samples off the rows; `difference` is the largest from ours, relative to a map's largest value."""
    for row in rows:
        ours = [r for r in rows if r["variant"] == "ours" and all(r[name] == row[name] for name in BY)]
        if row["variant"] in SAME[1:] and ours and "skipped" not in row and "skipped" not in ours[0]:
            sample, wanted = row["sample"], ours[0]["sample"]
            row["difference"] = max(cfm.difference(wanted[name], sample[name]) for name in wanted)
    for row in rows:
        row.pop("sample", None)


def _photos(batch: int, size: tuple[int, int], device: torch.device) -> Tensor:
    return torch.rand(batch, 3, *size).to(device).contiguous(memory_format=torch.channels_last)


def _affinity_mib(spec: Spec, config: ModelConfig, size: tuple[int, int]) -> float:
    n = size[0] * size[1] / 16
    bytes_each = 2 if spec["precision"] == "bf16" else 4
    return 2 * spec["batch"] * n * n / config.kv_stride**2 * bytes_each / 2**20


def growth(rows: list[Row]) -> list[Row]:
    """The exponents of time and memory against pixels, per preset, batch, precision and variant."""
    found = []
    names = ("variant", "preset", "batch", "precision")
    for key in dict.fromkeys(tuple(row[name] for name in names) for row in rows):
        group = [row for row in rows if tuple(row[name] for name in names) == key and "skipped" not in row]
        line: Row = dict(zip(names, key, strict=True))
        for name in ("seconds", "peak_mib"):
            points = [(_pixels(row["size"]), row[name]) for row in group if row.get(name)]
            if len(points) > 1:
                xs, ys = zip(*points, strict=True)
                line[f"{name} grow as pixels to the"] = exponent(xs, ys)
        found.append({**line, "sizes": len(group)})
    return found


def _pixels(size: str) -> int:
    height, width = parse_size(size)
    return height * width


def specs(args: argparse.Namespace) -> list[dict[str, Any]]:
    """The grid of rows that the flags ask for."""
    common = {"device": args.device, "repeats": args.repeats, "warmup": args.warmup, "changes": args.changes}
    found = []
    for name in words(args.preset):
        sizes = words(args.size) or (SCALING if args.scaling else SIZES[name])
        product = itertools.product(sizes, words(args.batch), words(args.precision), words(args.variant))
        found += [
            {
                "variant": v,
                "preset": name,
                "size": size,
                "batch": int(batch),
                "precision": precision,
                **common,
            }
            for size, batch, precision, v in product
        ]
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Whole networks: time, memory, parameters.")
    parser.add_argument("--preset", default="lite,paper-timm", help="default: lite,paper-timm")
    parser.add_argument("--size", default="", help="HxW,... (default: the preset's)")
    parser.add_argument("--batch", help="default: 1,8; with --scaling 1")
    parser.add_argument("--precision", help="default: fp32,bf16; with --scaling fp32")
    parser.add_argument("--variant", help="default: all; with --scaling ours,materialised")
    parser.add_argument("--scaling", action="store_true", help="four sizes and their exponents")
    parser.add_argument("--changes", type=json.loads, default={}, help="JSON of ModelConfig fields to change")
    add_common(parser, repeats=7)
    args = parser.parse_args(arguments)
    args.batch = args.batch or ("1" if args.scaling else "1,8")
    args.precision = args.precision or ("fp32" if args.scaling else "fp32,bf16")
    args.variant = args.variant or ",".join(VARIANTS[:2] if args.scaling else VARIANTS)
    rows = rows_of("benchmarks.network", measure, specs(args), here=args.here)
    tell_differences(rows)
    compared = [
        ratio for other in VARIANTS[1:] for ratio in ratios(rows, of="ours", to=other, by=BY)
    ] + ratios(rows, of="bf16", to="fp32", by=("variant", "preset", "size", "batch"), key="precision")
    columns = ("variant", *BY, "parameters", "macs", "seconds", "iqr", "peak_mib", "difference")
    report(args, columns, rows, ratios=compared, exponents=growth(rows) if args.scaling else [])


if __name__ == "__main__":
    main()
