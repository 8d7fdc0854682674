"""What trace-back changed in one task: a map, its legend, and the change as one number in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.views import html, legends, measure
from mtcp.drawing import colour
from mtcp.tasks import Task, palette

LEAST_ANGLE = 5.0
"""Degrees at the end of the angle scale, at least: a turn of a tenth of a degree must not glow."""
FADE = 0.35
"""How much of the photo is left where no label changed."""


@dataclass(frozen=True)
class Change:
    """A picture, its legend as HTML, and `short`, HTML that goes on after the word "Trace-back"."""

    picture: np.ndarray
    legend: str
    short: str

    @property
    def note(self) -> str:
        """`short` as a paragraph."""
        return f'<p class="mt-change">Trace-back {self.short}.</p>'


def change(photo: np.ndarray, initial: np.ndarray, refined: np.ndarray, task: Task) -> Change:
    """The change of one task's map (H, W, ...) over the photo, RGB uint8 (H, W, 3)."""
    if task.kind == "classes":
        return _labels(photo, initial, refined, task)
    moved = colour.change(task, initial, refined)
    if task.kind == "normals":
        return _turned(moved)
    return _shifted(moved, task)


def faded(photo: np.ndarray, weight: float = FADE) -> np.ndarray:
    """The photo (H, W, 3) in light grey: a ground on which colours stand out."""
    grey = photo.astype(np.float32) @ np.array((0.299, 0.587, 0.114), np.float32)
    light = 255 - weight * (255 - grey)
    return np.repeat(light[..., None], 3, axis=2).astype(np.uint8)


def _labels(photo: np.ndarray, initial: np.ndarray, refined: np.ndarray, task: Task) -> Change:
    colours = palette(task.channels)
    moved = colour.change(task, initial, refined)
    picture = np.where(moved[..., None], colour.classes(refined, colours), faded(photo))
    legend = legends.changed_labels(measure.transitions(initial, refined), task.classes, colours)
    what = "labels" if task.name == "semseg" else f"{html.text(task.name.replace('_', ' '))} labels"
    return Change(picture, legend, f"changed <b>{legends.percent(float(moved.mean()))}</b> of the {what}")


def _turned(moved: np.ndarray) -> Change:
    end = measure.limit(moved, LEAST_ANGLE)
    legend = legends.scale(colour.colour_map("magma"), 0.0, end, "°", digits=0 if end >= 10 else 1)
    short = f"turned normals by <b>{np.nanmean(moved):.1f}°</b> on average"
    return Change(colour.angle(moved, end), legend, short)


def _shifted(moved: np.ndarray, task: Task) -> Change:
    mean = float(np.nanmean(np.abs(moved)))
    if task.kind == "depth":
        unit, words, least = "m", ("closer", "farther"), colour.LEAST_DEPTH_LIMIT
        short = f"moved depth by <b>{mean:.2f} m</b> on average"
    else:
        unit, words, least = "", ("less", "more"), 0.1
        short = f"moved the {html.text(task.name)} probability by <b>{mean:.3f}</b> on average"
    end = measure.limit(moved, least)
    legend = legends.signed(colour.colour_map("vik"), end, unit, words)
    return Change(colour.difference(moved, end), legend, short)
