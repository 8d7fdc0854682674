"""The arrays behind the values under the cursor: unpacked as the browser does, they are the maps to within a step."""

from __future__ import annotations

import dataclasses
import gzip
import json
from typing import Any

import numpy as np
import pytest
from fake_predictor import FakePredictor
from hypothesis import given, settings
from hypothesis import strategies as st

from app.scene import Scene
from app.session import Analysis
from app.views import hover, probe, scoreboard
from mtcp.evaluation.ground_truth import Truth
from mtcp.tasks import IGNORE

Found = dict[tuple[str, str], list[np.ndarray]]


def unpacked(data: bytes) -> tuple[dict[str, Any], Found]:
    """(what is described, (row, stage) -> its planes, float64 (h, w), NaN unknown)."""
    plain = gzip.decompress(data)
    end = 4 + int.from_bytes(plain[:4], "little")
    described = json.loads(plain[4:end])
    h, w = described["grid"]
    found: Found = {}
    for plane in described["planes"]:
        steps = np.frombuffer(plain, np.uint8, h * w, end).astype(np.int64)
        end += h * w
        if plane["wide"]:
            steps += 256 * np.frombuffer(plain, np.uint8, h * w, end).astype(np.int64)
            end += h * w
        top = 65535 if plane["wide"] else 255
        raw = np.cumsum(steps.reshape(h, w), axis=1) % (top + 1)
        values = np.where(raw == top, np.nan, plane["offset"] + plane["scale"] * raw)
        found.setdefault((plane["row"], plane["stage"]), []).append(values)
    assert end == len(plain)
    return described, found


def analysed(height: int, width: int, truth: bool = False, **options: bool) -> Analysis:
    photo = np.full((height, width, 3), 90, np.uint8)
    prediction = FakePredictor(**options)(photo)
    analysis = Analysis(photo, prediction, "made.jpg", (height, width))
    if not truth:
        return analysis
    maps = {name: values.copy() for name, values in prediction.initial.items()}
    maps["depth"][:, 0], maps["normals"][:, 0], maps["semseg"][:, 0] = 0, 0, IGNORE
    return dataclasses.replace(analysis, truth=Truth(maps, prediction.camera, "made"))


def pixels(described: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The photo's rows and columns that the cells stand for, as the browser has them."""
    (H, W), (h, w) = described["size"], described["grid"]
    return (
        np.floor((np.arange(h)[:, None] + 0.5) * H / h).astype(int),
        np.floor((np.arange(w) + 0.5) * W / w).astype(int),
    )


@settings(deadline=None, max_examples=30)
@given(st.integers(8, 90), st.integers(8, 90), st.booleans())
def test_the_arrays_are_the_maps(height: int, width: int, trace_back: bool) -> None:
    analysis = analysed(height, width, trace_back=trace_back)
    described, found = unpacked(hover.maps_file(analysis))
    at = pixels(described)
    stages = analysis.prediction.stages()
    assert described["stages"] == list(stages)
    assert {stage for _, stage in found} == set(stages)
    for stage, maps in stages.items():
        label, share = found["semseg", stage]
        np.testing.assert_array_equal(label, maps["semseg"][at])
        assert np.all((share >= 0) & (share <= 1))
        np.testing.assert_allclose(found["depth", stage][0], maps["depth"][at], atol=0.00051)
        normals = np.stack(found["normals", stage], axis=-1)
        np.testing.assert_allclose(normals, maps["normals"][at], atol=1.01 / 254)


def test_a_large_photo_has_no_more_cells_than_the_budget() -> None:
    analysis = analysed(700, 900)
    described, found = unpacked(hover.maps_file(analysis))
    h, w = described["grid"]
    assert 0.95 * hover.CELLS < h * w <= hover.CELLS
    assert w / h == pytest.approx(9 / 7, rel=0.01)
    at = pixels(described)
    np.testing.assert_array_equal(
        found["semseg", "refined"][0], analysis.prediction.refined["semseg"][at]
    )  # a value of a pixel, none mixed


def test_the_values_are_those_of_the_probe() -> None:
    scene = Scene.of(analysed(60, 80, truth=True))
    analysis = scene.analysis
    scoreboard.truth_stage(analysis)
    _, found = unpacked(hover.maps_file(analysis))
    _, angles = unpacked(hover.angles_file(analysis))
    for x, y in ((5, 7), (40, 20), (70, 55), (0, 30)):
        for stage, reading in probe.readings(scene.enter(x, y)).items():
            label, *share = (plane[y, x] for plane in found["semseg", stage])
            assert (reading.label is None) == np.isnan(label)
            assert reading.label is None or reading.label == label
            if reading.share is not None:
                assert share[0] == pytest.approx(reading.share, abs=0.003)
            if reading.angle is not None:
                assert angles["angle", stage][0][y, x] == pytest.approx(reading.angle, abs=0.4)
            assert (reading.depth is None) == np.isnan(found["depth", stage][0][y, x])
    assert {stage for _, stage in angles} == {"initial", "refined", "truth"}


def test_what_is_unknown_stays_unknown() -> None:
    described, found = unpacked(hover.maps_file(analysed(30, 40, truth=True)))
    assert described["stages"] == ["initial", "refined", "truth"]
    for (_, stage), planes in found.items():
        for plane in planes:
            assert np.isnan(plane[:, 0]).all() == (stage == "truth")
            assert not np.isnan(plane[:, 1:]).any()


def test_far_depth_is_coarser_but_not_cut_off() -> None:
    analysis = analysed(20, 30)
    far = {**analysis.prediction.initial, "depth": np.full((20, 30), 140.0, np.float32)}
    farther = dataclasses.replace(analysis, prediction=dataclasses.replace(analysis.prediction, initial=far))
    _, found = unpacked(hover.maps_file(farther))
    np.testing.assert_allclose(found["depth", "initial"][0], 140.0, atol=0.002)
