"""What decides a network's shape and arithmetic."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mtcp.config.base import Config, shown
from mtcp.errors import InputError
from mtcp.model.decoder import DECODERS
from mtcp.model.encoder import ENCODERS
from mtcp.model.encoder.options import check_encoder
from mtcp.model.fusion import FUSIONS
from mtcp.model.refinement import ONE_TASK, READS_STAGES, REFINEMENTS
from mtcp.objective.options import described
from mtcp.tasks import Task, task_set

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
class ModelConfig(Config):
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
                raise InputError(f"{name}={shown(getattr(self, name))}: choose one of {', '.join(allowed)}")
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
        """As `Config.current`: `SWITCHED`, and `cfm_residual` as yes or no.

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
