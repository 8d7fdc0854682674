"""Ground truth of one photo and the distance from it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_predictor import room

from mtcp.data.rooms import make_room, render
from mtcp.data.sample import camera_tensor
from mtcp.drawing import colour
from mtcp.errors import InputError
from mtcp.evaluation.ground_truth import Truth, error_maps, errors, shipped_example
from mtcp.geometry.camera import Camera
from mtcp.geometry.coherence import stage_coherence
from mtcp.io.photo import open_photo
from mtcp.tasks import task_set

EXAMPLES = Path(__file__).parents[1] / "app" / "examples"
TASKS = task_set("nyud", ("semseg", "depth", "normals", "edge"))
H, W = 48, 64


@pytest.fixture
def truth() -> Truth:
    return Truth(room(H, W, window=0.2, far=3.0), Camera.from_fov(W, H), "made")


def test_a_sample_becomes_maps_as_in_a_prediction() -> None:
    camera = Camera(70.0, 71.0, 30.0, 25.0, W, H)
    normals = torch.zeros(3, H, W)
    normals[1, 5, 7] = -1
    sample = {
        "image": torch.zeros(3, H, W, dtype=torch.uint8),
        "camera": camera_tensor(camera),
        "depth": torch.arange(H * W, dtype=torch.float32).reshape(H, W),
        "normals": normals,
        "edge": torch.full((H, W), 255, dtype=torch.uint8),
    }
    truth = Truth.of_sample(sample, "0007")
    assert truth.camera == camera
    assert truth.source == "0007"
    assert sorted(truth.maps) == ["depth", "edge", "normals"]
    assert truth.maps["depth"][2, 3] == 2 * W + 3
    assert truth.maps["normals"].shape == (H, W, 3)
    assert truth.maps["normals"][5, 7].tolist() == [0, -1, 0]


def test_maps_of_another_size_are_refused() -> None:
    with pytest.raises(InputError, match="true depth"):
        Truth({"depth": np.ones((H, W + 1), np.float32)}, Camera.from_fov(W, H), "made")


def test_unknown_truth_is_unknown_whether_zero_or_no_number(truth: Truth) -> None:
    predicted = {"depth": truth.maps["depth"] * np.float32(1.1), "normals": truth.maps["normals"]}
    found = []
    for unknown in (0.0, np.nan, np.inf):
        maps = {name: values.copy() for name, values in truth.maps.items()}
        maps["depth"][5:9], maps["normals"][7:12, :, 1] = unknown, unknown
        maps["normals"][7:12, :, ::2] = 0
        known = Truth(maps, truth.camera, "made")
        pictures = [colour.depth(maps["depth"]), colour.normals(maps["normals"])]
        off = error_maps(predicted, known, TASKS)
        assert np.isnan(off["depth"][5:9]).all() and np.isnan(off["normals"][7:12]).all()
        assert not any(np.isinf(values).any() for values in off.values())
        coherent = stage_coherence(maps, truth.camera)
        found.append((errors(predicted, known, TASKS), coherent, pictures))
        assert not pictures[0][5:9].any() and not pictures[1][7:12].any()
    for other in found[1:]:
        assert other[:2] == found[0][:2]
        assert all(np.array_equal(a, b) for a, b in zip(other[2], found[0][2], strict=True))


def test_a_predicted_depth_that_is_no_number_is_missing(truth: Truth) -> None:
    depth = truth.maps["depth"] + np.float32(0.5)
    depth[3, 4], depth[3, 5] = np.nan, np.inf
    off = error_maps({"depth": depth}, truth, TASKS)["depth"]
    assert np.isnan(off[3, 4:6]).all() and np.isnan(off).sum() == 2
    assert errors({"depth": depth}, truth, TASKS)["depth"]["rmse"] == pytest.approx(0.5, abs=1e-5)


def test_a_shipped_example_has_the_exact_truth() -> None:
    truth = Truth.of_example(EXAMPLES / "office.jpg")
    assert truth.size == (480, 640)
    assert truth.camera.fov_deg == pytest.approx(64)
    assert "office" in truth.source
    small = truth.resized((240, 320))
    away = stage_coherence(small.maps, small.camera)
    assert away.depth_normal_derivative.median_deg is not None
    assert away.depth_normal_derivative.median_deg < 0.1  # exact depth and exact normals of one camera
    assert away.depth_normal.known_pct > 99


@pytest.mark.parametrize("picture", sorted(EXAMPLES.glob("*.jpg")), ids=lambda path: path.stem)
def test_the_truth_of_an_example_is_small_and_fits_its_picture(picture: Path) -> None:
    assert picture.with_suffix(".npz").stat().st_size < 150_000
    truth = Truth.of_example(picture)
    photo, facts = open_photo(picture)
    assert photo.shape[:2] == truth.size
    assert facts.focal35_mm == round(truth.camera.focal35_mm)
    np.testing.assert_allclose(np.linalg.norm(truth.maps["normals"], axis=-1), 1, atol=1e-5)
    assert (
        (truth.maps["normals"] * truth.camera.rays()).sum(-1) < 0
    ).all()  # all that is seen faces the camera
    assert truth.maps["depth"].min() > 0.3 and truth.maps["depth"].max() < 10
    assert truth.maps["semseg"].max() < 40
    grey = photo.astype(float).mean(-1)
    change = np.abs(np.diff(grey, axis=1))
    border = np.diff(truth.maps["semseg"].astype(int), axis=1) != 0
    assert change[border].mean() > 3 * change[~border].mean()  # and nowhere near it, were it another's
    assert change[border].mean() > 2 * change[np.roll(border, 40, axis=1)].mean()


def test_a_damaged_truth_of_an_example_is_named(tmp_path: Path) -> None:
    arrays = dict(np.load(EXAMPLES / "office.npz"))
    np.savez(tmp_path / "short.npz", **{name: arrays[name] for name in ("planes", "semseg", "camera")})
    np.savez(tmp_path / "other.npz", **{**arrays, "planes": arrays["planes"][:5]})
    (tmp_path / "torn.npz").write_bytes((EXAMPLES / "office.npz").read_bytes()[:9000])
    for name in ("short", "other", "torn"):
        with pytest.raises(InputError, match=f"{name}.npz"):
            Truth.of_example(tmp_path / f"{name}.jpg")


def test_the_page_reads_the_truth_of_examples_without_rooms_and_open3d() -> None:
    code = f"""
import sys
from pathlib import Path
from app.serve import truth_of
assert truth_of(Path({str(EXAMPLES)!r}) / "office.jpg").size == (480, 640)
print([name for name in sys.modules if name.split(".")[0] == "open3d" or name.startswith("mtcp.data.rooms")])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=EXAMPLES.parents[1]
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_truth_without_light_is_the_same_truth() -> None:
    made = make_room(3)
    lit, dark = (render(made, (24, 32), quality) for quality in ("fast", "none"))
    for name in ("depth", "normals", "semseg"):
        np.testing.assert_array_equal(getattr(lit, name), getattr(dark, name))
    assert not dark.image.any()


def test_a_picture_that_is_no_example_has_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="attic"):
        Truth.of_example(EXAMPLES / "attic.jpg")
    shipped = sorted(EXAMPLES.glob("*.jpg"))
    uploaded = shutil.copy(EXAMPLES / "kitchen.jpg", tmp_path / "renamed.jpg")
    assert shipped_example(uploaded, shipped) == EXAMPLES / "kitchen.jpg"
    impostor = tmp_path / "kitchen.jpg"
    impostor.write_bytes(b"another photo of that name")
    assert shipped_example(impostor, shipped) is None


def test_resizing_keeps_the_geometry() -> None:
    camera = Camera.from_fov(W, H, 70)
    x, y = camera.axes()
    depth = (1 / (0.1 * x + 0.2 * y[:, None] + 0.4)).astype(np.float32)
    truth = Truth(
        {"depth": depth, "semseg": np.arange(H * W).reshape(H, W).astype(np.uint8)}, camera, "plane"
    )
    assert truth.resized((H, W)) is truth
    small = truth.resized((H // 3, W // 3))
    x, y = small.camera.axes()
    np.testing.assert_allclose(small.maps["depth"], 1 / (0.1 * x + 0.2 * y[:, None] + 0.4), rtol=1e-5)
    assert small.maps["semseg"].shape == (H // 3, W // 3)
    assert small.camera.fov_deg == pytest.approx(70)


def test_the_truth_itself_has_no_error(truth: Truth) -> None:
    found = errors(truth.maps, truth, TASKS)
    assert list(found) == ["semseg", "depth", "normals"]  # no edges on either side
    assert found["semseg"] == {"miou": 100, "pixel_acc": 100, "mean_acc": 100}
    assert found["depth"] == {
        **dict.fromkeys(("rmse", "rmse_log", "abs_rel"), 0),
        **dict.fromkeys(("delta1", "delta2", "delta3"), 100),
    }
    assert found["normals"]["mean"] == pytest.approx(0, abs=1e-3)
    assert all(not np.nan_to_num(m).any() for m in error_maps(truth.maps, truth, TASKS).values())


def test_errors_are_the_usual_ones_over_what_is_known(truth: Truth) -> None:
    known = np.zeros((H, W), bool)
    known[:, : W // 2] = True
    maps = {
        "semseg": np.where(known, truth.maps["semseg"], 255).astype(np.uint8),
        "depth": np.where(known, truth.maps["depth"], 0).astype(np.float32),
        "normals": np.where(known[..., None], truth.maps["normals"], 0).astype(np.float32),
    }
    half = Truth(maps, truth.camera, "left half")
    turned = truth.maps["normals"] @ np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], np.float32)  # about y
    predicted = {
        "semseg": np.where(known & (np.arange(W) < W // 4), 38, truth.maps["semseg"]).astype(np.uint8),
        "depth": np.where(known, truth.maps["depth"] + np.float32(0.5), 77).astype(np.float32),
        "normals": turned,
    }
    found = errors(predicted, half, TASKS)
    assert found["semseg"]["pixel_acc"] == pytest.approx(50)
    assert found["depth"]["rmse"] == pytest.approx(0.5, rel=1e-5)
    of_pixels = np.degrees(
        np.arccos(np.clip(np.einsum("hwc,hwc->hw", turned, truth.maps["normals"])[known], -1, 1))
    )
    assert found["normals"]["mean"] == pytest.approx(of_pixels.mean(), rel=1e-3)
    off = error_maps(predicted, half, TASKS)
    for values in off.values():
        np.testing.assert_array_equal(np.isfinite(values), known)
    np.testing.assert_allclose(off["depth"][known], 0.5, rtol=1e-5)
    assert set(np.unique(off["semseg"][known])) == {0, 1}
    assert off["semseg"][0, 0] == 1


def test_nothing_known_is_none_and_no_error(truth: Truth) -> None:
    maps = {
        "semseg": np.full((H, W), 255, np.uint8),
        "depth": np.zeros((H, W), np.float32),
        "normals": np.zeros((H, W, 3), np.float32),
        "edge": np.full((H, W), 255, np.uint8),
    }
    predicted = truth.maps | {"edge": np.full((H, W), 0.5, np.float32)}
    found = errors(predicted, Truth(maps, truth.camera, "nothing"), TASKS)
    assert all(value is None for numbers in found.values() for value in numbers.values())
    assert set(found) == {"semseg", "depth", "normals", "edge"}


def test_edges_are_probabilities() -> None:
    edge = np.zeros((H, W), np.uint8)
    edge[:, 10] = 1
    truth = Truth({"edge": edge}, Camera.from_fov(W, H), "made")
    predicted = {"edge": np.where(edge == 1, 0.9, 0.1).astype(np.float32)}
    assert errors(predicted, truth, TASKS) == {"edge": {"maxf": pytest.approx(100)}}
    assert error_maps(predicted, truth, TASKS)["edge"][0, 10] == pytest.approx(-0.1)


def test_predictions_of_another_size_are_refused(truth: Truth) -> None:
    with pytest.raises(InputError, match="predicted depth"):
        errors({"depth": np.ones((H, W - 1), np.float32)}, truth, TASKS)
