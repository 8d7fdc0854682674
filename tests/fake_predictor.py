"""A stand-in for `mtcp.predict.Predictor`: plausible maps of any photo in milliseconds, without weights."""

from __future__ import annotations

import numpy as np

from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.prediction import Prediction
from mtcp.tasks import NYUD_CLASSES

WALL, FLOOR, WINDOW, PICTURE = (NYUD_CLASSES.index(name) for name in ("wall", "floor", "window", "picture"))


class FakePredictor:
    """Sees a room in every photo: floor below, wall above, a window in it that trace-back makes larger.

    calls: how often it was asked. trace_back=False leaves out `refined`, as such a checkpoint does.
    """

    def __init__(self, trace_back: bool = True) -> None:
        self.trace_back = trace_back
        self.calls = 0

    def __call__(self, photo: np.ndarray, *, focal35: float | None = None) -> Prediction:
        self.calls += 1
        if photo.max() == 0:
            raise InputError("fake: its initial depth of this photo is not a number; use another checkpoint")
        H, W = photo.shape[:2]
        camera = Camera.from_focal35(W, H, focal35) if focal35 else Camera.from_fov(W, H)
        return Prediction(
            tasks=("semseg", "depth", "normals"),
            data="nyud",
            size=(H, W),
            network_size=(48, 64),
            grid=(12, 16),
            seconds=0.123,
            device="cpu",
            checkpoint="fake-lite.safetensors",
            camera=camera,
            camera_from="exif" if focal35 else "assumed",
            initial=room(H, W, window=0.2, far=3.0),
            refined=room(H, W, window=0.3, far=3.5) if self.trace_back else {},
        )


def room(H: int, W: int, window: float, far: float) -> dict[str, np.ndarray]:
    """Maps of a room (H, W) whose window covers `window` of the width and whose wall is `far` metres away."""
    x, y = np.meshgrid((np.arange(W) + 0.5) / W, (np.arange(H) + 0.5) / H)
    floor = y > 0.65
    in_window = (np.abs(x - 0.5) < window / 2) & (np.abs(y - 0.3) < 0.15)
    semseg = np.where(floor, FLOOR, np.where(in_window, WINDOW, WALL)).astype(np.uint8)
    semseg[: max(1, H // 100), : max(1, W // 100)] = PICTURE
    depth = np.where(floor, far - (y - 0.65) * far * 1.5, far).astype(np.float32)
    tilt = np.radians(far)
    wall, ground = (0.0, -np.sin(tilt), -np.cos(tilt)), (0.0, -1.0, 0.0)
    normals = np.where(floor[..., None], ground, wall).astype(np.float32)
    return {"semseg": semseg, "depth": depth, "normals": normals}
