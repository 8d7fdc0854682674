"""From a photo file to the frozen result that every view looks at. The network runs here, once."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from app.folders import fresh_folder
from app.result_cache import give_back
from app.sides import Pair, Words, of_stages
from mtcp.evaluation.ground_truth import Truth
from mtcp.geometry.camera import Camera
from mtcp.geometry.cause_shares import of_last_stage
from mtcp.geometry.regions import nearest
from mtcp.geometry.report import Coherence, Failure
from mtcp.inference.prediction import Prediction, coherence_of
from mtcp.inference.write import write_prediction
from mtcp.io.photo import LONGEST_SIDE, open_photo, shrink
from mtcp.tasks import lacking

BROWSER_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif")

Predict = Callable[..., Prediction]
"""A `mtcp.inference.predictor.Predictor`, or anything called alike: predict(photo, facts=None)."""

TruthOf = Callable[[str | os.PathLike[str]], "Truth | None"]
"""From a photo's file to what it really shows, or None."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """One photo and what the network made of it.

    photo: upright RGB uint8 (H, W, 3) as the network was given it; `prediction.size` is its (H, W).
    name: the file's name. original: (H, W) of the upright photo before it was shrunk to `LONGEST_SIDE`.
    truth: what the photo really shows, where that is known, without labels of other classes than the network's;
    given: the same with them, as it came; own: what the person has given in its place.
    pair: of two networks, the predictions of both; `prediction` then is made of their last stages.
    compared: False while depth and normals have not been compared yet; `coherence` is None then. See `compare`.
    cache: what the tabs have computed, by "tab.what"; by "camera.tab.what" if it depends on the camera.
    """

    photo: np.ndarray
    prediction: Prediction
    name: str
    original: tuple[int, int]
    truth: Truth | None = None
    compared: bool = True
    cache: dict[str, Any] = field(default_factory=dict, repr=False)
    pair: Pair | None = None
    given: Truth | None = None
    own: Truth | None = None

    @property
    def words(self) -> Words:
        """What the page calls the two predictions: the stages of one network, or two networks."""
        return of_stages(self.prediction.refinement) if self.pair is None else self.pair.words

    def alone(self, side: str) -> Analysis:
        """Of two networks, what one of them made of the photo by itself, its inside included; kept with the run. Of
        one network, the run as it is.
        """
        if self.pair is None:
            return self
        key = f"alone.{side}"
        if key not in self.cache:
            own = replace(
                self, prediction=self.pair.part(side), pair=None, truth=None, given=None, own=None, cache={}
            )
            self.cache[key] = own
        return self.cache[key]

    @cached_property
    def coherence(self) -> Coherence | None:
        """Whether depth and normals describe the same room; None if the network does not predict both, or while they
        have not been compared yet.
        """
        return coherence_of(self.prediction) if self.compared and self.comparable else None

    @property
    def comparable(self) -> bool:
        """Whether the network predicts both depth and normals."""
        return not lacking(self.prediction.tasks)

    def uncompared(self) -> Analysis:
        """The same, to be shown before depth and normals are compared, which takes about as long as the network."""
        return self if "coherence" in vars(self) else replace(self, compared=not self.comparable)

    def compare(self) -> Analysis:
        """The same with depth and normals compared, which takes its time here; what was computed before is kept."""
        if self.compared:
            return self
        kept = {key: value for key, value in self.cache.items() if not key.startswith("camera.coherence")}
        done = replace(self, compared=True, cache=kept)
        _ = done.coherence
        return done

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Where they do not, worst first."""
        return self.coherence.failures if self.coherence else ()

    def failure_at(self, x: int, y: int) -> int | None:
        """The rank of the failure whose region the photo's pixel (x, y) lies in; None outside of all."""
        if not self.failures:
            return None
        ranks = self.cache.get("camera.coherence.ranks")
        if ranks is None:
            ranks = self.cache["camera.coherence.ranks"] = _ranks(self.failures)
        rows, columns = (
            nearest(have, want) for have, want in zip(ranks.shape, self.prediction.size, strict=True)
        )
        return int(ranks[rows[y], columns[x]]) or None

    def with_camera(self, camera: Camera) -> Analysis:
        """The same prediction seen through another camera; what does not depend on it is kept."""
        moves = (
            ("camera.",) if self.truth is None or self.truth.calibrated else ("camera.", "truth.coherence")
        )
        kept = {key: value for key, value in self.cache.items() if not key.startswith(moves)}
        seen = replace(self.prediction, camera=camera, camera_from="given")
        truth, given, own = (one and one.through(camera) for one in (self.truth, self.given, self.own))
        return replace(self, prediction=seen, cache=kept, truth=truth, given=given, own=own)

    @property
    def browser_knows(self) -> bool:
        """Whether browsers can draw the file itself, as its name tells. They cannot draw HEIC or TIFF."""
        return Path(self.name).suffix.lower() in BROWSER_PICTURES

    @property
    def stem(self) -> str:
        """The file's name without its ending: what exported files are called."""
        return Path(self.name).stem or "photo"


def _ranks(failures: tuple[Failure, ...]) -> np.ndarray:
    """int (h, w): the rank of the failure at each pixel of the regions' size; 0 at none. Where two meet, that of the
    last prediction before one that is left of the initial one, which is not among those first listed; then the worst.
    """
    ranks, listed = np.zeros(failures[0].region.size, int), of_last_stage(failures)
    for failure in sorted(failures, key=lambda one: (one not in listed, one.rank), reverse=True):
        ranks[failure.region.mask()] = failure.rank
    return ranks


def no_truth(path: str | os.PathLike[str]) -> Truth | None:
    """Nothing is known of what a photo really shows."""
    return None


def analyse(
    predict: Predict,
    path: str | os.PathLike[str],
    truth_of: TruthOf = no_truth,
    fov_deg: float | None = None,
) -> Analysis:
    """Reads the photo at `path`, shrinks it to `LONGEST_SIDE` and runs the network.

    Args:
        truth_of: gives what the photo really shows, where that is known; its camera then is the photo's.
        fov_deg: horizontal field of view in place of what the file, the truth or the assumption has.

    Raises:
        InputError: the file is no photo; the message names the file, never a folder of this machine.
    """
    give_back()
    name = Path(path).name
    photo, facts = open_photo(path, name=name)
    original = photo.shape[:2]
    photo = shrink(photo, LONGEST_SIDE)
    analysis = known(
        Analysis(photo, predict(photo, facts=facts), name, (original[0], original[1])), truth_of(path)
    )
    if fov_deg is None:
        return analysis
    height, width = analysis.prediction.size
    return analysis.with_camera(Camera.from_fov(width, height, fov_deg))


def known(analysis: Analysis, truth: Truth | None) -> Analysis:
    """`analysis` with what its photo really shows, seen through the camera that took it. None: that is not known."""
    if truth is None:
        return analysis
    return _true(replace(analysis, given=truth.resized(analysis.prediction.size)))


def with_own(analysis: Analysis, own: Truth | None) -> Analysis:
    """`analysis` with a truth that the person has given, at the prediction's size; None: as it was without."""
    shows_it = ("truth.", "hover.", "camera.coherence.hover", "camera.cloud.")
    kept = {key: value for key, value in analysis.cache.items() if not key.startswith(shows_it)}
    changed = _true(replace(analysis, truth=None, own=own, cache=kept))
    if changed.prediction.camera == analysis.prediction.camera and "coherence" in vars(analysis):
        vars(changed)["coherence"] = analysis.coherence  # does not depend on the truth
    return changed


def of_networks(analysis: Analysis, prediction: Prediction, pair: Pair | None = None) -> Analysis:
    """The same photo and truth with another prediction, or with two networks'. Nothing drawn before is kept."""
    shown = prediction if pair is None else pair.both
    truth = analysis.own or analysis.given
    truth = truth and truth.of_classes(shown.classes)
    return replace(analysis, prediction=shown, pair=pair, truth=truth, compared=True, cache={})


def _true(analysis: Analysis) -> Analysis:
    """`analysis` with the truth that counts, seen through its camera where it has one."""
    truth = analysis.own or analysis.given
    if truth is None:
        return analysis
    seen = analysis.with_camera(truth.camera) if truth.calibrated else analysis
    return replace(seen, truth=truth.of_classes(analysis.prediction.classes))


def archive(analysis: Analysis, folder: str | os.PathLike[str]) -> Path:
    """Writes what `python -m mtcp predict` writes for this photo as STEM.zip in a new folder in `folder`. Of two
    networks it holds both, each network's name behind the stem of its files.
    """
    now, pair = analysis.prediction, analysis.pair
    wanted = {analysis.stem: now}
    if pair is not None:
        wanted = {
            f"{analysis.stem}_{side}-{name}": replace(one, camera=now.camera, camera_from=now.camera_from)
            for side, name, one in (("A", pair.a_name, pair.a), ("B", pair.b_name, pair.b))
        }
    made = fresh_folder(folder) / f"{analysis.stem}.zip"
    with (
        tempfile.TemporaryDirectory() as files,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
    ):
        for stem, prediction in wanted.items():
            for path in write_prediction(prediction, files, stem):
                packed.write(path, path.name)
                path.unlink()
    return made
