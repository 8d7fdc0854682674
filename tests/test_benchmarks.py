"""The benchmarks measure what they say: variants differ and agree, rows and ratios are right. No test judges a time."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_training import MadeSamples, tiny_config

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import cfm, network, photo, timing, training  # noqa: E402
from mtcp.ablation.costs import count_macs  # noqa: E402
from mtcp.checkpoint.store import save_checkpoint  # noqa: E402
from mtcp.model import MTCP  # noqa: E402
from mtcp.model.fusion import cfm as coherence_module  # noqa: E402
from mtcp.presets import preset  # noqa: E402
from mtcp.training import setup  # noqa: E402

SMALL = {"backbone": "test_efficientnet", "width": 8, "queries": 4, "query_layers": 1, "query_heads": 2}
QUICK = ["--here", "--repeats", "2", "--warmup", "1", "--device", "cpu"]


def result(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    assert {"processor", "torch", "date", "commit", "threads"} <= set(found["environment"])
    return found


def test_exponents_and_ratios() -> None:
    assert timing.exponent([1, 2, 4, 8], [3, 12, 48, 192]) == 2.0
    with pytest.raises(ValueError, match="no exponent"):
        timing.exponent([1, 1], [2, 3])
    rows = [
        {"variant": "a", "n": 1, "seconds": 1.0, "peak_mib": 2.0},
        {"variant": "b", "n": 1, "seconds": 4.0, "peak_mib": None},
        {"variant": "b", "n": 2, "seconds": 9.0, "peak_mib": 9.0},
        {"variant": "a", "n": 2, "skipped": "too large"},
    ]
    assert timing.ratios(rows, of="a", to="b", by=("n",)) == [{"ratio": "a / b", "n": 1, "seconds": 0.25}]
    assert "skipped: too large" in timing.table(rows, ("variant", "n", "seconds"))


def test_warm_up_calls_are_not_counted() -> None:
    calls: list[int] = []
    found = timing.times(lambda: calls.append(1), repeats=3, warmup=2, device=torch.device("cpu"))
    assert (len(calls), len(found)) == (5, 3)
    assert timing.summary([3.0, 1.0, 2.0])["seconds"] == 2.0


def test_peak_memory_is_what_a_call_needs_at_its_peak() -> None:
    mib = 2**18  # floats in a MiB

    def two_then_one() -> None:
        pair = torch.ones(40 * mib), torch.ones(40 * mib)
        del pair
        torch.ones(40 * mib)

    found = timing.peak_mib(two_then_one, torch.device("cpu"))
    if found is None:
        pytest.skip("no high-water mark on this system")
    assert 75 < found < 100


@pytest.mark.parametrize("passes", ["forward", "forward+backward"])
def test_cfm_compares_two_variants_that_agree(tmp_path: Path, passes: str) -> None:
    path = tmp_path / "cfm.json"
    flags = ["--n", "48,80", "--width", "8", "--tasks", "2", "--json", str(path)]
    cfm.main([*flags, *QUICK, *(["--backward"] if "backward" in passes else [])])
    found = result(path)
    assert [(row["variant"], row["n"]) for row in found["rows"]] == [
        (name, n) for n in (48, 80) for name in ("materialised", "streaming")
    ]
    for row in found["rows"]:
        assert (row["width"], row["tasks"], row["passes"]) == (8, 2, passes)
        assert row["seconds"] > 0
        assert row["difference"] < 1e-3
        assert "peak_mib" in row
    assert [ratio["n"] for ratio in found["ratios"]] == [48, 80]


def test_the_materialised_variant_builds_the_affinity_and_ours_does_not() -> None:
    shapes: list[tuple[int, ...]] = []
    softmax = torch.softmax

    def watched(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        shapes.append(tuple(x.shape))
        return softmax(x, *args, **kwargs)

    fusion = coherence_module.CoherenceFusion(8, 1).eval()
    x = torch.rand(1, 8, 6, 8)
    with mock.patch.object(torch, "softmax", watched), torch.inference_mode():
        with cfm.variant("streaming"):
            ours = fusion(x, [x]).feature
        assert shapes == []
        with cfm.variant("materialised"):
            published = fusion(x, [x]).feature
        assert shapes == [(1, 48, 48)]
    torch.testing.assert_close(ours, published, rtol=1e-4, atol=1e-5)


def test_variants_that_disagree_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cfm, "attend_materialised", lambda theta, phi, values, scale: values * 0.5)
    with pytest.raises(SystemExit, match="disagree"):
        cfm.main(["--n", "48", "--width", "8", "--tasks", "2", *QUICK])


def test_a_row_that_does_not_fit_is_skipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cfm, "free_mib", lambda device: 0.001)
    cfm.main(["--n", "48", "--width", "8", "--tasks", "2", "--json", str(tmp_path / "x.json"), *QUICK])
    found = result(tmp_path / "x.json")
    assert ["skipped" in row for row in found["rows"]] == [True, False]
    assert found["ratios"] == []


@pytest.mark.slow
def test_a_process_of_its_own_measures_memory() -> None:
    base = {"n": 1600, "width": 8, "tasks": 2, "passes": "forward", "precision": "fp32", "batch": 1}
    base |= {"device": "cpu", "repeats": 1, "warmup": 0}
    with pytest.raises(ValueError, match="choose from"):
        cfm.measure({"variant": "other", **base})
    full, ours = (timing.isolated("benchmarks.cfm", {"variant": name, **base}) for name in cfm.VARIANTS)
    assert "skipped" not in full, full
    assert cfm.difference(full["sample"], ours["sample"]) < 1e-3
    if full["peak_mib"] is not None:
        assert full["peak_mib"] > 1600**2 * 4 / 2**20 > ours["peak_mib"]
    assert "no attribute 'measure'" in timing.isolated("benchmarks", base)["skipped"]


def test_the_grid_of_features_has_n_pixels() -> None:
    assert cfm.grid_of(4800) == (60, 80)
    assert cfm.grid_of(19200) == (120, 160)
    assert cfm.grid_of(7) == (1, 7)


def test_networks_of_a_variant() -> None:
    lite = preset("lite")
    assert all(network.networks(lite, name) == [lite] for name in network.SAME)
    single, plain = network.networks(lite, "single"), network.networks(lite, "plain")
    assert [one.tasks for one in single] == [one.tasks for one in plain] == [(task,) for task in lite.tasks]
    assert {(one.refinement, one.query_gate, one.fusion) for one in single} == {
        ("trace_back", lite.query_gate, "none")
    }
    assert {(one.refinement, one.query_gate, one.task_decoder) for one in plain} == {("none", False, False)}
    assert {one.backbone for one in (*single, *plain)} == {lite.backbone}


@pytest.mark.slow
def test_network_rows_and_growth(tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    small = {**SMALL, "tasks": ["semseg", "depth"]}
    flags = ["--preset", "lite", "--changes", json.dumps(small), "--batch", "1", "--precision", "fp32"]
    network.main([*flags, "--size", "64x64", "--json", str(path), *QUICK])
    found = result(path)
    rows = {row["variant"]: row for row in found["rows"]}
    assert list(rows) == list(network.VARIANTS)
    ran = [name for name, row in rows.items() if "skipped" not in row]
    assert set(network.VARIANTS) - set(ran) <= {"onnx"}  # an optional extra
    for name in set(ran) & set(network.SAME):
        assert (rows[name]["parameters"] == rows["ours"]["parameters"]) == (name != "folded")
        assert rows[name]["macs"] == rows["ours"]["macs"]
        assert rows[name].get("difference", 0) < 1e-3
    assert rows["plain"]["macs"] < rows["single"]["macs"]
    assert {"difference" in rows[name] for name in ran} == {True, False}
    assert {ratio["ratio"] for ratio in found["ratios"]} == {f"ours / {other}" for other in ran[1:]}
    expected = sum(
        p.numel()
        for config in network.networks(preset("lite", **small), "plain")
        for p in MTCP(config).parameters()
    )
    assert rows["plain"]["parameters"] == expected
    network.main(
        [*flags, "--scaling", "--variant", "ours", "--size", "64x64,96x128", "--json", str(path), *QUICK]
    )
    (growth,) = result(path)["exponents"]
    assert growth["sizes"] == 2
    assert isinstance(growth["seconds grow as pixels to the"], float)


def test_a_variant_that_computes_something_else_shows_its_difference() -> None:
    key = {"preset": "lite", "size": "64x64", "batch": 1, "precision": "fp32"}
    rows = [
        {"variant": "ours", **key, "sample": {"depth_initial": [1.0, 4.0], "normals_initial": [0.5, -1.0]}},
        {"variant": "onnx", **key, "sample": {"depth_initial": [1.0, 4.0], "normals_initial": [0.5, -0.5]}},
        {"variant": "materialised", **key, "skipped": "too large"},
    ]
    network.tell_differences(rows)
    assert [row.get("difference") for row in rows] == [None, 0.5, None]
    assert not any("sample" in row for row in rows)


@pytest.mark.slow
def test_macs_of_fusion_and_trace_back_are_those_counted_by_hand() -> None:
    """What is computed is counted: the streamed affinity, and trace-back's maps convolved before they grow."""
    size, C, N = (64, 96), 8, 16 * 24
    config = preset("lite", **SMALL, kv_stride=1, heads="linear", tasks=("semseg", "depth"))
    macs = {
        name: count_macs(MTCP(config.replace(**changes)), size)
        for name, changes in {
            "all": {},
            "pooled": {"kv_stride": 2},
            "without": {"refinement": "none"},
        }.items()
    }
    assert macs["all"] - macs["pooled"] == 2 * 2 * N * (N - N // 4) * C  # theta phi^T and A s of each task

    def cbam(channels: int, pixels: int) -> int:  # mean and maximum through the MLP, reduction 16; a 7x7 gate
        return 2 * 2 * channels * max(1, channels // 16) + 2 * 49 * pixels

    fine, middle, coarse = N, N // 4, N // 16
    steps = cbam(C, fine) + cbam(4 * C, coarse) + coarse * 5 * C * (C + 4 * C)
    steps += cbam(4 * C, coarse) + cbam(2 * C, middle) + (coarse * 4 * C + middle * 2 * C) * (C + 2 * C)
    steps += cbam(2 * C, middle) + cbam(C, fine) + (middle * 2 * C + fine * C) * C
    heads = (40 + 1) * C * (fine + middle + coarse)
    assert macs["all"] - macs["without"] == 2 * steps + heads


@pytest.mark.slow
def test_a_photos_parts_make_up_the_whole(tmp_path: Path) -> None:
    torch.manual_seed(0)
    checkpoint, picture = tmp_path / "tiny.safetensors", tmp_path / "room.png"
    save_checkpoint(checkpoint, MTCP(tiny_config()))
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (72, 96, 3), np.uint8)).save(picture)
    path = tmp_path / "photo.json"
    flags = ["--checkpoint", str(checkpoint), "--photo", str(picture), "--size", "48x64", "--json", str(path)]
    photo.main([*flags, *QUICK])
    found = result(path)
    (full,) = found["rows"]
    assert (full["photo_size"], full["network_size"], full["checkpoint"]) == (
        "72x96",
        "48x64",
        checkpoint.name,
    )
    assert len(found["parts"]) == len(photo.PARTS) + 1
    photo.main([*flags, *QUICK, "--against", str(checkpoint)])
    _, other = json.loads(path.read_text())["rows"]
    assert (other["part"], other["against"]) == ("against", checkpoint.name)
    assert other["ratio"] > 0 and other["seconds_first"] > 0
    assert all(part["seconds"] > 0 for part in found["parts"])
    assert sum(part["share"] for part in found["parts"]) == pytest.approx(1, abs=0.01)


def test_a_part_is_not_booked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 3.0, 10.0])
    monkeypatch.setattr(photo.time, "perf_counter", lambda: next(now))
    clock = photo.Clock(torch.device("cpu"))
    inner = clock.timed("inner", lambda: None)
    clock.timed("outer", inner)()
    assert clock.seconds == {"inner": 2.0, "outer": 8.0}


@pytest.mark.slow
def test_training_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[str] = []

    def open_made(source: str, split: str, tasks: tuple[str, ...]) -> MadeSamples:
        counts.append(source)
        return MadeSamples(8)

    monkeypatch.setattr(setup, "open_data", open_made)
    tiny = json.dumps({**SMALL, "tasks": ["semseg", "depth"], "height": 32, "image_width": 32})
    path = tmp_path / "training.json"
    training.main(["--batch", "2", "--changes", tiny, "--json", str(path), *QUICK])
    found = result(path)
    assert counts == ["rooms:6"] * 3
    assert [row["variant"] for row in found["rows"]] == ["fp32", "bf16", "loading"]
    for row in found["rows"]:
        assert row["repeats"] == 2  # three steps, the first one is warm-up
        assert row["images_per_s"] == pytest.approx(2 / row["seconds"], rel=1e-2)
    assert [ratio["ratio"] for ratio in found["ratios"]] == [
        "bf16 / fp32",
        "loading / fp32",
        "loading / bf16",
    ]
    training.main(["--batch", "4", "--variant", "fp32", "--changes", tiny, "--json", str(path), *QUICK])
    assert "2 batches in the data, 3 needed" in result(path)["rows"][0]["skipped"]
