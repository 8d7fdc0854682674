"""What the refinement changed in one task, or where two networks differ: a map, its legend, and one number in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.sides import ONE, Words
from app.views import html, legends
from mtcp.drawing.colour import palette
from mtcp.tasks import Task
from mtcp.tasks.measure import transitions


@dataclass(frozen=True)
class Change:
    """A picture, its legend as HTML, and `short`, HTML that goes on after "The refinement" or "B differs from A:"."""

    picture: np.ndarray
    legend: str
    short: str
    words: Words = ONE

    @property
    def note(self) -> str:
        """`short` as a paragraph."""
        return f'<p class="mt-change">{sentence([self.short], self.words)}</p>'


def sentence(changes: Sequence[str], words: Words = ONE) -> str:
    """The `short` of some changes as one sentence."""
    listed = html.listed(changes)
    return f"B differs from A: {listed}." if words.two else f"{words.refinement_title} {listed}."


def change(
    photo: np.ndarray, initial: np.ndarray, refined: np.ndarray, task: Task, words: Words = ONE
) -> Change:
    """The change of one task's map (H, W, ...) over the photo, RGB uint8 (H, W, 3)."""
    moved = task.change(initial, refined)
    scale = task.change_scale(moved)
    if scale is not None:
        legend = legends.bar(scale)
    else:
        moves = transitions(initial, refined)
        legend = legends.changed_labels(moves, task.classes, palette(task.channels), words)
    before, number, after = map(html.text, task.change_in_words(moved))
    if words.two:
        before = before.partition(" ")[2]  # what differs, without the verb: nobody changed it
    picture = task.change_picture(moved, scale, refined, photo)
    return Change(picture, legend, f"{before} <b>{number}</b> {after}".lstrip(), words)
