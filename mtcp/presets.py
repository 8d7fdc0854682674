"""Networks by name: the project's own sizes, and the designs of the field."""

from __future__ import annotations

from typing import Any

from mtcp.config import ModelConfig
from mtcp.errors import InputError

PLAIN: dict[str, Any] = {
    "query_gate": False,
    "task_decoder": False,
    "fusion": "none",
    "refinement": "none",
}
"""What is left out of the plain multi-task network."""
_PLAIN = ModelConfig(**PLAIN, heads="conv")
_PAPER = ModelConfig(
    width=256,
    queries=100,
    query_layers=9,
    query_heads=8,
    height=480,
    image_width=640,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
)

DESIGNS: dict[str, ModelConfig] = {
    "plain": _PLAIN,
    "cross-stitch": _PLAIN.replace(shared="cross_stitch"),
    "nddr-cnn": _PLAIN.replace(shared="nddr"),
    "mtan": _PLAIN.replace(shared="mtan"),
    "fafs": _PLAIN.replace(
        shared="branched",
        branching="semseg,depth,normals;semseg,depth,normals;semseg,depth,normals;semseg|depth|normals",
    ),
    "pad-net": _PLAIN.replace(task_decoder=True, decoder="conv", refinement="distillation"),
    "mti-net": _PLAIN.replace(task_decoder=True, decoder="pyramid", refinement="multi_scale"),
    "jtrl": _PLAIN.replace(task_decoder=True, decoder="pyramid", refinement="task_recursive"),
    "sequential": _PLAIN.replace(task_decoder=True, decoder="pyramid", refinement="sequential", kv_stride=2),
    "kem": _PLAIN.replace(task_decoder=True, decoder="conv", fusion="kem"),
    "stable-kem": _PLAIN.replace(task_decoder=True, decoder="conv", fusion="kem", stable_kem=True),
    "ccam": _PLAIN.replace(task_decoder=True, decoder="conv", fusion="ccam"),
}
"""Other designs of multi-task networks, with lite's backbone, width, size and heads (docs/systems.md)."""
PRESETS: dict[str, ModelConfig] = {
    "lite": ModelConfig(
        kv_stride=2,
        query_gate=False,
        mask_gate="sigmoid",  # for those who switch the gate on
        cfm_residual="input",
        cfm_scale=True,
        srm_shrink="antialiased",
        heads="conv",
    ),
    "published": ModelConfig(heads="conv"),  # at lite's size; all other departures are off by default
    "single": _PLAIN.replace(tasks=("semseg",)),
    **DESIGNS,
    "paper": _PAPER.replace(shared="mask2former", backbone="facebook/mask2former-swin-small-ade-semantic"),
    "paper-timm": _PAPER.replace(backbone="swin_small_patch4_window7_224"),
}


def preset(name: str, **changes: Any) -> ModelConfig:
    """The named preset with `changes` applied. Raises InputError for an unknown preset or field."""
    if name not in PRESETS:
        raise InputError(f"unknown preset {name!r}: choose one of {', '.join(PRESETS)}")
    return PRESETS[name].replace(**changes)
