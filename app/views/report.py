"""The report of one photo: one HTML page for the screen and for paper, in which everything is that it shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.session import Analysis
from app.sides import FIRST, SECOND
from app.views import coherence_change, failures, html, page, predictions, scoreboard, truth
from mtcp.geometry.failures import ACCEPTABLE_DEG
from mtcp.geometry.stage import FAILURE_DEG
from mtcp.io.photo import shrink
from mtcp.tasks import Task

SIDE = 480
"""Longest side of a map's picture."""
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def html_page(analysis: Analysis, versions: Mapping[str, Any]) -> str:
    """The whole page. versions: as `app.report.versions` gives them."""
    prediction, words = analysis.prediction, analysis.words
    lists = {failures.CURRENT: f"Failures {_of_last(analysis)}"}
    if prediction.refined:
        lists["fixed"] = f"Failures {words.statuses['fixed']}" + (
            "" if words.two else f" by {words.refinement}"
        )
    return _TEMPLATES.get_template("report.html").render(
        name=analysis.name,
        facts=Markup(page.photo_facts(analysis)),
        headline=Markup(coherence_change.headline(analysis)),
        note=prediction.note,
        compared=analysis.coherence is not None,
        outlined=Markup(failures.picture(analysis) or failures.unmarked(analysis)),
        failure_deg=FAILURE_DEG,
        acceptable_deg=ACCEPTABLE_DEG,
        meanings={words.statuses[key]: meaning for key, meaning in words.meanings.items()},
        failures=[(title, Markup(failures.explained(analysis, key))) for key, title in lists.items()],
        scoreboard=Markup(scoreboard.scoreboard(analysis)),
        tasks=[_task(analysis, task) for task in prediction.task_list()],
        truth=Markup(truth.headline(analysis) + truth.caveat(analysis)),
        camera=prediction.camera.to_dict(),
        versions=versions,
    )


def _of_last(analysis: Analysis) -> str:
    if analysis.words.two:
        return f"in {analysis.words.side(SECOND)}"
    return f"of the {'refined' if analysis.prediction.refined else 'initial'} prediction"


def _task(analysis: Analysis, task: Task) -> dict[str, Any]:
    """What the page has of one task: pictures with captions, and their legend."""
    true = analysis.truth.maps.get(task.name) if analysis.truth else None
    seen = predictions.view(analysis, task, *(() if true is None else (true,)))
    return {
        "title": page.title(task.name),
        "pictures": [Markup(one) for one in _pictures(analysis, task, seen, true)],
        "legend": Markup(seen.legend),
        "note": Markup(seen.change.note if seen.change else ""),
    }


def _pictures(
    analysis: Analysis, task: Task, seen: predictions.TaskView, true: np.ndarray | None
) -> Iterator[str]:
    words, prediction = analysis.words, analysis.prediction
    drawn = {FIRST: seen.initial, SECOND: seen.refined}
    if true is not None:
        maps = [stage[task.name] for stage in prediction.stages().values()]
        drawn["truth"] = task.picture(true, task.scale(*maps, true))
    for side, picture in drawn.items():
        if picture is None:
            continue
        said = html.text(words.long.get(side, words.side(side)))
        caption = f'<span class="mt-{side}">{said}</span>'
        small = np.ascontiguousarray(shrink(picture, SIDE))
        kind = "PNG" if task.classes else "JPEG"  # few colours; many
        yield html.picture(small, f"{page.title(task.name)}, {said}", caption, kind)
