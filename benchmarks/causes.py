"""Is the cause that is told of a failure the one that was planted? A confusion matrix over rooms with one fault each.

    python -m benchmarks.causes [--cases 60] [--first-seed 0] [--size 240x320] [--json FILE]

The cause found is that of most of the failing area where the fault was planted. The thresholds
of `mtcp.geometry.causes` were chosen with `--first-seed 1000`, not with the seeds that are reported.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.planted import FAULTS, Planted, plant
from mtcp.geometry.cause_names import CAUSES
from mtcp.geometry.coherence import coherence
from mtcp.tasks import NYUD_CLASSES

NONE = "no failure"
Matrix = dict[str, dict[str, int]]
"""Planted -> found -> cases."""


def found_cause(planted: Planted) -> str:
    """The cause told of most of the failing area where the fault was planted; `NONE` where nothing fails there."""
    report = coherence(planted.maps, None, planted.camera, NYUD_CLASSES, unlike=planted.unlike)
    area: Counter[str] = Counter()
    for failure in report.failures:
        area[failure.cause.name] += int(np.count_nonzero(failure.region.mask() & planted.mask))
    area = +area  # only those that touch it
    return area.most_common(1)[0][0] if area else NONE


def confusion(cases: int, first_seed: int, size: tuple[int, int]) -> Matrix:
    """All kinds of faults, `cases` of each, planted from the seeds `first_seed` and up."""
    matrix: Matrix = {kind: defaultdict(int) for kind in FAULTS}
    for kind in FAULTS:
        for seed in tqdm(range(first_seed, first_seed + cases), kind, leave=False):
            matrix[kind][found_cause(plant(kind, seed, size))] += 1
    return {kind: dict(found) for kind, found in matrix.items()}


def found_pct(matrix: Matrix) -> dict[str, float]:
    """Planted -> per cent of its cases in which it was found."""
    return {kind: 100.0 * found.get(kind, 0) / sum(found.values()) for kind, found in matrix.items()}


def markdown(matrix: Matrix) -> str:
    """The matrix as a table: a row for each planted cause, a column for each found one."""
    columns = [
        cause for cause in (*FAULTS, NONE) if cause in FAULTS or any(NONE in of for of in matrix.values())
    ]
    right = found_pct(matrix)
    lines = [
        "| planted \\ found | " + " | ".join(columns) + " | right, % |",
        "| --- " * (len(columns) + 2) + "|",
    ]
    for kind, found in matrix.items():
        cells = " | ".join(str(found.get(column, 0)) for column in columns)
        lines.append(f"| {kind} | {cells} | {right[kind]:.1f} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Planted faults against the causes found.")
    parser.add_argument("--cases", type=int, default=60, help="of each kind (default: %(default)s)")
    parser.add_argument("--first-seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--size", default="240x320", help="HEIGHTxWIDTH (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the matrix here too")
    args = parser.parse_args(arguments)
    height, width = map(int, args.size.split("x"))
    matrix = confusion(args.cases, args.first_seed, (height, width))
    print(markdown(matrix))
    right = found_pct(matrix)
    print(f"\nleast: {min(right.values()):.1f} %, mean: {np.mean(list(right.values())):.1f} %")
    if args.json:
        result = {
            "cases": args.cases,
            "first_seed": args.first_seed,
            "size": [height, width],
            "matrix": matrix,
        }
        result |= {"causes": list(CAUSES), "right_pct": right}
        args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
