"""At which scale does the predicted depth contradict the normals? Both stages, the depth smoothed more and more.

    python -m benchmarks.roughness --data data/nyud [--frames 60] [--checkpoint FILE] [--json FILE]

Inverse depth is smoothed by a Gaussian of `sigma` pixels (at the labels' size), which leaves planes as they are, and
its normals are fitted to planes as in the Coherence tab. `own`: their mean angle to the normals predicted by the same
stage; `other`: to those of the other stage; `truth`: to the data's normals. `rmse` is of the smoothed depth, pooled.
What falls with sigma is roughness of the depth; what stays is its larger shape.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from tqdm import tqdm

from benchmarks.timing import Row, report
from mtcp.checkpoint.store import DEFAULT_CHECKPOINT, load_checkpoint
from mtcp.data import open_data
from mtcp.evaluation.evaluate import predict_sample
from mtcp.geometry.camera import Camera
from mtcp.geometry.normals import angle_deg, plane_fit_normals, scaled_window
from mtcp.inference.sizes import config_size
from mtcp.model import MTCP

SIGMAS = (0, 2, 4, 8, 16, 32)
COLUMNS = ("stage", "sigma", "frames", "own", "other", "truth", "rmse")


def measure(model: MTCP, data: Any, frames: int) -> list[Row]:
    """A row for each stage and sigma; angles are means over frames of means over pixels, in degrees; rmse in metres."""
    size = config_size(model.config)
    found: dict[tuple[str, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for index in tqdm(np.linspace(0, len(data) - 1, min(frames, len(data))).astype(int), leave=False):
        sample = data[int(index)]
        with torch.inference_mode():
            maps = predict_sample(model, sample["image"], size)
        depths = {stage: of["depth"][0, 0].numpy() for stage, of in maps.items()}
        normals = {stage: of["normals"][0].permute(1, 2, 0).numpy() for stage, of in maps.items()}
        truth = sample["normals"].permute(1, 2, 0).numpy()
        true_depth = sample["depth"].numpy()
        H, W = true_depth.shape
        fx, fy, cx, cy = sample["camera"].tolist()
        camera = Camera(fx, fy, cx, cy, W, H)
        for stage, depth in depths.items():
            other = next((name for name in normals if name != stage), stage)
            for sigma in SIGMAS:
                smooth = 1 / gaussian_filter(1 / depth, sigma, mode="nearest") if sigma else depth
                fitted = plane_fit_normals(smooth, camera, *scaled_window(W, H))
                row = found[stage, sigma]
                for name, against in (("own", normals[stage]), ("other", normals[other]), ("truth", truth)):
                    row[name].append(float(np.nanmean(angle_deg(fitted, against))))
                row["square"].append(float(np.mean((smooth - true_depth)[true_depth > 0] ** 2)))
    return [
        {
            "stage": stage,
            "sigma": sigma,
            "frames": len(row["square"]),
            **{name: float(np.mean(row[name])) for name in ("own", "other", "truth")},
            "rmse": float(np.sqrt(np.mean(row["square"]))),
        }
        for (stage, sigma), row in found.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Depth against normals, the depth smoothed more and more.")
    parser.add_argument("--data", required=True, help="data with depth and normals, as for evaluate")
    parser.add_argument("--split", default="val")
    parser.add_argument("--frames", type=int, default=60, help="evenly spread (default: %(default)s)")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--json", type=Path, help="write the rows here too")
    args = parser.parse_args(namespace=argparse.Namespace(device="cpu"))
    model, _ = load_checkpoint(args.checkpoint)
    rows = measure(model.eval(), open_data(args.data, args.split, model.config.tasks), args.frames)
    report(args, COLUMNS, rows)


if __name__ == "__main__":
    main()
