"""A stand-in for `mtcp.inference.predictor.Predictor`: plausible maps of any photo in milliseconds, without weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.inference.prediction import Prediction
from mtcp.inference.typical import Typical
from mtcp.io.photo_facts import PhotoFacts, wide_note
from mtcp.model.trace import AttentionTrace
from mtcp.tasks import NYUD_CLASSES

TASKS = ("semseg", "depth", "normals")
GRID, KEY_GRID, KEY_STRIDE = (12, 16), (6, 8), 2
WIDTH, QUERIES = 8, 10
WALL, FLOOR, WINDOW, PICTURE = (NYUD_CLASSES.index(name) for name in ("wall", "floor", "window", "picture"))


class FakePredictor:
    """Sees a room in every photo: floor below, wall above, a window in it that trace-back makes larger.

    calls: how often it was asked. trace_back=False leaves out `refined` and `intermediate`, cfm=False the
    trace with attention and gates, query_gate=False the masks, as such checkpoints do.
    """

    def __init__(
        self,
        trace_back: bool = True,
        cfm: bool = True,
        query_gate: bool = True,
        checkpoint: str = "fake-lite.safetensors",
    ) -> None:
        self.checkpoint = checkpoint
        self.trace_back, self.cfm, self.query_gate = trace_back, cfm, query_gate
        self.calls = 0

    def __call__(self, photo: np.ndarray, *, facts: PhotoFacts | None = None) -> Prediction:
        self.calls += 1
        if photo.max() == 0:
            raise InputError("fake: its initial depth of this photo is not a number; use another checkpoint")
        H, W = photo.shape[:2]
        facts = facts or PhotoFacts(geometry_note=wide_note(W, H))
        focal35 = facts.focal35_mm
        camera = Camera.from_focal35(W, H, focal35) if focal35 else Camera.from_fov(W, H)
        stages = {"initial": {"window": 0.2, "far": 3.0}, "refined": {"window": 0.3, "far": 3.5}}
        steps = [room(GRID[0] // by, GRID[1] // by, window=0.25, far=3.25) for by in (4, 2)]  # 1/16 and 1/8
        return Prediction(
            tasks=TASKS,
            task_set="nyud",
            size=(H, W),
            network_size=(48, 64),
            grid=GRID,
            seconds=0.123,
            device="cpu",
            checkpoint=self.checkpoint,
            camera=camera,
            camera_from="exif" if focal35 else "assumed",
            facts=facts,
            initial=room(H, W, **stages["initial"]),
            refined=room(H, W, **stages["refined"]) if self.trace_back else {},
            refinement="trace_back" if self.trace_back else "none",
            intermediate={task: tuple(step[task] for step in steps) for task in TASKS if self.trace_back},
            probability={
                stage: sure_of(room(*GRID, **stages[stage])["semseg"])
                for stage in stages
                if stage == "initial" or self.trace_back
            },
            traces=(attention(),) if self.cfm else (),
            masks=masks() if self.query_gate else None,
        )


GREYS = Typical({"information": (50, 100, 200)}, "greys")


class Tilts(FakePredictor):
    """The left part of a photo, wider the brighter it is, gets refined normals that are 60 degrees off. Its class
    information is its mean grey value; under 50 is unlike training.
    """

    def __call__(self, photo: np.ndarray, *, facts: PhotoFacts | None = None) -> Prediction:
        seen = super().__call__(photo, facts=facts)
        grey = float(photo.mean())
        normals = seen.refined["normals"].copy()
        normals[:, : round(0.9 * photo.shape[1] * grey / 255)] = (np.sin(np.pi / 3), 0.0, -0.5)
        refined = {**seen.refined, "normals": normals}
        return replace(seen, refined=refined, information=grey, unlike=GREYS.unlike({"information": grey}))


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


def sure_of(labels: np.ndarray, share: float = 0.8) -> np.ndarray:
    """Class probabilities float16 (40, h, w) that give `share` to the label and split the rest."""
    count = len(NYUD_CLASSES)
    chosen = np.arange(count)[:, None, None] == labels
    return np.where(chosen, share, (1 - share) / (count - 1)).astype(np.float16)


def attention(seed: int = 0) -> AttentionTrace:
    """As of a CFM: every cell attends to its surroundings, each task in its own way; keys are pooled 2 x 2."""
    rng = np.random.default_rng(seed)
    queries, keys = {}, {}
    for task in TASKS:
        mix = rng.normal(size=(WIDTH, 3))
        queries[task], keys[task] = (
            np.maximum(mix @ places(grid), 0).astype(np.float32) for grid in (GRID, KEY_GRID)
        )
    gates = {
        main: {other: rng.uniform(0.2, 0.8, GRID).astype(np.float16) for other in TASKS if other != main}
        for main in TASKS
    }
    return AttentionTrace(GRID, queries, keys, KEY_STRIDE, gates=gates)


def places(grid: tuple[int, int]) -> np.ndarray:
    """(3, h*w): x and y of each cell's centre, -2 to 2, and 1."""
    h, w = grid
    y, x = np.meshgrid((np.arange(h) + 0.5) / h * 4 - 2, (np.arange(w) + 0.5) / w * 4 - 2, indexing="ij")
    return np.stack((x.ravel(), y.ravel(), np.ones(h * w)))


def masks(seed: int = 1) -> np.ndarray:
    """Mask logits float16 (queries, h, w): each query is a slope across the picture."""
    slopes = np.random.default_rng(seed).normal(size=(QUERIES, 3)) @ places(GRID)
    return slopes.reshape(QUERIES, *GRID).astype(np.float16)
