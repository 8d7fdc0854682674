"""One photo end to end through `mtcp.inference.predictor`, from the file to all arrays, and where the time goes.

    python -m benchmarks.photo [--photo FILE] [--checkpoint FILE] [--against FILE] [--size HxW] [--repeats 15]

The first row is the whole call, the others are its parts, each without the parts that it calls; `share` is of the
whole. Shares are of medians, so they add up to about 1. --against: another checkpoint, which takes turns with the
first one, so that a machine whose speed changes treats both alike; `ratio` is the first one's time by the other's.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from benchmarks.timing import ROOT, Row, Spec, add_common, peak_mib, report, rows_of, summary, times
from mtcp.checkpoint.store import DEFAULT_CHECKPOINT
from mtcp.inference import predictor as predict
from mtcp.inference.predictor import Predictor
from mtcp.inference.sizes import parse_size, pick_device

EXAMPLE = ROOT / "app" / "examples" / "living-room.jpg"
PARTS = {
    "open_photo": "open the file",
    "to_network": "resize for the network",
    "inspect": "network",
    "finish": "maps at the photo's size",
    "_inside": "arrays from inside (traces, masks, probabilities)",
}


class Clock:
    """Seconds that each part takes itself, without the parts that it calls."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}
        self._inner: list[float] = []

    def timed(self, name: str, f: Callable[..., Any]) -> Callable[..., Any]:
        """`f`, its time booked on `name`."""

        @functools.wraps(f)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            self._inner.append(0.0)
            try:
                return f(*args, **kwargs)
            finally:
                if self.device.type == "cuda":
                    torch.cuda.synchronize(self.device)
                taken = time.perf_counter() - start
                own = taken - self._inner.pop()
                self.seconds[name] = self.seconds.get(name, 0.0) + own
                if self._inner:
                    self._inner[-1] += taken

        return wrapped


@contextmanager
def watched(predictor: Predictor, clock: Clock) -> Iterator[None]:
    """Within it the parts of a prediction are timed by `clock`."""
    with ExitStack() as stack:
        for name in PARTS:
            owner: Any = predictor.folded if name == "inspect" else predict
            stack.enter_context(mock.patch.object(owner, name, clock.timed(name, getattr(owner, name))))
        yield


def measure(spec: Spec) -> Row:
    """The whole call's row, with the parts' rows under "parts"; with "against" in `spec`, `compared`."""
    if spec.get("against"):
        return compared(spec)
    device = pick_device(spec["device"])
    predictor = Predictor(spec["checkpoint"], device, parse_size(spec["size"]) if spec["size"] else None)
    peak = peak_mib(lambda: predictor(spec["photo"]), device)
    call_seconds = times(
        lambda: predictor(spec["photo"]), repeats=spec["repeats"], warmup=spec["warmup"], device=device
    )
    clocks = []
    for _ in range(spec["repeats"]):
        clock = Clock(device)
        with watched(predictor, clock):
            clock.timed("other", predictor)(spec["photo"])
        clocks.append(clock.seconds)
    result = summary(call_seconds)
    parts = []
    for name, title in {**PARTS, "other": "other (camera, checks, copies)"}.items():
        of_part = summary([seconds.get(name, 0.0) for seconds in clocks])
        parts.append({"part": title, **of_part})
    total = sum(part["seconds"] for part in parts) or 1.0
    prediction = predictor(spec["photo"])
    return {
        "photo_size": "x".join(map(str, prediction.size)),
        "network_size": "x".join(map(str, prediction.network_size)),
        **result,
        "peak_mib": peak,
        "parts": [{**part, "share": round(part["seconds"] / total, 3)} for part in parts],
    }


def compared(spec: Spec) -> Row:
    """The whole call of two checkpoints in turns: the row of the other one, with the `ratio`, the median of those of
    neighbouring calls.
    """
    device, size = pick_device(spec["device"]), parse_size(spec["size"]) if spec["size"] else None
    both = [Predictor(spec[which], device, size) for which in ("checkpoint", "against")]
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(spec["warmup"] + spec["repeats"]):
        for predictor, seconds in zip(both, taken, strict=True):
            (one,) = times(functools.partial(predictor, spec["photo"]), repeats=1, warmup=0, device=device)
            if turn >= spec["warmup"]:
                seconds.append(one)
    ratio = statistics.median(mine / other for mine, other in zip(*taken, strict=True))
    return {**summary(taken[1]), "seconds_first": summary(taken[0])["seconds"], "ratio": round(ratio, 3)}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="One photo through mtcp.inference.predictor.")
    parser.add_argument("--photo", type=Path, default=EXAMPLE, help="default: an example of the page")
    parser.add_argument(
        "--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="default: the shipped one"
    )
    parser.add_argument("--against", type=Path, metavar="FILE", help="another checkpoint, in turns")
    parser.add_argument("--size", default="", help="HxW that the network sees (default: from the photo)")
    add_common(parser, repeats=15)
    args = parser.parse_args(arguments)
    spec = {
        "checkpoint": str(args.checkpoint.resolve()),
        "photo": str(args.photo.resolve()),
        "size": args.size,
        "device": args.device,
        "repeats": args.repeats,
        "warmup": args.warmup,
    }
    (row,) = rows_of("benchmarks.photo", measure, [spec], here=args.here)
    parts = row.pop("parts", [])
    row |= {"checkpoint": args.checkpoint.name, "photo": args.photo.name, "part": "whole"}
    columns, rows = ["part", "photo_size", "network_size", "seconds", "iqr", "peak_mib"], [row]
    if args.against:
        specs = [{**spec, "against": str(args.against.resolve())}]
        (other,) = rows_of("benchmarks.photo", measure, specs, here=args.here)
        names = {"checkpoint": args.checkpoint.name, "against": args.against.name, "photo": args.photo.name}
        rows.append({**other, **names, "part": "against"})
        columns += ["against", "seconds_first", "ratio"]
    report(args, columns, rows, parts=parts)


if __name__ == "__main__":
    main()
