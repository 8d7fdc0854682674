"""What the page looks at: an analysis, the probe and the chosen failure. One per visitor, never changed in place."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.session import Analysis
from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.geometry.cause_shares import worst_failure
from mtcp.geometry.report import Failure

WIDEST_DEG = 150.0
NARROWEST_DEG = 5.0


@dataclass(frozen=True, eq=False)
class Scene:
    """probe: (x, y) pixel of the photo. failure: rank of the chosen one in `analysis.failures`, or None."""

    analysis: Analysis
    probe: tuple[int, int]
    failure: int | None = None

    @classmethod
    def of(cls, analysis: Analysis) -> Scene:
        """A new run, looking at its worst failure (of the refined prediction, where that has one), or at the middle
        where there is none.
        """
        return cls(analysis, _middle(analysis)).worst()

    def compare(self, analysis: Analysis) -> Scene:
        """The same with the run's depth and normals compared: at the worst failure, unless the probe was moved; then at
        the one that it is in.
        """
        compared = replace(self, analysis=analysis)
        return compared.worst() if self.probe == _middle(analysis) else compared._at(*self.probe)

    def seen_by(self, analysis: Analysis) -> Scene:
        """The same pixel of the same photo in a run of other networks, or with another truth."""
        return Scene(analysis, self.probe)._at(*self.probe)

    def worst(self) -> Scene:
        """The same at its worst failure: of the refined prediction if that has one. Without failures nothing moves."""
        first = worst_failure(self.analysis.failures)
        return self if first is None else self.choose(first.rank)

    @property
    def chosen(self) -> Failure | None:
        """The chosen failure."""
        return None if self.failure is None else self.analysis.failures[self.failure - 1]

    def point(self, x: float, y: float) -> Scene:
        """The probe at fractions (x, y) of the photo's width and height, clipped to it; the failure whose region that
        is in, if any, is the chosen one.
        """
        height, width = self.analysis.prediction.size
        column = min(max(int(x * width), 0), width - 1)
        row = min(max(int(y * height), 0), height - 1)
        return self._at(column, row)

    def enter(self, x: float | None, y: float | None) -> Scene:
        """The probe at pixel (x, y), as typed, as by `point`. None leaves that coordinate.

        Raises:
            InputError: outside the photo.
        """
        height, width = self.analysis.prediction.size
        column = self.probe[0] if x is None else int(x)
        row = self.probe[1] if y is None else int(y)
        if not (0 <= column < width and 0 <= row < height):
            raise InputError(
                f"pixel ({column:g}, {row:g}) is outside the photo: x goes from 0 to {width - 1}, "
                f"y from 0 to {height - 1}"
            )
        return self._at(column, row)

    def _at(self, column: int, row: int) -> Scene:
        return replace(self, probe=(column, row), failure=self.analysis.failure_at(column, row))

    def choose(self, rank: int) -> Scene:
        """The failure of that rank, with the probe in it.

        Raises:
            InputError: there is no such failure.
        """
        if not 1 <= rank <= len(self.analysis.failures):
            raise InputError(f"failure {rank} does not exist: this photo has {len(self.analysis.failures)}")
        return replace(self, failure=rank, probe=self.analysis.failures[rank - 1].pixel)

    def see_through(self, fov_deg: float) -> Scene:
        """With another horizontal field of view in degrees. Nothing of the network runs again; failures are
        found anew, so none is chosen.

        Raises:
            InputError: no possible field of view.
        """
        check_fov(fov_deg)
        height, width = self.analysis.prediction.size
        analysis = self.analysis.with_camera(Camera.from_fov(width, height, fov_deg))
        return replace(self, analysis=analysis, failure=None)


def check_fov(fov_deg: float) -> float:
    """A horizontal field of view in degrees, itself.

    Raises:
        InputError: no possible one.
    """
    if not NARROWEST_DEG <= fov_deg <= WIDEST_DEG:
        raise InputError(
            f"field of view {fov_deg:g} degrees: give {NARROWEST_DEG:g} to {WIDEST_DEG:g} "
            "(a phone's main camera has about 65)"
        )
    return fov_deg


def _middle(analysis: Analysis) -> tuple[int, int]:
    height, width = analysis.prediction.size
    return width // 2, height // 2
