"""What trace-back changed in one task: a map, its legend, and the change as one number in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.views import html, legends
from mtcp.drawing.colour import palette
from mtcp.tasks import Task
from mtcp.tasks.measure import transitions


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
    moved = task.change(initial, refined)
    scale = task.change_scale(moved)
    if scale is not None:
        legend = legends.bar(scale)
    else:
        moves = transitions(initial, refined)
        legend = legends.changed_labels(moves, task.classes, palette(task.channels))
    before, number, after = map(html.text, task.change_in_words(moved))
    picture = task.change_picture(moved, scale, refined, photo)
    return Change(picture, legend, f"{before} <b>{number}</b> {after}")
