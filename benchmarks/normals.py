"""Normals from depth against exact normals: both methods, on furnished rooms, with and without depth noise.

    python -m benchmarks.normals [--rooms 12] [--size 480x640] [--json FILE]

The depth is exact up to the named noise: independent per pixel, normal, a share of the depth. "away" leaves
out the pixels within 1/80 of the long side of an edge (a depth step of 5 %, a crease of 15 degrees, a class
change). `mtcp.geometry.coherence.NOISE_FLOOR` comes from the first row of each method.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import maximum_filter

from mtcp.data.rooms import Frame, make_room, render
from mtcp.geometry.boundaries import depth_edges, normal_edges, semantic_boundary
from mtcp.geometry.camera import Camera
from mtcp.geometry.normals import angle_deg, derivative_normals, plane_fit_normals, scaled_window

NOISE_PCT = (0.0, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class NoiseRow:
    """Errors in degrees, pooled over all pixels of all rooms."""

    method: str
    noise_pct: float
    mean_deg: float
    median_deg: float
    away_mean_deg: float
    away_median_deg: float
    milliseconds: float


def _plane_fit(depth: np.ndarray, camera: Camera) -> np.ndarray:
    return plane_fit_normals(depth, camera, *scaled_window(camera.width, camera.height))


METHODS = {"plane fit": _plane_fit, "derivative": derivative_normals}


def measure(frames: list[Frame], method: str, noise_pct: float) -> NoiseRow:
    """One row of the table. The noise of a frame is the same for both methods."""
    errors, away, seconds = [], [], []
    for frame in frames:
        noise = np.random.default_rng(frame.seed).standard_normal(frame.depth.shape)
        depth = (frame.depth * (1 + noise_pct / 100 * noise)).astype(np.float32)
        start = time.perf_counter()
        normals = METHODS[method](depth, frame.camera)
        seconds.append(time.perf_counter() - start)
        error = angle_deg(normals, frame.normals)
        errors.append(error[np.isfinite(error)])
        away.append(error[np.isfinite(error) & ~near_edges(frame)])
    every, far = np.concatenate(errors), np.concatenate(away)
    numbers = (every.mean(), np.median(every), far.mean(), np.median(far), 1e3 * np.median(seconds))
    return NoiseRow(method, noise_pct, *(round(float(n), 3) for n in numbers))


def near_edges(frame: Frame) -> np.ndarray:
    """Boolean (H, W): within 1/80 of the long side of an edge of the true scene."""
    edges = (
        depth_edges(frame.depth, 0.05) | normal_edges(frame.normals, 15.0) | semantic_boundary(frame.semseg)
    )
    return maximum_filter(edges, 2 * round(max(edges.shape) / 80) + 1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Normals from depth, both methods, with and without noise.")
    parser.add_argument("--rooms", type=int, default=12, help="rooms, seeds 0 and up (default: 12)")
    parser.add_argument("--size", default="480x640", help="HEIGHTxWIDTH (default: 480x640)")
    parser.add_argument("--json", type=Path, help="write the rows here too")
    args = parser.parse_args()
    height, width = map(int, args.size.split("x"))
    frames = [render(make_room(seed), (height, width), "none") for seed in range(args.rooms)]
    print(f"{args.rooms} rooms, {height}x{width}; degrees")
    print(f"{'method':12}{'noise %':>8}{'mean':>8}{'median':>8}{'away mean':>11}{'away median':>13}{'ms':>7}")
    rows = []
    for method in METHODS:
        for noise in NOISE_PCT:
            row = measure(frames, method, noise)
            rows.append(asdict(row))
            print(
                f"{row.method:12}{row.noise_pct:8.1f}{row.mean_deg:8.2f}{row.median_deg:8.2f}"
                f"{row.away_mean_deg:11.2f}{row.away_median_deg:13.2f}{row.milliseconds:7.0f}"
            )
    if args.json:
        result = {"rooms": args.rooms, "size": [height, width], "rows": rows}
        args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
