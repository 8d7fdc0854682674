"""Options that others switch off: given with those, they would change nothing without a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mtcp.model.encoder.options import OWN
from mtcp.objective.options import OPTIONS, option_names

READ_WITH: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    **{name: {"shared": (owner,)} for name, (_, owner) in OWN.items()},
    "mask_gate": {"query_gate": (True,)},
    "queries": {"query_gate": (True,)},
    "query_layers": {"query_gate": (True,)},
    "decoder": {"task_decoder": (True,)},
    "cfm_residual": {"fusion": ("cfm",)},
    "cfm_scale": {"fusion": ("cfm",)},
    "kv_stride": {"fusion": ("cfm",), "refinement": ("sequential",)},
    "slots": {"fusion": ("kem",)},
    "stable_kem": {"fusion": ("kem",)},
    "srm_shrink": {"refinement": ("trace_back",)},
    "also_weight": {"also": ()},
    "teacher_confidence": {"teacher_weight": ()},
    "slope_scales": {"slope": (), "agreement": ()},
    "agreement_teaches": {"agreement": ()},
    "affine_scale": {"affine_mix": ()},
    "eval_every": {"val_split": ()},
    **{
        name: {"balancing": tuple(other for other in OPTIONS if name in option_names(other))}
        for strategy in OPTIONS
        for name in option_names(strategy)
    },
}
"""Field -> the fields that switch it on, any of them, and the values that do; no values: whatever is not empty or 0."""


def is_idle(name: str, values: Mapping[str, Any]) -> bool:
    """Whether nothing reads the field `name`, by the values of all fields of both configurations."""
    switches = READ_WITH.get(name, {})
    on = (values[switch] in wanted if wanted else values[switch] for switch, wanted in switches.items())
    return bool(switches) and not any(on)
