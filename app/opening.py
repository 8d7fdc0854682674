"""What the page opens on: the first example, computed once at start, in the background, and shared by all visitors."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from app import session
from app.pace import Pace
from app.session import Analysis, Predict, TruthOf
from app.views.stages import COHERENCE, NETWORK

log = logging.getLogger(__name__)


class Opening:
    """One photo's analysis in the making. `analysis` is None until it is there; `failed`: it never will be."""

    def __init__(self, photo: Path) -> None:
        self.photo = photo
        self.analysis: Analysis | None = None
        self.failed = False

    def start(self, predict: Predict, truth_of: TruthOf, pace: Pace) -> threading.Thread:
        """Begins, and returns at once. pace: is told how long it took."""
        thread = threading.Thread(target=self._run, args=(predict, truth_of, pace), daemon=True)
        thread.start()
        return thread

    def _run(self, predict: Predict, truth_of: TruthOf, pace: Pace) -> None:
        try:
            analysis = session.analyse(predict, self.photo, truth_of)
            height, width = analysis.prediction.size
            pace.took(NETWORK, height * width, analysis.prediction.seconds)
            with pace.timed(COHERENCE, height * width):
                _ = analysis.coherence
        except Exception:  # the page is of use without it
            self.failed = True
            log.exception("%s could not be prepared: the page opens without a result", self.photo.name)
        else:
            self.analysis = analysis
