"""The clouds of a photo: one of each prediction, and one of what the photo really shows, where its depth is known."""

from __future__ import annotations

import numpy as np

from app.session import Analysis
from app.views.scoreboard import truth_stage
from mtcp.geometry.report import StageMaps
from mtcp.inference.prediction import Maps
from mtcp.tasks import DEPTH

TRUTH = "truth"
"""Key of the truth's cloud; those of the predictions are their stages'."""


def layers(analysis: Analysis) -> dict[str, Maps]:
    """Maps at the photo's size by cloud, the predictions first. All are seen through the prediction's camera."""
    found: dict[str, Maps] = dict(analysis.prediction.stages())
    truth = analysis.truth
    if truth is not None and DEPTH in truth.maps and np.any(truth.maps[DEPTH] > 0):
        found[TRUTH] = truth.maps
    return found


def layer_name(analysis: Analysis, layer: str) -> str:
    """What the page calls a cloud."""
    return analysis.words.long.get(layer) or analysis.words.side(layer)


def compared(analysis: Analysis, layer: str) -> StageMaps | None:
    """The cloud's depth against its normals, at the working size; None where they have not been, or cannot be,
    compared.
    """
    if analysis.coherence is None:
        return None
    stage = truth_stage(analysis) if layer == TRUTH else getattr(analysis.coherence, layer)
    return None if stage is None else stage.maps
