"""The frame around the views: the line on top, the empty state, the facts about the photo, the headline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from app.session import Analysis
from app.views import html
from mtcp import tasks
from mtcp.inference.prediction import Prediction


def header(checkpoint: str, device: str, prediction: Prediction | None = None, comparing: str = "") -> str:
    """Title and facts about the checkpoint; about the run too, if there is one. comparing: HTML that tells how the
    comparison of depth and normals goes on, while it does.
    """
    items = {"checkpoint": Path(checkpoint).stem, "device": device}
    if prediction is not None:
        items |= {"network saw": _size(prediction.network_size), "network": duration(prediction.seconds)}
        if prediction.note:
            items["note"] = prediction.note
    more = f'<dl class="mt-facts"><div><dt>coherence</dt><dd>{comparing}</dd></div></dl>' if comparing else ""
    return f'<div class="mt-head"><h1>MT-CP Explorer</h1>{html.facts(items, "mt-facts")}{more}</div>'


def empty(tasks: Iterable[str], examples: bool) -> str:
    """What the page says before the first photo."""
    names = ", ".join(title(task).lower() for task in tasks)
    return (
        f'<div class="mt-empty"><h2>{_what_to_do(examples)}.</h2>'
        f"<p>One run of the network predicts {html.text(names)}, each of them twice:</p><ul>"
        '<li>the <span class="mt-initial">initial</span> prediction, and the '
        '<span class="mt-refined">refined</span> one after trace-back, under one movable divider;</li>'
        "<li>a map of what trace-back changed, and by how much;</li>"
        "<li>everything as arrays and pictures in one zip.</li></ul>"
        "<p>Then click on any picture: the probe at that pixel is read out on the left, and every tab follows it.</p>"
        '<p class="mt-subdued">The photo stays on the machine that runs this page.</p></div>'
    )


def empty_tab(shows: str, examples: bool) -> str:
    """What another tab says before the first photo. shows: what it will show, as the end of a sentence."""
    return f'<div class="mt-empty"><h2>{_what_to_do(examples)}.</h2><p>Here you will see {shows}.</p></div>'


def preparing(name: str) -> str:
    """What is said while the photo that the page opens on is computed."""
    return f'<p class="mt-subdued" role="status">{html.text(name)} is being computed and opens here in a moment.</p>'


def _what_to_do(examples: bool) -> str:
    what = "Drop, paste or take a photo of a room"
    return what + ", or pick an example" if examples else what


def photo_facts(analysis: Analysis) -> str:
    """Name, size and camera of the photo."""
    camera = analysis.prediction.camera
    items = {"photo": analysis.name, "size": _size(analysis.original)}
    if analysis.original != analysis.photo.shape[:2]:
        items["worked at"] = _size(analysis.photo.shape[:2])
    items["field of view"] = f"{camera.fov_deg:.0f}° across ({analysis.prediction.camera_words})"
    return html.facts(items)


def headline(changes: Sequence[str]) -> str:
    """One sentence from the tasks' short changes ("changed 7.3 % of the labels", ...)."""
    if not changes:
        what = "This checkpoint has no trace-back: only the initial prediction exists."
        return f'<p class="mt-headline">{what}</p>'
    listed = changes[0] if len(changes) == 1 else f"{', '.join(changes[:-1])} and {changes[-1]}"
    return f'<p class="mt-headline">Trace-back {listed}.</p>'


def title(task: str) -> str:
    """A task's name as a heading."""
    return tasks.title(task)


def duration(seconds: float) -> str:
    """Seconds with two digits that matter."""
    if seconds < 0.1:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def _size(shape: Sequence[int]) -> str:
    return f"{shape[1]} \N{MULTIPLICATION SIGN} {shape[0]}"
