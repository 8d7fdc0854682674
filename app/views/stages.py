"""What a run is doing and how long that will take, as a line of the page."""

from __future__ import annotations

from app.views import html
from app.views.page import duration

NETWORK, COHERENCE = "network", "coherence"
"""The steps of a run, in their order."""
_DOES = {
    NETWORK: "the network predicts every task",
    COHERENCE: "depth and normals are compared, and failures found",
}


def waiting(step: str, seconds: float | None) -> str:
    """The step that runs now, its expected duration in seconds where that is known, and those that follow."""
    steps = list(_DOES)
    items = "".join(_item(one, step, seconds) for one in steps[steps.index(step) :])
    return f'<div class="mt-empty mt-stages" role="status"><ol start="{steps.index(step) + 1}">{items}</ol></div>'


def short(seconds: float | None) -> str:
    """That a step runs now, in a few words, with its bar. seconds: as in `waiting`."""
    about = f", about {duration(seconds)}" if seconds else ""
    return f'<span class="mt-stage-now" role="status">running{about}{_bar(seconds)}</span>'


def _item(step: str, now: str, seconds: float | None) -> str:
    said = f"<b>{step.capitalize()}</b>: {_DOES[step]}"
    if step != now:
        return f'<li class="mt-subdued">{said}</li>'
    about = f" \N{EN DASH} about {html.text(duration(seconds))}" if seconds else ""
    return f'<li aria-current="step">{said}{about}{_bar(seconds)}</li>'


def _bar(seconds: float | None) -> str:
    """A bar that fills in as many seconds, and comes and goes where nobody knows."""
    pace = f' style="animation-duration:{seconds:.2f}s"' if seconds else ""
    return f'<i class="mt-stage-bar{"" if seconds else " mt-stage-unknown"}"><i{pace}></i></i>'
