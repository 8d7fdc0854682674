"""The frame around the views: the line on top, the empty state, the facts about the photo, the headline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from app.session import Analysis
from app.sides import FIRST, ONE, SECOND, THE_REFINEMENT, Pair, Words
from app.views import change, html
from mtcp import tasks
from mtcp.inference.prediction import Prediction


def header(
    checkpoint: str,
    device: str,
    prediction: Prediction | None = None,
    comparing: str = "",
    pair: Pair | None = None,
    running: str = "",
) -> str:
    """Title and facts about the checkpoint; about the run too, if there is one. comparing, running: HTML that tells how
    the comparison of depth and normals, or another network, goes on, while it does. pair: the two networks compared.
    """
    items = {"checkpoint": Path(checkpoint).stem, "device": device}
    if pair is not None:
        items = {**_two(pair), "device": device}
    elif prediction is not None:
        items |= {"network saw": _size(prediction.network_size), "network": duration(prediction.seconds)}
    notes = [one.note for one in ((pair.a, pair.b) if pair else (prediction,)) if one and one.note]
    if notes:
        items["note"] = "; ".join(dict.fromkeys(notes))
    if pair and pair.left_out:
        items["not compared"] = pair.left_out
    still = {"network": running, "coherence": comparing}
    more = "".join(
        f'<dl class="mt-facts"><div><dt>{what}</dt><dd>{said}</dd></div></dl>'
        for what, said in still.items()
        if said
    )
    return f'<div class="mt-head"><h1>MT-CP Explorer</h1>{html.facts(items, "mt-facts")}{more}</div>'


def empty(tasks: Iterable[str], examples: bool) -> str:
    """What the page says before the first photo."""
    names = ", ".join(title(task).lower() for task in tasks)
    return (
        f'<div class="mt-empty"><h2>{_what_to_do(examples)}.</h2>'
        f"<p>One run of the network predicts {html.text(names)}:</p><ul>"
        '<li>the <span class="mt-initial">initial</span> prediction and, where the network refines it, the '
        '<span class="mt-refined">refined</span> one, under one movable divider;</li>'
        f"<li>a map of what {THE_REFINEMENT} changed, and by how much;</li>"
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


def headline(changes: Sequence[str], words: Words = ONE) -> str:
    """One sentence from the tasks' short changes ("changed 7.3 % of the labels", ...)."""
    if not changes:
        what = "This checkpoint has no refinement: only the initial prediction exists."
        return f'<p class="mt-headline">{what}</p>'
    return f'<p class="mt-headline">{change.sentence(changes, words)}</p>'


def title(task: str) -> str:
    """A task's name as a heading."""
    return tasks.title(task)


def duration(seconds: float) -> str:
    """Seconds with two digits that matter."""
    if seconds < 0.1:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def _two(pair: Pair) -> dict[str, str]:
    """What is told of each of two networks: name, stage, what it saw and how long it took."""
    items = {}
    for side, name in ((FIRST, pair.a_name), (SECOND, pair.b_name)):
        one = pair.part(side)
        facts = (pair.stage(side), _size(one.network_size), duration(one.seconds))
        items[pair.words.side(side)] = f"{name} ({', '.join(facts)})"
    return items


def _size(shape: Sequence[int]) -> str:
    return f"{shape[1]} \N{MULTIPLICATION SIGN} {shape[0]}"
