"""Metrics of dense prediction over a whole data set: one class per kind of task, all with one interface.

`update(prediction, target)` takes final maps of a batch, `compute()` gives `{name: value}` in the units
that the command line prints (percent, metres, degrees), `reset()` starts again. `Task.new_metric`
makes one. Everything is pooled over pixels of the data set, never averaged over images; the one exception is
the mIoU of `RegionMetrics`. A metric without a single valid pixel is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torchmetrics import MeanAbsolutePercentageError, MeanMetric, MeanSquaredError, Metric
from torchmetrics.classification import BinaryPrecisionRecallCurve, MulticlassConfusionMatrix

from mtcp.errors import InputError
from mtcp.tasks import IGNORE, Task
from mtcp.tasks.depth import measured
from mtcp.tasks.relative_depth import log_difference

# Under DDP only rank 0 evaluates; torchmetrics would otherwise wait in compute() for ranks that never come.
_LOCAL: dict[str, Any] = {"sync_on_compute": False}


class TaskMetric(nn.Module):
    """What every metric here is: a module (so `.to(device)` works) with update, compute and reset."""

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Adds a batch. Shapes and units: see the class."""
        raise NotImplementedError

    def compute(self) -> dict[str, float]:
        """The numbers over everything since the last reset."""
        raise NotImplementedError

    def missing_pixels(self) -> int:
        """Pixels of the prediction that are no numbers, so that no number here counts them."""
        return 0

    def reset(self) -> None:
        """Forgets everything."""
        for module in self.children():
            module.reset()  # type: ignore[operator]


class ClassMetrics(TaskMetric):
    """`miou`, `pixel_acc` and `mean_acc` in percent, from one confusion matrix over the data set; label 255 is ignored.

    mIoU and mean accuracy (Long et al., FCN, CVPR 2015: the mean over classes of the share of their pixels that is
    right) are over the classes that occur in the ground truth: a class that is only ever predicted counts through
    the false positives of the others' unions, not as an IoU of its own. Where every class occurs (NYUD-v2 test)
    this equals the usual mean over all classes.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.matrix = MulticlassConfusionMatrix(classes, ignore_index=IGNORE, validate_args=False, **_LOCAL)

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """prediction: logits (B, C, H, W) or labels (B, H, W); target: labels (B, H, W), 255 ignored.

        Raises:
            InputError: a label that is neither a class nor 255.
        """
        target = target.long()
        wrong = (target != IGNORE) & ((target < 0) | (target >= self.classes))
        if wrong.any():
            raise InputError(
                f"label {int(target[wrong][0])}: expected 0 to {self.classes - 1}, or {IGNORE} to ignore"
            )
        labels = prediction.max(1).indices if prediction.is_floating_point() else prediction.long()
        self.matrix.update(labels, target)

    def compute(self) -> dict[str, float]:
        iou = self.iou()
        confusion = self.confusion
        return {
            "miou": 100 * float(iou[~iou.isnan()].mean()),
            "pixel_acc": 100 * float(confusion.diagonal().sum() / confusion.sum()),
            "mean_acc": 100 * float((confusion.diagonal() / confusion.sum(1)).nanmean()),
        }

    @property
    def confusion(self) -> Tensor:
        """(C, C) pixel counts, float64, rows the truth, columns the prediction."""
        return self.matrix.confmat.double()

    def iou(self) -> Tensor:
        """(C,) intersection over union in 0..1 per class; NaN for a class absent from the truth."""
        confusion = self.confusion
        hit, truth, said = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
        return torch.where(truth > 0, hit / (truth + said - hit), torch.nan)


class DepthMetrics(TaskMetric):
    """`rmse` in metres, `rmse_log` (of natural logarithms), `abs_rel` (a ratio), and `delta1`, `delta2`, `delta3`: the
    share with max(p/t, t/p) < 1.25, 1.25^2, 1.25^3, in percent (Eigen et al., NIPS 2014).

    Pooled over all pixels with valid depth (> 0, finite) of the data set. Leaving out far depth
    (`mtcp.evaluation.protocol`), or taking the mean of each image's RMSE as some do, gives lower numbers than
    these. A predicted depth of 0 or less is within no delta, and 1e-9 m to the logarithm, as in Vandenhende et al.'s
    code.

    A predicted depth that is not finite is missing, as in coherence and the error maps: no number counts it, and
    `missing` (pixels, int64) tells of it. `mtcp.evaluation.evaluate` warns, because leaving out what is hard flatters.
    """

    LIMITS = (("delta1", 1.25), ("delta2", 1.25**2), ("delta3", 1.25**3))

    missing: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("missing", torch.zeros((), dtype=torch.long))
        self.rmse = _double(MeanSquaredError(squared=False, **_LOCAL))
        self.rmse_log = _double(MeanSquaredError(squared=False, **_LOCAL))
        self.abs_rel = _double(MeanAbsolutePercentageError(**_LOCAL))
        self.within = nn.ModuleDict(
            {name: _double(MeanMetric(nan_strategy="disable", **_LOCAL)) for name, _ in self.LIMITS}
        )

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """prediction and target: metres, (B, 1, H, W) or (B, H, W); target 0 (or not finite) is invalid."""
        prediction, target = prediction.reshape(target.shape), target.double()
        valid = target.isfinite() & (target > 0)
        self.missing += (valid & ~prediction.isfinite()).sum()
        valid &= prediction.isfinite()
        if not valid.any():
            return
        p, t = prediction[valid].double(), target[valid]
        self.rmse.update(p, t)
        self.rmse_log.update(p.clamp(min=1e-9).log(), t.log())
        self.abs_rel.update(p, t)
        ratio = torch.maximum(p / t, t / p).masked_fill_(p <= 0, torch.inf)
        for name, limit in self.LIMITS:
            cast(Metric, self.within[name]).update((ratio < limit).double())

    def compute(self) -> dict[str, float]:
        if not self.rmse.update_count:
            return dict.fromkeys(("rmse", "rmse_log", "abs_rel", *self.within), math.nan)
        return {
            "rmse": float(self.rmse.compute()),
            "rmse_log": float(self.rmse_log.compute()),
            "abs_rel": float(self.abs_rel.compute()),
            **{name: 100 * float(cast(Metric, share).compute()) for name, share in self.within.items()},
        }

    def missing_pixels(self) -> int:
        return int(self.missing)

    def reset(self) -> None:
        for metric in (self.rmse, self.rmse_log, self.abs_rel, *self.within.values()):
            metric.reset()
        self.missing.zero_()


class ScaleInvariantMetrics(TaskMetric):
    """`si_log`: mean absolute difference of log depth (0.1 is about 10 percent), pooled over all valid pixels of the
    data set, after each photo's median difference, its factor, is taken out.

    Which pixels are valid, and which predictions missing: see `DepthMetrics`. A depth of 0 or less is missing too.
    """

    total: Tensor
    count: Tensor
    missing: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros((), dtype=torch.double))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))
        self.register_buffer("missing", torch.zeros((), dtype=torch.long))

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """prediction and target: (B, 1, H, W) or (B, H, W) in any unit; target 0 (or not finite) is invalid."""
        prediction = prediction.reshape(target.shape).double()
        known = measured(target)
        valid = known & measured(prediction)
        self.missing += (known & ~valid).sum()
        self.count += valid.sum()
        self.total += log_difference(prediction, target.double(), valid).abs().sum()

    def compute(self) -> dict[str, float]:
        return {"si_log": float(self.total / self.count)}  # 0 / 0 is NaN

    def missing_pixels(self) -> int:
        return int(self.missing)

    def reset(self) -> None:
        for state in (self.total, self.count, self.missing):
            state.zero_()


class NormalsMetrics(TaskMetric):
    """`mean`, `median` and `angular_rmse` (root of the mean squared angle) in degrees; `within_11`, `_22`, `_30`:
    percent under 11.25, 22.5 and 30 degrees.

    Over the pixels whose true normal is finite and not the zero vector; a prediction without a direction (zero, NaN)
    counts as 180 degrees off. The median comes from a histogram with bins of 0.01 degrees (interpolated
    inside the bin), so it is right to 0.01 degrees; everything else is exact.
    """

    LIMITS = (("within_11", 11.25), ("within_22", 22.5), ("within_30", 30.0))
    BIN = 0.01

    histogram: Tensor
    total: Tensor
    squares: Tensor
    under: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("histogram", torch.zeros(round(180 / self.BIN), dtype=torch.long))
        self.register_buffer("total", torch.zeros((), dtype=torch.double))
        self.register_buffer("squares", torch.zeros((), dtype=torch.double))
        self.register_buffer("under", torch.zeros(len(self.LIMITS), dtype=torch.long))

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """prediction and target: (B, 3, H, W) vectors in camera axes, any length; a target of zeros, or not finite, is
        invalid.
        """
        length = target.abs().sum(1)
        valid = (length > 0) & (length < torch.inf)
        angle = angles(prediction, target)[valid].double().nan_to_num(180.0)
        bins = (angle / self.BIN).long().clamp_(0, len(self.histogram) - 1)
        self.histogram += torch.bincount(bins, minlength=len(self.histogram))
        self.total += angle.sum()
        self.squares += angle.square().sum()
        self.under += torch.stack([(angle < limit).sum() for _, limit in self.LIMITS])

    def compute(self) -> dict[str, float]:
        count = int(self.histogram.sum())
        if not count:
            return dict.fromkeys(
                ("mean", "median", "angular_rmse", *(name for name, _ in self.LIMITS)), math.nan
            )
        shares = (100 * self.under.double() / count).tolist()
        names = (name for name, _ in self.LIMITS)
        return {
            "mean": float(self.total) / count,
            "median": self._median(count),
            "angular_rmse": math.sqrt(float(self.squares) / count),
            **dict(zip(names, shares, strict=True)),
        }

    def reset(self) -> None:
        for state in (self.histogram, self.total, self.squares, self.under):
            state.zero_()

    def _median(self, count: int) -> float:
        below = self.histogram.cumsum(0)
        i = int((below < count / 2).sum())
        before = int(below[i - 1]) if i else 0
        return (i + (count / 2 - before) / int(self.histogram[i])) * self.BIN


class BinaryMetrics(TaskMetric):
    """`maxf` in percent: the F-measure at the best threshold of 0.05, 0.10, ... 0.95, one for the data set.

    Saliency uses beta^2 = 0.3, as the multi-task literature does (MTI-Net, ATRC, InvPT). Edges use beta = 1
    and match pixel by pixel, without the tolerance of the odsF benchmark: the number is lower than an odsF
    and not comparable with one.
    """

    def __init__(self, beta_squared: float = 1.0) -> None:
        super().__init__()
        self.beta_squared = beta_squared
        thresholds = [round(0.05 * i, 2) for i in range(1, 20)]
        self.curve = BinaryPrecisionRecallCurve(
            thresholds, ignore_index=IGNORE, validate_args=False, **_LOCAL
        )

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """prediction: logits (B, 1, H, W) or (B, H, W); target: 0, 1, or 255 to ignore, (B, H, W)."""
        self.curve.update(prediction.reshape(target.shape).float().sigmoid(), target.long())

    def compute(self) -> dict[str, float]:
        counts = self.curve.confmat.double()  # (thresholds, truth, said)
        if not counts[0].sum():
            return {"maxf": math.nan}
        hit, said, truth = counts[:, 1, 1], counts[:, :, 1].sum(1), counts[:, 1].sum(1)
        # (1 + b) P R / (b P + R) with P = hit / said, R = hit / truth; 0 where nothing is hit
        f = (1 + self.beta_squared) * hit / (self.beta_squared * truth + said).clamp(min=1)
        return {"maxf": 100 * float(f.max())}


class RegionMetrics(BinaryMetrics):
    """Of a region such as what is salient: `maxf` as in `BinaryMetrics`, and `miou` in percent.

    mIoU is as the code of Maninis et al. (ASTMT, CVPR 2019) and Vandenhende et al., on which MT-CP's builds, has it:
    the IoU of the region alone (not of the background), averaged over images, at the one best of the thresholds 0.20,
    0.25, ... 0.90 for the data set. An image where neither side has a pixel counts 1; one without a known pixel does
    not count. torchmetrics has no such average.
    """

    thresholds: Tensor
    overlap: Tensor
    images: Tensor

    def __init__(self, beta_squared: float = 1.0) -> None:
        super().__init__(beta_squared)
        self.register_buffer("thresholds", torch.arange(4, 19) / 20, persistent=False)
        self.register_buffer("overlap", torch.zeros(15, dtype=torch.double))  # of IoU over images, at each
        self.register_buffer("images", torch.zeros((), dtype=torch.long))

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """As `BinaryMetrics.update`; every entry of the batch is an image."""
        super().update(prediction, target)
        for probability, true in zip(prediction.reshape(target.shape).float().sigmoid(), target, strict=True):
            known = true != IGNORE
            if known.any():
                said = probability[known] > self.thresholds[:, None]  # (15, N)
                region = true[known] == 1
                hit, union = (said & region).sum(1), (said | region).sum(1)
                self.overlap += torch.where(union > 0, hit.double() / union, 1)
                self.images += 1

    def compute(self) -> dict[str, float]:
        return {**super().compute(), "miou": 100 * float((self.overlap / self.images).max())}

    def reset(self) -> None:
        super().reset()
        self.overlap.zero_()
        self.images.zero_()


def angles(a: Tensor, b: Tensor) -> Tensor:
    """Angle in degrees between vectors (B, 3, ...) -> (B, ...); NaN where one has no direction."""
    a, b = a.float(), b.float()
    # sums of squares: torch's norm takes ten times as long over a first dimension of three
    sine, cosine = torch.linalg.cross(a, b, dim=1).square().sum(1).sqrt(), (a * b).sum(1)
    # atan2, not acos: acos in float32 is wrong by up to 0.02 degrees near 0
    return torch.rad2deg(torch.atan2(sine, cosine)).masked_fill((sine == 0) & (cosine == 0), torch.nan)


def delta_m(
    metrics: Mapping[str, Mapping[str, float]],
    single_task: Mapping[str, Mapping[str, float]],
    tasks: Iterable[Task],
) -> float:
    """Delta_m in percent (Maninis et al., CVPR 2019): mean relative gain over single-task networks.

    Delta_m = 100/T * sum over t of s_t (M_t - S_t) / S_t, with each task's `Task.metric` and s_t = -1 where
    lower is better.

    Raises:
        InputError: a number is missing, or a single-task number is zero.
    """
    gains = []
    for task in tasks:
        for name, numbers in (("multi-task", metrics), ("single-task", single_task)):
            if task.metric not in numbers.get(task.name, {}):
                raise InputError(f"delta_m needs {task.name}/{task.metric}, which the {name} numbers lack")
        got, reference = metrics[task.name][task.metric], single_task[task.name][task.metric]
        if not reference:
            raise InputError(f"delta_m: the single-task {task.name}/{task.metric} is 0, so no ratio exists")
        gains.append((1 if task.higher_is_better else -1) * (got - reference) / reference)
    if not gains:
        raise InputError("delta_m needs at least one task")
    return 100 * sum(gains) / len(gains)


def _double(metric: Any) -> Any:
    """float64 sums: 2e8 pixels of the NYUD-v2 test split would lose digits in float32."""
    return metric.set_dtype(torch.float64)
