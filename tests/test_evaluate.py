"""Evaluation against a network whose predictions are known, and a real one on made data."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mtcp.config import ModelConfig
from mtcp.data import open_data
from mtcp.data.sample import evenly_spread
from mtcp.errors import InputError
from mtcp.evaluation.evaluate import evaluate, predict_sample
from mtcp.evaluation.metric_table import table
from mtcp.inference.sizes import network_size, parse_size, pick_device, to_network
from mtcp.model import MTCP, Decoded
from mtcp.tasks import task_set

TINY = ModelConfig(width=8, queries=2, query_layers=1, query_heads=2, kv_stride=2, height=64, image_width=96)
H, W = 90, 134


def frame(seed):
    rng = np.random.default_rng(seed)
    normals = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(3, H, W))).float(), dim=0)
    depth = torch.from_numpy(rng.uniform(1, 5, (H, W))).float()
    depth[:3] = 0
    normals[:, :5] = 0
    return {
        "image": torch.from_numpy(rng.integers(0, 255, (3, H, W), np.uint8)),
        "semseg": torch.from_numpy(rng.choice([0, 1, 2, 255], (H, W)).astype(np.uint8)),
        "depth": depth,
        "normals": normals,
    }


@pytest.fixture(scope="module")
def frames():
    return [frame(seed) for seed in range(3)]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return MTCP(TINY)


class Constant(nn.Module):
    """Says wall, 2 m and "facing the camera" everywhere; refined depth is 3 m. `finish` is the real one."""

    config = TINY
    tasks = TINY.task_list()
    finish, activate, _task = MTCP.finish, MTCP.activate, MTCP._task

    def __init__(self):
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(1))
        self.seen = []

    def inspect(self, x):
        self.seen.append(tuple(x.shape[-2:]))
        grid = (1, 1, -(-x.shape[-2] // 4), -(-x.shape[-1] // 4))
        semseg = torch.zeros(1, 40, *grid[2:])
        semseg[:, 0] = 1
        normals = torch.tensor([0.0, 0.0, -5.0]).view(1, 3, 1, 1).expand(1, 3, *grid[2:])
        maps = [
            {"semseg": semseg, "depth": torch.full(grid, math.log(metres)), "normals": normals}
            for metres in (2.0, 3.0)
        ]
        return Decoded(initial=maps[0], refined=maps[1])


@pytest.mark.parametrize("unknown", [math.nan, math.inf])
def test_truth_that_is_no_number_counts_as_zeros_do(frames, unknown):
    holes = []
    for value in (0.0, unknown):
        one = {name: values.clone() for name, values in frames[0].items()}
        one["depth"][40:50], one["normals"][:, 40:50] = value, value
        holes.append(evaluate(Constant(), [one], progress=False))
    assert holes[0] == holes[1]
    assert holes[0] != evaluate(Constant(), frames[:1], progress=False)


def test_predicted_depth_that_is_no_number_is_left_out_and_told(frames, caplog):
    model = Constant()
    wanted = evaluate(model, frames[:1], progress=False)
    assert not caplog.text
    inspect = model.inspect

    def broken(x):
        decoded = inspect(x)
        decoded.refined["depth"] = torch.full_like(decoded.refined["depth"], math.nan)
        return decoded

    model.inspect = broken
    numbers = evaluate(model, frames[:1], progress=False)
    assert numbers["initial"] == wanted["initial"]
    assert all(math.isnan(value) for value in numbers["refined"]["depth"].values())
    known = int((frames[0]["depth"] > 0).sum())
    assert f"refined depth: {known} pixels of the prediction are no numbers" in caplog.text


def test_numbers_of_a_known_network(frames):
    model = Constant()
    numbers = evaluate(model, frames, progress=False)
    depth = torch.stack([f["depth"] for f in frames])
    depth = depth[depth > 0]
    for stage, metres in (("initial", 2.0), ("refined", 3.0)):
        assert numbers[stage]["depth"]["rmse"] == pytest.approx(
            ((depth - metres) ** 2).mean().sqrt().item(), 1e-5
        )
    labels = torch.stack([f["semseg"] for f in frames])
    wall = (labels[labels != 255] == 0).double().mean().item()
    assert numbers["initial"]["semseg"]["pixel_acc"] == pytest.approx(100 * wall)
    assert numbers["initial"]["semseg"]["miou"] == pytest.approx(100 * wall / 3)
    normals = torch.stack([f["normals"] for f in frames])
    cosine = -normals[:, 2][normals.abs().sum(1) > 0]
    assert numbers["refined"]["normals"]["mean"] == pytest.approx(
        cosine.clamp(-1, 1).acos().rad2deg().mean().item(), abs=1e-2
    )
    assert set(model.seen) == {(64, 96)}


def test_real_network_matches_metrics_of_its_own_maps(model, frames):
    numbers = evaluate(model, frames, size=(48, 80), progress=False)
    model.eval()
    for stage in ("initial", "refined"):
        for task in model.tasks:
            metric = task.new_metric()
            for sample in frames:
                with torch.inference_mode():
                    maps = predict_sample(model, sample["image"], (48, 80))
                assert maps[stage][task.name].shape == (1, task.channels, H, W)
                metric.update(maps[stage][task.name], sample[task.name][None])
            assert metric.compute() == numbers[stage][task.name]


@given(st.integers(0, 60), st.none() | st.integers(1, 80))
def test_samples_are_spread_evenly(count: int, limit: int | None) -> None:
    places = evenly_spread(count, limit)
    assert len(places) == min(count, count if limit is None else limit)
    assert places == sorted(set(places)) and places[:1] == [0][:count]
    steps = {after - before for before, after in itertools.pairwise([*places, count])}
    assert not places or max(steps) - min(steps) <= 1
    with pytest.raises(InputError, match="limit 0: give at least 1 frame"):
        evenly_spread(count, 0)


def test_mode_is_kept_and_limit_is_spread(frames):
    model = Constant().train()
    evaluate(model, frames, limit=2, progress=False)
    assert model.training
    assert len(model.seen) == 2
    one = evaluate(model, [frames[0]], progress=False)
    assert evaluate(model, frames, limit=1, progress=False) == one


def test_without_trace_back_there_is_no_refined(frames):
    torch.manual_seed(0)
    plain = MTCP(TINY.replace(refinement="none"))
    numbers = evaluate(plain, frames[:1], progress=False)
    assert list(numbers) == ["initial"]
    text = table(numbers)
    assert "rmse [m]" in text
    assert text.splitlines()[2].endswith(" -")


def test_flip_of_a_mirrored_photo_is_the_mirrored_prediction(model):
    model.eval()
    image = torch.randint(0, 255, (3, 64, 96), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        straight = predict_sample(model, image, (64, 96), flip=True)["refined"]
        mirrored = predict_sample(model, image.flip(-1), (64, 96), flip=True)["refined"]
    sign = torch.tensor([-1.0, 1.0, 1.0]).view(3, 1, 1)
    assert torch.allclose(straight["normals"], mirrored["normals"].flip(-1) * sign, atol=1e-4)
    assert torch.allclose(straight["depth"], mirrored["depth"].flip(-1), rtol=1e-4)
    assert torch.allclose(straight["semseg"], mirrored["semseg"].flip(-1), atol=1e-3)
    assert torch.allclose(straight["normals"].norm(dim=1), torch.ones(1, 64, 96), atol=1e-5)


def test_bf16_is_close(model, frames):
    full = evaluate(model, frames[:1], progress=False)["initial"]["depth"]["rmse"]
    half = evaluate(model, frames[:1], bf16=True, progress=False)["initial"]["depth"]["rmse"]
    assert half == pytest.approx(full, rel=0.05)
    assert half != full


def test_refusals(model, frames):
    with pytest.raises(InputError, match="empty"):
        evaluate(model, [], progress=False)
    with pytest.raises(InputError, match="limit 0"):
        evaluate(model, frames, limit=0, progress=False)
    with pytest.raises(InputError, match="16x64"):
        evaluate(model, frames, size=(16, 64), progress=False)
    without = {k: v for k, v in frames[0].items() if k != "normals"}
    with pytest.raises(InputError, match="no normals"):
        evaluate(model, [without], progress=False)


def test_table_says_what_is_better():
    numbers = {
        "initial": {"depth": {"rmse": 0.7, "delta1": 80.0}, "normals": {"mean": 27.0}},
        "refined": {"depth": {"rmse": 0.65, "delta1": 79.0}, "normals": {"mean": 27.001}},
    }
    lines = table(numbers).splitlines()
    assert " ".join(lines[2].split()) == "depth rmse [m] lower is better 0.700 0.650 -0.050 better"
    assert " ".join(lines[3].split()) == "delta1 [%] higher is better 80.00 79.00 -1.00 worse"
    assert " ".join(lines[4].split()) == "normals mean [deg] lower is better 27.00 27.00 equal"


@pytest.mark.parametrize(
    ("photo", "expected"),
    [((480, 640), (240, 320)), ((640, 480), (320, 240)), ((97, 131), (240, 320)), ((3000, 4000), (240, 320))],
)
def test_network_size_keeps_shape_and_budget(photo, expected):
    h, w = network_size(photo, 240 * 320)
    assert h * w == pytest.approx(240 * 320, rel=0.03)
    assert h / w == pytest.approx(photo[0] / photo[1], rel=0.03)
    assert (h % 4, w % 4) == (0, 0)
    assert abs(h - expected[0]) <= 4


def test_network_size_of_a_panorama_is_bounded():
    h, w = network_size((100, 20000), 240 * 320)
    assert h == 32
    assert h * w <= 1.01 * 240 * 320
    assert network_size((20000, 100), 240 * 320) == (w, h)


def test_sizes_and_devices_are_checked():
    assert parse_size("480x640") == (480, 640)
    for wrong in ("480", "480x", "-1x5", "axb"):
        with pytest.raises(InputError, match="HEIGHTxWIDTH"):
            parse_size(wrong)
    with pytest.raises(InputError, match="at least 32"):
        parse_size("8x640")
    assert pick_device("cpu").type == "cpu"
    assert pick_device().type in ("cpu", "cuda")
    for wrong in ("gpu9", "meta", "cuda:99"):
        with pytest.raises(InputError, match="device"):
            pick_device(wrong)


def test_to_network_averages_rather_than_samples():
    stripes = torch.zeros(3, 64, 64, dtype=torch.uint8)
    stripes[:, ::2] = 255
    x = to_network(stripes, (32, 32))
    assert x.shape == (1, 3, 32, 32)
    assert (x - 0.5).abs()[..., 4:-4, :].max() < 0.05
    assert torch.equal(to_network(stripes, (64, 64))[0], stripes / 255)


def test_open_data_refuses(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        open_data(tmp_path / "none", "val", ("semseg",))
    with pytest.raises(InputError, match="gt_sets"):
        open_data(tmp_path, "val", ("semseg",))


def test_tasks_of_pascal_have_metrics():
    for task in task_set("pascal"):
        assert task.metric in task.new_metric().compute()


def test_table_of_numbers_it_does_not_know():
    numbers = {
        "initial": {"depth": {"rmse": None, "smell": 1.0}},
        "refined": {"depth": {"rmse": 0.5, "smell": 2.0}},
    }
    lines = [" ".join(line.split()) for line in table(numbers).splitlines()]
    assert lines[2:] == ["depth rmse [m] lower is better - 0.500 -", "smell 1.00 2.00 +1.00"]


def test_open_data_tells_the_layouts_apart(tmp_path):
    pytest.importorskip("open3d")
    rooms = open_data("rooms:3", "val", ("depth", "edge"))
    assert len(rooms) == 3
    assert not set(rooms.ids) & set(open_data("rooms:999", "train", ("depth",)).ids)
    with pytest.raises(InputError, match="choose train or val"):
        open_data("rooms", "test", ("depth",))
    for wrong in ("rooms:", "rooms:0", "rooms:x"):
        with pytest.raises(InputError, match="rooms:COUNT"):
            open_data(wrong, "val", ("depth",))
    for mark, list_file in (("gt_sets", "gt_sets/val.txt"), ("ImageSets", "ImageSets/Context/val.txt")):
        root = tmp_path / mark
        (root / list_file).parent.mkdir(parents=True)
        with pytest.raises(InputError) as caught:  # the reader of that layout asks for its list
            open_data(root, "val", ("semseg",))
        assert list_file in str(caught.value)
