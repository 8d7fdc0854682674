"""What the refinement made worse, or what is worse in B than in A, and why: one sentence under the headline.

The causes of failing regions tell why for the angles, which are means over pixels. They do not for the other numbers:
of discontinuities the sentence says where they were added, of whole planes that failing regions do not explain them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.session import Analysis
from app.views import html
from mtcp.drawing import shown
from mtcp.geometry.cause_names import CAUSES
from mtcp.geometry.cause_shares import worsened_by_cause
from mtcp.geometry.quantities import COHERENCE
from mtcp.geometry.report import EdgeAgreement, StageCoherence

LEAST_PCT = 15.0
"""Causes of less than this share of the rise are not named."""
ANGLES = {
    "depth_normal_mean_deg": "plane-fit angle",
    "depth_normal_within_30_pct": "plane-fit share under 30°",
    "derivative_mean_deg": "derivative angle",
}
"""Key of a number that failing regions explain -> what it is called here, in few words."""
EDGES: dict[str, tuple[str, Callable[[StageCoherence], EdgeAgreement]]] = {
    "depth_edges_on_boundary_pct": ("depth", lambda stage: stage.boundaries.depth),
    "normal_edges_on_boundary_pct": ("normal", lambda stage: stage.boundaries.normals),
}
"""Key of a share of discontinuities -> of what they are, and where a stage has them."""
PLANES = {
    "plane_rms_cm": "plane RMS",
    "plane_angle_deg": "plane angle",
    "floor_walls_depth_error_deg": "floor-wall from depth",
    "floor_walls_normals_error_deg": "floor-wall from normals",
}
"""Key of a number of whole planes -> what it is called here."""


def why_worse(analysis: Analysis) -> str:
    """Each of the scoreboard's main numbers that got worse, and why; nothing where none did. Ready HTML."""
    report = analysis.coherence
    if report is None or report.refined is None:
        return ""
    moved = _worse(report.initial, report.refined)
    if not moved:
        return ""
    parts = [
        _angles(moved, worsened_by_cause(report.failures), analysis.words.two),
        _edges(moved, report.initial, report.refined),
        _planes(moved),
    ]
    folded = sum(not one.main for one in COHERENCE if one.key in moved)
    if folded:
        parts.append(f"{folded} more number{'s' if folded > 1 else ''}")
    where = "in B" if analysis.words.two else f"after {analysis.words.refinement}"
    return f'<p class="mt-why">Worse {where}: {"; ".join(part for part in parts if part)}.</p>'


def _worse(before: StageCoherence, after: StageCoherence) -> dict[str, str]:
    """Key of each number that reads worse -> its change as the scoreboard has it."""
    found = {}
    for one in COHERENCE:
        moved = shown.change(one.read(before), one.read(after), one.digits)
        if moved and (moved < 0) == one.higher_is_better:
            found[one.key] = shown.number(
                moved, one.digits, "°" if one.unit == "deg" else one.unit, sign=True
            )
    return found


def _angles(moved: Mapping[str, str], shares: Mapping[str, float], two: bool) -> str:
    names = [name for key, name in ANGLES.items() if key in moved]
    if len(names) > 1 and names[:2] == list(ANGLES.values())[:2]:
        names[1] = names[1].removeprefix("plane-fit ")
    if not names:
        return ""
    if not shares:
        return f"{html.listed(names)} (no failing region is worse)"
    main = next(iter(shares))
    causes = [
        f'<b title="{html.text(CAUSES[name])}">{share:.0f} % {name}</b>'
        for name, share in shares.items()
        if name == main or share >= LEAST_PCT
    ]
    added = "what B has more of in failing regions" if two else "added in failing regions"
    return f"{html.listed(names)} ({added}: {', '.join(causes)})"


def _edges(moved: Mapping[str, str], before: StageCoherence, after: StageCoherence) -> str:
    parts: list[str] = []
    for key, (what, edges) in EDGES.items():
        if key in moved:
            on, off = (
                _grown(*(_covered(edges(stage), on_boundary) for stage in (before, after)))
                for on_boundary in (True, False)
            )
            parts.append(
                f"{what} ones ({on}, {off})"
                if parts
                else f"{what} discontinuities on boundaries ({on} there, {off} elsewhere)"
            )
    return ", ".join(parts)


def _covered(edges: EdgeAgreement, on_boundary: bool) -> float:
    """Share of the picture (%) that is a discontinuity on a class boundary, or off one."""
    share = edges.on_boundary_pct or 0.0
    return (edges.edges_pct or 0.0) * (share if on_boundary else 100.0 - share) / 100.0


def _grown(before: float, after: float) -> str:
    if not before:
        return "new" if after else "none"
    return shown.number(100.0 * (after / before - 1.0), 0, "%", sign=True)


def _planes(moved: Mapping[str, str]) -> str:
    names = {key: name for key, name in PLANES.items() if key in moved}
    if not names:
        return ""
    changes = html.listed([f"{name} {moved[key]}" for key, name in names.items()])
    return f"{changes} (whole planes, not failing regions)"
