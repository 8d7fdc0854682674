"""Configurations as frozen dataclasses: they travel in the checkpoint card, the run folder and the command line."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from mtcp.errors import InputError
from mtcp.tasks import Task, task_set

Self = TypeVar("Self", bound="_Config")


@dataclass(frozen=True)
class _Config:
    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types (tuples become lists)."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_dict(cls: type[Self], values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`. Missing keys take their defaults.

        Raises:
            InputError: an unknown key, or a value that the configuration refuses.
        """
        fields = {field.name: field for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - set(fields))
        if unknown:
            raise InputError(f"unknown {cls.__name__} field(s) {', '.join(unknown)}; known: {', '.join(fields)}")
        tupled = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        return cls(**tupled)

    def replace(self: Self, **changes: Any) -> Self:
        """A copy with `changes`; unknown names raise InputError."""
        return type(self).from_dict({**self.to_dict(), **changes})


@dataclass(frozen=True)
class ModelConfig(_Config):
    """Everything that decides the network's shape and arithmetic (DESIGN section 2, MT-CP sections 3.1 to 3.3).

    The published form is the default of every switch under "departures".
    """

    data: str = "nyud"
    tasks: tuple[str, ...] = ("semseg", "depth", "normals")
    shared: str = "timm"  # "timm": backbone + FPN + query decoder; "mask2former": transformers' Mask2Former
    backbone: str = "tf_efficientnet_lite0"  # timm name, or hub id / local folder of a Mask2Former
    width: int = 64  # C
    queries: int = 32  # Q
    query_layers: int = 3  # L
    query_heads: int = 4
    height: int = 240  # the size the network was made for; any other works
    image_width: int = 320
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    # departures from the published form
    mask_gate: str = "sum"  # "sum" (published), "sigmoid" (bounded)
    cfm_residual: bool = False
    cfm_scale: bool = False  # divide the affinity's logits by sqrt(C)
    kv_stride: int = 1  # keys and values of the CFM average-pooled by this
    # ablation switches
    query_gate: bool = True
    cfm: bool = True
    trace_back: bool = True
    task_decoder: bool = True  # False: heads straight on the shared representation (plain multi-task net)

    def __post_init__(self) -> None:
        self.task_list()
        if self.shared not in ("timm", "mask2former"):
            raise InputError(f"shared={self.shared!r}: choose timm or mask2former")
        if self.mask_gate not in ("sum", "sigmoid"):
            raise InputError(f"mask_gate={self.mask_gate!r}: choose sum or sigmoid")
        for name in ("width", "queries", "query_layers", "query_heads", "kv_stride", "height", "image_width"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)}: must be at least 1")
        if self.width % 2 or self.width % self.query_heads:
            raise InputError(f"width={self.width}: must be even and a multiple of query_heads={self.query_heads}")
        if self.cfm and len(self.tasks) < 2:
            raise InputError(f"tasks={','.join(self.tasks)}: coherence fusion needs two tasks; pass cfm=False for one")
        if self.trace_back and not self.task_decoder:
            raise InputError("trace_back=True needs task_decoder=True: it retraces the decoder's stages")
        if self.cfm and not self.task_decoder:
            raise InputError("cfm=True needs task_decoder=True: it fuses the decoders' features")

    def task_list(self) -> tuple[Task, ...]:
        """The tasks, resolved. Raises InputError for an unknown one."""
        return task_set(self.data, self.tasks)


PRESETS: dict[str, ModelConfig] = {
    "lite": ModelConfig(kv_stride=2),
    "paper": ModelConfig(
        shared="mask2former",
        backbone="facebook/mask2former-swin-small-ade-semantic",
        width=256,
        queries=100,
        query_layers=9,
        query_heads=8,
        height=480,
        image_width=640,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    ),
    "paper-timm": ModelConfig(
        backbone="swin_small_patch4_window7_224",
        width=256,
        queries=100,
        query_layers=9,
        query_heads=8,
        height=480,
        image_width=640,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    ),
}


def preset(name: str, **changes: Any) -> ModelConfig:
    """The named preset with `changes` applied. Raises InputError for an unknown preset or field."""
    if name not in PRESETS:
        raise InputError(f"unknown preset {name!r}: choose one of {', '.join(PRESETS)}")
    return PRESETS[name].replace(**changes)
