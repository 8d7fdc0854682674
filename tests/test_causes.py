"""The cause told of a failure: faults planted by hand and by the benchmark, jumps of the depth, shares by area."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from geometry_scenes import box_room, plane_depth
from hypothesis import given
from hypothesis import strategies as st

from mtcp.geometry import causes
from mtcp.geometry.boundaries import depth_jumps
from mtcp.geometry.camera import Camera
from mtcp.geometry.cause_names import (
    CAUSES,
    DISCONTINUITY,
    FAR,
    MERGED,
    ROUGH_BOTH,
    ROUGH_DEPTH,
    ROUGH_NORMALS,
    TILTED,
    UNLIKE,
)
from mtcp.geometry.cause_shares import cause_shares, of_last_stage, worsened_by_cause
from mtcp.geometry.coherence import coherence
from mtcp.geometry.report import Failure
from mtcp.geometry.seen import Seen
from mtcp.tasks import NYUD_CLASSES

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import causes as benchmark  # noqa: E402
from benchmarks.planted import FAULTS, plant  # noqa: E402

CAMERA = Camera.from_fov(160, 120)
SMALL = (120, 160)
TOWARDS = np.array([0.0, 0.0, -1.0])


def wall(distance: float = 3.0) -> dict[str, np.ndarray]:
    """A wall that faces the camera, all over the picture."""
    return {
        "depth": np.full(SMALL, distance, np.float32),
        "normals": np.broadcast_to(TOWARDS, (*SMALL, 3)).astype(np.float32),
        "semseg": np.zeros(SMALL, np.uint8),
    }


def turned(degrees: float) -> np.ndarray:
    """The direction to the camera, turned to the right."""
    a = np.radians(degrees)
    return np.array([np.sin(a), 0.0, -np.cos(a)])


def found_causes(maps: dict[str, np.ndarray], unlike: str = "") -> Failure:
    """The worst failure of one stage."""
    return coherence(maps, None, CAMERA, unlike=unlike).failures[0]


def ripples(slope: float, length: float) -> np.ndarray:
    """Factors of the depth (H, W): waves across the columns whose steepest slope is `slope` at any distance."""
    u = np.arange(SMALL[1]) * 2 * np.pi / length
    return np.exp(slope * length / (2 * np.pi * CAMERA.fx) * np.sin(u))[None].repeat(SMALL[0], 0)


def test_a_tilted_surface() -> None:
    maps = wall()
    maps["depth"] = plane_depth(CAMERA, turned(45), 2.0).astype(np.float32)
    cause = found_causes(maps).cause
    assert cause.name == TILTED and cause.means_deg == pytest.approx(45, abs=1)
    assert cause.plane_deg == pytest.approx(45, abs=1) and cause.depth_scatter_deg < 1
    assert "mean normals differ by 45.0 degrees" in cause.sentence


def test_rough_depth_is_no_tilted_surface_though_each_of_its_regions_is_one() -> None:
    maps = wall()
    maps["depth"] = (3.0 * ripples(1.0, 30)).astype(np.float32)
    failure = found_causes(maps)
    assert failure.surfaces_deg > 30  # the region alone: one flank of a ripple
    cause = failure.cause
    assert cause.name == ROUGH_DEPTH and cause.means_deg < 20 < cause.depth_scatter_deg
    assert cause.normals_scatter_deg < 1
    assert f"the depth's normals scatter by {cause.depth_scatter_deg:.1f} degrees" in cause.sentence


def test_rough_normals() -> None:
    maps = wall()
    swing = np.radians(60) * np.sin(np.arange(SMALL[1]) * 2 * np.pi / 16)
    normals = np.stack((np.sin(swing), 0 * swing, -np.cos(swing)), axis=-1)
    maps["normals"] = normals[None].repeat(SMALL[0], 0).astype(np.float32)
    cause = found_causes(maps).cause
    assert cause.name == ROUGH_NORMALS and cause.normals_scatter_deg > 30 > 1 > cause.depth_scatter_deg


def test_rough_depth_and_normals() -> None:
    planted = plant(ROUGH_BOTH, 3003, (240, 320))
    report = coherence(planted.maps, None, planted.camera, NYUD_CLASSES)
    found_causes = [failure.cause for failure in report.failures if failure.cause.name == ROUGH_BOTH]
    assert found_causes
    for cause in found_causes:
        scatters = cause.depth_scatter_deg, cause.normals_scatter_deg
        assert min(scatters) >= 0.6 * max(scatters)
        assert "both scatter" in cause.sentence and all(
            f"{one:.1f} degrees" in cause.sentence for one in scatters
        )


def test_a_rough_surface_that_faces_another_way_is_tilted() -> None:
    maps = wall()
    maps["depth"] = (plane_depth(CAMERA, turned(45), 2.0) * ripples(0.7, 30)).astype(np.float32)
    cause = found_causes(maps).cause
    assert cause.name == TILTED and min(cause.means_deg, cause.plane_deg) > 30


def seen(pixel: float, means: float, plane: float, depth: float, normals: float) -> Seen:
    return Seen(pixel, means, plane, depth, normals, jump_pct=0.0, distance_m=2.0, view_deg=20.0)


@given(*(st.floats(1, 90) for _ in range(5)))
def test_rough_is_what_agrees_on_average(
    pixel: float, means: float, plane: float, depth: float, normals: float
) -> None:
    found = seen(pixel, means, plane, depth, normals)
    name, sentence = causes.by_shape(found)
    average = means if max(depth, normals) < 15 else min(means, plane)
    assert f"{average:.1f}" in sentence  # what decides is told
    if name != TILTED:
        assert average < max(depth, normals) and average < 30 and average < 0.75 * pixel
        assert (name == ROUGH_BOTH) == (min(depth, normals) >= 0.6 * max(depth, normals))
        assert name == ROUGH_BOTH or (name == ROUGH_DEPTH) == (depth > normals)


def test_a_jump_of_the_depth_however_blurred() -> None:
    for width in (1.0, 1.5):
        maps = wall()
        step = 1 / (1 + np.exp(-(np.arange(SMALL[1]) - 80) / width))
        maps["depth"] = (3.0 + 1.2 * step)[None].repeat(SMALL[0], 0).astype(np.float32)
        cause = found_causes(maps).cause
        assert cause.name == DISCONTINUITY and cause.jump_pct > 90


@pytest.mark.parametrize("in_depth", [True, False])
def test_planes_that_one_map_takes_for_one(in_depth: bool) -> None:
    maps = wall()
    left = np.arange(SMALL[1])[None].repeat(SMALL[0], 0) < 80
    if in_depth:  # a corner that the normals do not see
        planes = [plane_depth(CAMERA, turned(angle), 2.0) for angle in (45, -45)]
        maps["depth"] = np.where(left, *planes).astype(np.float32)
    else:
        maps["normals"] = np.where(left[..., None], turned(45), turned(-45)).astype(np.float32)
    cause = found_causes(maps).cause
    assert cause.name == MERGED and "2 planes, 90 degrees apart" in cause.sentence
    assert cause.sentence.startswith("The depth shows" if in_depth else "The normals show")


def test_several_objects_in_one_region() -> None:
    maps = wall()
    left = np.arange(SMALL[1])[None].repeat(SMALL[0], 0) // 2 % 2 == 0
    maps["normals"] = np.where(left[..., None], turned(60), turned(-60)).astype(np.float32)
    maps["semseg"] = (np.add(*np.indices(SMALL)) % 2).astype(np.uint8)
    cause = found_causes(maps).cause
    assert cause.name == MERGED
    for name in ("wall", "floor"):
        assert f"{name} (50 %, where the mean normals differ by 0 degrees)" in cause.sentence


def test_too_far_and_too_oblique() -> None:
    maps = wall(9.0)
    maps["normals"] = np.broadcast_to(turned(45), (*SMALL, 3)).astype(np.float32)
    cause = found_causes(maps).cause
    assert cause.name == FAR and "9.0 m" in cause.sentence
    maps = wall(3.0)
    maps["normals"][50:70, 70:90] = turned(84)
    cause = found_causes(maps).cause
    assert cause.name == FAR and "84 degrees from its normal" in cause.sentence


def test_a_photo_unlike_training_is_the_cause_of_all_and_the_shape_is_told_too() -> None:
    maps = wall()
    maps["normals"][20:60, 20:60] = turned(45)
    cause = found_causes(maps, unlike="it is a drawing").cause
    assert cause.name == UNLIKE
    assert cause.sentence == (
        "The photo is unlike those of training: it is a drawing. By its shape alone: tilted surface."
    )


def test_every_cause_is_planted_and_has_a_meaning() -> None:
    assert set(FAULTS) == set(CAUSES)


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("seed", [3001, 3002])
def test_planted_faults_are_found(kind: str, seed: int) -> None:
    assert benchmark.found_cause(plant(kind, seed, (240, 320))) == kind


def test_the_same_seed_plants_the_same_fault() -> None:
    first, second, other = (plant(TILTED, seed, SMALL) for seed in (5, 5, 6))
    assert np.array_equal(first.maps["depth"], second.maps["depth"])
    assert not np.array_equal(first.maps["depth"], other.maps["depth"])


def test_the_matrix_is_printed_with_what_was_not_found() -> None:
    matrix = {TILTED: {TILTED: 3, MERGED: 1}, MERGED: {MERGED: 4}, FAR: {benchmark.NONE: 4}}
    assert benchmark.found_pct(matrix) == {TILTED: 75.0, MERGED: 100.0, FAR: 0.0}
    lines = benchmark.markdown(matrix).splitlines()
    columns = [cell.strip() for cell in lines[0].strip("|").split("|")]
    row = dict(zip(columns, [cell.strip() for cell in lines[2].strip("|").split("|")], strict=True))
    assert (row[TILTED], row[MERGED], row["right, %"]) == ("3", "1", "75.0")
    assert "no failure" in columns


def test_jumps_are_steps_and_neither_slopes_nor_creases_nor_ripples() -> None:
    scene = box_room(CAMERA)
    assert not depth_jumps(scene.depth, 3)[4:-4, 4:-4].any()
    assert not depth_jumps(3.0 * ripples(1.0, 12), 3).any()
    step = np.where(np.arange(SMALL[1]) < 80, 2.0, 2.3)[None].repeat(SMALL[0], 0)
    found = depth_jumps(step, 3)
    assert np.unique(np.nonzero(found)[1]).tolist() in ([79], [80])
    assert found.any(axis=1).all()
    assert not depth_jumps(np.where(step == 2.3, 2.15, step), 3).any()  # a step of 7.5 %
    assert not depth_jumps(np.where(step == 2.3, 0.0, step), 3).any()  # unknown beyond it


def failure(
    name: str, share: float, before: float, after: float | None, found_in: str = "refined"
) -> Failure:
    maps = wall()
    maps["normals"][20:60, 20:60] = turned(45)
    one = found_causes(maps)
    cause = dataclasses.replace(one.cause, name=name)
    return dataclasses.replace(
        one, cause=cause, share_pct=share, before_deg=before, after_deg=after, found_in=found_in
    )


def test_shares_are_by_area_and_of_the_last_stage() -> None:
    found = [
        failure(ROUGH_DEPTH, 4.0, 30, 50),
        failure(TILTED, 5.0, 50, 40),
        failure(ROUGH_DEPTH, 2.0, 40, 50),
        failure(MERGED, 9.0, 60, 10, "initial"),
    ]
    assert of_last_stage(found) == found[:3]
    assert cause_shares(found) == {ROUGH_DEPTH: 6.0, TILTED: 5.0}
    assert list(cause_shares(found)) == [ROUGH_DEPTH, TILTED]
    assert worsened_by_cause(found) == {ROUGH_DEPTH: 100.0}
    found.append(failure(TILTED, 10.0, 30, 40))
    assert worsened_by_cause(found) == pytest.approx({ROUGH_DEPTH: 50.0, TILTED: 50.0})
    alone = [failure(TILTED, 3.0, 50, None, "initial")]
    assert cause_shares(alone) == {TILTED: 3.0} and worsened_by_cause(alone) == {}
    assert cause_shares([]) == worsened_by_cause([]) == {}


def test_acceptable_before_is_introduced_and_a_little_better_before_is_not() -> None:
    def stage(degrees: float) -> dict[str, np.ndarray]:
        maps = wall()
        maps["normals"][20:60, 20:60] = turned(degrees)
        return maps

    def status(before: float, after: float) -> str:
        (one,) = coherence(stage(before), stage(after), CAMERA).failures
        return one.status

    assert status(30, 50) == status(25, 50) == status(50, 45) == "remaining"
    assert status(15, 50) == "introduced" and status(50, 15) == "fixed" and status(50, 25) == "reduced"
