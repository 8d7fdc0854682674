"""Metrics against numbers worked out by hand."""

import math

import pytest
import torch

from mtcp.errors import InputError
from mtcp.evaluation.metrics import (
    BinaryMetrics,
    ClassMetrics,
    DepthMetrics,
    NormalsMetrics,
    RegionMetrics,
    angles,
    delta_m,
)
from mtcp.tasks import TASK_SETS, task_set


def test_classes_by_hand():
    metric = ClassMetrics(4)
    truth = torch.tensor([[[0, 0, 1, 1], [1, 255, 255, 0]]], dtype=torch.uint8)
    said = torch.tensor([[[0, 1, 1, 1], [2, 0, 3, 0]]])
    metric.update(said, truth)
    # class 0: 2 hit, 3 true, 2 said -> 2/3; class 1: 2 hit, 3 true, 3 said -> 2/4; classes 2 and 3 never
    # occur
    numbers = metric.compute()
    assert numbers["miou"] == pytest.approx(100 * (2 / 3 + 1 / 2) / 2)
    assert numbers["pixel_acc"] == pytest.approx(100 * 4 / 6)
    assert numbers["mean_acc"] == pytest.approx(100 * (2 / 3 + 2 / 3) / 2)  # over the classes that occur
    iou = metric.iou().tolist()
    assert iou[:2] == pytest.approx([2 / 3, 1 / 2])
    assert all(math.isnan(x) for x in iou[2:])


def test_miou_is_of_the_data_set_not_of_the_images():
    metric = ClassMetrics(2)
    metric.update(torch.tensor([[[0, 0, 0, 0]]]), torch.tensor([[[0, 0, 0, 1]]]))
    metric.update(torch.tensor([[[1, 1]]]), torch.tensor([[[1, 1]]]))
    assert metric.compute()["miou"] == pytest.approx(100 * (3 / 4 + 2 / 3) / 2)


def test_logits_and_labels_agree():
    logits = torch.randn(2, 5, 7, 9, generator=torch.Generator().manual_seed(0))
    truth = torch.randint(0, 5, (2, 7, 9), generator=torch.Generator().manual_seed(1))
    a, b = ClassMetrics(5), ClassMetrics(5)
    a.update(logits, truth)
    b.update(logits.argmax(1), truth)
    assert a.compute() == b.compute()
    assert 0 < a.compute()["miou"] < 100


def test_label_out_of_range_is_named():
    with pytest.raises(InputError, match="label 40: expected 0 to 39"):
        ClassMetrics(40).update(torch.zeros(1, 1, 2, dtype=torch.long), torch.tensor([[[3, 40]]]))


def test_depth_by_hand_pools_pixels():
    metric = DepthMetrics()
    metric.update(torch.tensor([[[[1.0, 3.0, 9.0]]]]), torch.tensor([[[2.0, 2.0, 0.0]]]))
    metric.update(torch.tensor([[[[8.0, 7.0]]]]), torch.tensor([[[8.0, float("nan")]]]))
    # valid: (1, 2), (3, 2), (8, 8); 8 m is beyond the published code's 6.55 m and counts
    numbers = metric.compute()
    assert numbers["rmse"] == pytest.approx(math.sqrt((1 + 1 + 0) / 3))
    assert numbers["abs_rel"] == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert numbers["delta1"] == pytest.approx(100 / 3)


def test_a_predicted_depth_that_is_no_number_is_missing_in_every_number():
    metric = DepthMetrics()
    for bad in (math.nan, math.inf):
        metric.update(torch.tensor([[[2.0, bad, bad]]]), torch.tensor([[[1.0, 4.0, 0.0]]]))
    log_2 = pytest.approx(math.log(2))
    assert metric.compute() == {
        "rmse": 1.0, "rmse_log": log_2, "abs_rel": 1.0, "delta1": 0.0, "delta2": 0.0, "delta3": 0.0,
    }  # fmt: skip
    assert int(metric.missing) == 2  # where the truth is known
    metric.reset()
    assert int(metric.missing) == 0


def test_delta1_is_a_ratio_both_ways():
    metric = DepthMetrics()
    metric.update(torch.tensor([[1.24, 1.26, 1 / 1.24, 1 / 1.26, -1.0]]), torch.ones(1, 5))
    assert metric.compute()["delta1"] == pytest.approx(40.0)


def test_wider_deltas_and_the_natural_log_by_hand():
    metric = DepthMetrics()
    said = torch.tensor([[1.2, 1.5, 1.6, 1 / 1.9, 2.0]])  # 1.25^2 = 1.5625, 1.25^3 = 1.953125
    metric.update(said, torch.ones(1, 5))
    numbers = metric.compute()
    assert [numbers[f"delta{i}"] for i in (1, 2, 3)] == pytest.approx([20, 40, 80])
    logs = [math.log(value) ** 2 for value in (1.2, 1.5, 1.6, 1.9, 2.0)]
    assert numbers["rmse_log"] == pytest.approx(math.sqrt(sum(logs) / 5), rel=1e-6)


def test_depth_that_is_not_positive_is_far_off_but_a_number():
    metric = DepthMetrics()
    metric.update(torch.tensor([[0.0, -1.0]]), torch.ones(1, 2))
    numbers = metric.compute()
    assert numbers["rmse_log"] == pytest.approx(math.log(1e9))
    assert [numbers[f"delta{i}"] for i in (1, 2, 3)] == [0, 0, 0]


def directions(degrees):
    """(1, 3, 1, N): vectors `degrees` away from z, all in the x-z plane."""
    a = torch.tensor(degrees).deg2rad()
    return torch.stack((a.sin(), torch.zeros_like(a), a.cos()))[None, :, None]


def test_normals_by_hand():
    metric = NormalsMetrics()
    truth = directions([0.0] * 6)
    truth[..., 5] = 0  # invalid
    metric.update(directions([5.0, 12.0, 25.0, 29.0, 90.0, 180.0]), truth)
    numbers = metric.compute()
    assert numbers["mean"] == pytest.approx((5 + 12 + 25 + 29 + 90) / 5, abs=1e-4)
    assert numbers["median"] == pytest.approx(25.0, abs=0.011)
    squares = 5**2 + 12**2 + 25**2 + 29**2 + 90**2
    assert numbers["angular_rmse"] == pytest.approx(math.sqrt(squares / 5), abs=1e-4)
    assert [numbers[k] for k in ("within_11", "within_22", "within_30")] == pytest.approx([20, 40, 80])


def test_true_normals_that_are_no_numbers_are_invalid():
    truth = directions([0.0] * 4)
    truth[0, 0, 0, 1:] = torch.tensor([math.nan, math.inf, -math.inf])
    metric = NormalsMetrics()
    metric.update(directions([5.0] * 4), truth)
    assert int(metric.histogram.sum()) == 1
    assert metric.compute()["mean"] == pytest.approx(5.0, abs=1e-4)


def test_normals_median_matches_the_exact_one():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(3, 3, 20, 20, generator=generator) for _ in range(2))
    metric = NormalsMetrics()
    for i in range(3):
        metric.update(a[i : i + 1], b[i : i + 1])
    assert metric.compute()["median"] == pytest.approx(angles(a, b).double().quantile(0.5).item(), abs=0.02)


def test_a_prediction_without_direction_is_not_rewarded():
    metric = NormalsMetrics()
    metric.update(torch.zeros(1, 3, 1, 1), directions([0.0]))
    metric.update(torch.full((1, 3, 1, 1), torch.nan), directions([0.0]))
    numbers = metric.compute()
    assert [numbers["mean"], numbers["median"]] == pytest.approx([180, 180], abs=0.011)


def test_small_angles_are_exact():
    assert angles(directions([0.01]), directions([0.0])).item() == pytest.approx(0.01, rel=1e-3)


def test_maxf_by_hand():
    metric = BinaryMetrics(0.3)
    probability = torch.tensor([0.92, 0.62, 0.32, 0.62, 0.02])
    truth = torch.tensor([1, 1, 1, 0, 255], dtype=torch.uint8)
    metric.update(probability.logit()[None, None, None], truth[None, None])
    # best threshold is under 0.32: P = 3/4, R = 1
    precision, recall = 3 / 4, 1.0
    assert metric.compute()["maxf"] == pytest.approx(
        100 * 1.3 * precision * recall / (0.3 * precision + recall)
    )


def test_maxf_takes_one_threshold_for_the_data_set():
    metric = BinaryMetrics(1.0)
    for positive, negative in ((0.9, 0.6), (0.4, 0.1)):  # each image alone is separable
        metric.update(torch.tensor([[[[positive, negative]]]]).logit(), torch.tensor([[[1, 0]]]))
    assert metric.compute()["maxf"] == pytest.approx(100 * 4 / 5)  # P = 2/3, R = 1


def region(metric, probabilities, truth):
    logits = torch.tensor(probabilities).logit()[None, None, None]
    metric.update(logits, torch.tensor(truth, dtype=torch.uint8)[None, None])


def test_the_miou_of_a_region_is_the_mean_over_images_at_one_threshold():
    metric = RegionMetrics(0.3)
    region(metric, [0.92, 0.62, 0.32, 0.12, 0.97], [1, 1, 0, 0, 255])
    region(metric, [0.53, 0.33], [0, 1])
    # first image: 2/2 from 0.35 to 0.60; second: 1/2 below 0.33, else 0. Together best at 0.20 to 0.30: 2/3 and 1/2,
    # not each at its own
    assert metric.compute()["miou"] == pytest.approx(100 * (2 / 3 + 1 / 2) / 2)


def test_a_region_that_nobody_sees_is_right_and_an_unknown_image_does_not_count():
    metric = RegionMetrics(0.3)
    region(metric, [0.1, 0.15], [0, 0])
    region(metric, [0.1, 0.9], [255, 255])
    assert metric.compute()["miou"] == pytest.approx(100)
    region(metric, [0.1, 0.15], [1, 0])
    assert metric.compute()["miou"] == pytest.approx(50)


def test_only_regions_have_an_miou_of_their_own():
    edge, saliency = task_set("pascal", ("edge", "saliency"))
    assert "miou" not in edge.new_metric().compute()
    assert set(saliency.new_metric().compute()) == set(saliency.metrics) == {"maxf", "miou"}


@pytest.mark.parametrize("data", sorted(TASK_SETS))
def test_every_task_has_its_metric_and_reset_forgets(data):
    for task in task_set(data):
        metric = task.new_metric()
        assert all(math.isnan(x) for x in metric.compute().values()), task.name
        assert tuple(metric.compute()) == task.metrics
        if task.kind == "normals":
            target = torch.nn.functional.normalize(torch.ones(1, 3, 4, 4), dim=1)
        else:
            target = torch.ones(1, 4, 4, dtype=torch.float32 if task.kind == "depth" else torch.uint8)
        metric.update(torch.ones(1, task.channels, 4, 4), target)
        assert all(math.isfinite(x) for x in metric.compute().values()), task.name
        metric.reset()
        assert all(math.isnan(x) for x in metric.compute().values()), task.name


def test_delta_m_knows_directions():
    tasks = task_set("nyud", ("semseg", "depth"))
    single = {"semseg": {"miou": 40.0}, "depth": {"rmse": 0.5}}
    multi = {"semseg": {"miou": 42.0}, "depth": {"rmse": 0.55}}
    assert delta_m(multi, single, tasks) == pytest.approx((5.0 - 10.0) / 2)
    assert delta_m(single, single, tasks) == 0


@pytest.mark.parametrize(
    ("single", "message"),
    [
        ({"semseg": {"miou": 0.0}, "depth": {"rmse": 1.0}}, "is 0"),
        ({"semseg": {"miou": 1.0}}, "single-task numbers lack"),
    ],
)
def test_delta_m_refuses(single, message):
    multi = {"semseg": {"miou": 42.0}, "depth": {"rmse": 0.55}}
    with pytest.raises(InputError, match=message):
        delta_m(multi, single, task_set("nyud", ("semseg", "depth")))
