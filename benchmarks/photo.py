"""One photo end to end through `mtcp.inference.predictor`, from the file to all arrays, and where the time goes.

    python -m benchmarks.photo [--photo FILE] [--checkpoint FILE] [--size HxW] [--repeats 15] [--json FILE]

The first row is the whole call, the others are its parts, each without the parts that it calls; `share` is of the
whole. Shares are of medians, so they add up to about 1.
"""

from __future__ import annotations

import argparse
import functools
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
    """The whole call's row, with the parts' rows under "parts"."""
    device = pick_device(spec["device"])
    predictor = Predictor(spec["checkpoint"], device, parse_size(spec["size"]) if spec["size"] else None)
    peak = peak_mib(lambda: predictor(spec["photo"]), device)
    whole = times(
        lambda: predictor(spec["photo"]), repeats=spec["repeats"], warmup=spec["warmup"], device=device
    )
    clocks = []
    for _ in range(spec["repeats"]):
        clock = Clock(device)
        with watched(predictor, clock):
            clock.timed("other", predictor)(spec["photo"])
        clocks.append(clock.seconds)
    result = summary(whole)
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


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="One photo through mtcp.inference.predictor.")
    parser.add_argument("--photo", type=Path, default=EXAMPLE, help="default: an example of the page")
    parser.add_argument(
        "--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="default: the shipped one"
    )
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
    report(args, ("part", "photo_size", "network_size", "seconds", "iqr", "peak_mib"), [row], parts=parts)


if __name__ == "__main__":
    main()
