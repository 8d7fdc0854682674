"""What the benchmarks share: medians after warm-up, peak memory, a process per row, ratios, tables and JSON.

Run as `python -m benchmarks.timing MODULE` this file is such a process: it reads a row's specification (JSON) on
standard input, calls `MODULE.measure(specification)` and prints the row it returns.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import importlib
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

ROOT = Path(__file__).resolve().parents[1]
Spec = Mapping[str, Any]
Row = dict[str, Any]
Measure = Callable[[Spec], Row]


def times(f: Callable[[], object], *, repeats: int, warmup: int, device: torch.device) -> list[float]:
    """Seconds of each of `repeats` calls of `f` after `warmup` calls that do not count; CUDA is waited for."""
    found = []
    for i in range(warmup + repeats):
        _wait(device)
        start = time.perf_counter()
        f()
        _wait(device)
        if i >= warmup:
            found.append(time.perf_counter() - start)
    return found


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """As in training, where the peaked softmax would drown a CPU in denormals; taken back afterwards."""
    import torch

    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def summary(seconds: Sequence[float]) -> Row:
    """Median, and the quartiles' distance as its spread: both 0.1 ms at best."""
    spread = 0.0
    if len(seconds) > 1:
        low, _, high = statistics.quantiles(seconds, n=4, method="inclusive")
        spread = high - low
    return {"seconds": round(statistics.median(seconds), 5), "iqr": round(spread, 5), "repeats": len(seconds)}


def peak_mib(f: Callable[[], object], device: torch.device) -> float | None:
    """Memory that `f` needs at its peak beyond what was in use before it, in MiB; None where it cannot be measured.

    On CUDA what torch's allocator handed out. On Linux the process's high-water mark of resident memory, reset
    just before: call it once, before anything of that size has run in the process, because freed memory that the
    C library keeps would hide what is needed again.
    """
    import torch

    gc.collect()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        f()
        torch.cuda.synchronize(device)
        return round((torch.cuda.max_memory_allocated(device) - before) / 2**20, 2)
    if not _reset_high_water():
        return None
    resident = _status_kib("VmRSS")
    f()
    return round((_status_kib("VmHWM") - resident) / 1024, 2)


def _reset_high_water() -> bool:
    try:
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except (OSError, AttributeError):
        return False
    return True


def _status_kib(name: str) -> int:
    text = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name}:"))


def free_mib(device: torch.device) -> float:
    """Memory that can still be had on `device`; infinite where this is unknown."""
    if device.type == "cuda":
        import torch

        return torch.cuda.mem_get_info(device)[0] / 2**20
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return math.inf
    return next((int(x.split()[1]) / 1024 for x in lines if x.startswith("MemAvailable:")), math.inf)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)


def isolated(module: str, spec: Spec) -> Row:
    """`module.measure(spec)` in a process of its own: {**spec, **row}, or with "skipped": why it has no numbers."""
    command = [sys.executable, "-m", "benchmarks.timing", module]
    done = subprocess.run(command, input=json.dumps(spec), capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        reason = "killed, out of memory?" if done.returncode == -9 else last
        return {**spec, "skipped": reason}
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return {**spec, **row}


def rows_of(module: str, measure: Measure, specs: Iterable[Spec], *, here: bool) -> list[Row]:
    """A row per specification, printed on standard error as they come. here: no process of its own (to debug)."""
    rows = []
    for spec in specs:
        row = {**spec, **measure(spec)} if here else isolated(module, spec)
        what = row["skipped"] if "skipped" in row else f"{row.get('seconds', '')} s"
        sys.stderr.write(f"{' '.join(str(value) for value in spec.values())}: {what}\n")
        rows.append(row)
    return rows


def ratios(rows: Sequence[Row], *, of: str, to: str, by: Sequence[str], key: str = "variant") -> list[Row]:
    """`of` divided by `to` in seconds and peak memory, for rows that agree in the fields `by`."""
    found = []
    for row in rows:
        if row[key] != of or "skipped" in row:
            continue
        for other in rows:
            if other[key] == to and "skipped" not in other and all(other[name] == row[name] for name in by):
                numbers = {
                    name: round(row[name] / other[name], 4)
                    for name in ("seconds", "peak_mib")
                    if row.get(name) and other.get(name)
                }
                found.append({"ratio": f"{of} / {to}", **{name: row[name] for name in by}, **numbers})
    return found


def exponent(xs: Sequence[float], ys: Sequence[float]) -> float:
    """b of y = a x^b, least squares on logarithms: 1 is linear growth.

    Raises:
        ValueError: fewer than two points, or one that is not positive.
    """
    if len(xs) != len(ys) or len(set(xs)) < 2 or min(*xs, *ys) <= 0:
        raise ValueError(f"no exponent from x={list(xs)}, y={list(ys)}")
    slope, _ = statistics.linear_regression([math.log(x) for x in xs], [math.log(y) for y in ys])
    return round(slope, 3)


def add_common(parser: argparse.ArgumentParser, repeats: int) -> None:
    """The flags that every benchmark has."""
    parser.add_argument("--repeats", type=int, default=repeats, help=f"timed calls (default: {repeats})")
    parser.add_argument("--warmup", type=int, default=2, help="calls before them (default: 2)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda (default: auto)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write rows and ratios here")
    parser.add_argument(
        "--here", action="store_true", help="no process per row: to debug, memory is not right"
    )


def report(
    args: argparse.Namespace, columns: Sequence[str], rows: Sequence[Row], **more: Sequence[Row]
) -> None:
    """Prints the tables and writes the JSON: environment, rows and what else is given by name."""
    from mtcp.environment import environment
    from mtcp.inference.sizes import pick_device

    facts = environment(pick_device(args.device))
    print(", ".join(f"{key} {value}" for key, value in facts.items() if value))
    print(table(rows, columns))
    for name, others in more.items():
        if others:
            print(f"\n{name}\n{table(others, list(dict.fromkeys(key for row in others for key in row)))}")
    if args.json:
        result = {"environment": facts, "rows": list(rows), **{name: list(of) for name, of in more.items()}}
        args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def table(rows: Iterable[Row], columns: Sequence[str]) -> str:
    """The columns as aligned text; a row without numbers says why at its end."""
    lines = [list(columns)]
    for row in rows:
        lines.append([_text(row.get(name)) for name in columns])
        if "skipped" in row:
            lines[-1][-1] = f"skipped: {row['skipped']}"
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    )


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def words(text: str) -> list[str]:
    """ "a,b" -> ["a", "b"]."""
    return [part for part in text.split(",") if part]


def _process() -> None:
    module = importlib.import_module(sys.argv[1])
    print(json.dumps(module.measure(json.load(sys.stdin))))


if __name__ == "__main__":
    _process()
