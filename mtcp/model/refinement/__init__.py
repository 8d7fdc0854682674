"""Refinement: initial features and decoder stages in, refined features out. `base` is the form that each has."""

from __future__ import annotations

REFINEMENTS: dict[str, str] = {
    "trace_back": "mtcp.model.refinement.trace_back:TraceBack",
    "none": "mtcp.model.refinement.none:NoRefinement",
    "distillation": "mtcp.model.refinement.distillation:Distillation",
    "multi_scale": "mtcp.model.refinement.multi_scale:MultiScaleDistillation",
    "task_recursive": "mtcp.model.refinement.task_recursive:TaskRecursive",
    "sequential": "mtcp.model.refinement.sequential:SequentialAttention",
}
"""`ModelConfig.refinement` -> MODULE:CLASS. As text, because a configuration is checked without loading torch."""
READS_STAGES: dict[str, str] = {
    "trace_back": "swin",
    "multi_scale": "pyramid",
    "task_recursive": "pyramid",
    "sequential": "pyramid",
}
"""The decoder whose stages a refinement reads; the others read no stages."""
ONE_TASK = ("none", "trace_back")
"""The refinements in which no task sees another one."""
