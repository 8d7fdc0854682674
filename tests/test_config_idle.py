"""Every option that another one may switch off: refused exactly where it is switched off."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mtcp.cli.fields import refuse_idle
from mtcp.config import ModelConfig, TrainConfig
from mtcp.config.idle import READ_WITH
from mtcp.errors import InputError
from mtcp.presets import PRESETS, preset

SWITCHES = {switch for switches in READ_WITH.values() for switch in switches}
ON: dict[str, Any] = {
    "also": "photos:0.3", "teacher_weight": 1.0, "ema": 0.9, "slope": 0.5, "agreement": 0.5, "affine_mix": 0.5,
    "val_split": "val",
}  # fmt: skip


def test_every_name_is_a_field() -> None:
    fields = {field.name for config in (ModelConfig, TrainConfig) for field in dataclasses.fields(config)}
    assert fields >= READ_WITH.keys() | SWITCHES


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_reads_what_its_parts_read(name: str) -> None:
    """Of the network's fields each is refused where its part is not there, and nowhere else."""
    model, train = preset(name), TrainConfig()
    reads = {
        "mask_gate": model.query_gate,
        "decoder": model.task_decoder,
        "cfm_scale": model.fusion == "cfm",
        "kv_stride": model.fusion == "cfm" or model.refinement == "sequential",
        "slots": model.fusion == "kem",
        "srm_shrink": model.refinement == "trace_back",
        "heads": True,
    }
    for field, read in reads.items():
        if read:
            refuse_idle([field], model, train)
        else:
            with pytest.raises(InputError, match=f"--{field.replace('_', '-')} changes nothing with --"):
                refuse_idle([field], model, train)


@pytest.mark.parametrize(
    "name", sorted(READ_WITH.keys() & {field.name for field in dataclasses.fields(TrainConfig)})
)
def test_options_of_training_are_read_once_their_switch_is_on(name: str) -> None:
    switches = READ_WITH[name]
    off = TrainConfig(balancing="uniform", eval_every=1)
    with pytest.raises(InputError, match="it needs --"):
        refuse_idle([name], preset("lite"), off)
    for switch, on in switches.items():
        values = {
            **{key: ON[key] for key in ("ema", "also", "teacher_weight")},
            switch: on[0] if on else ON[switch],
        }
        refuse_idle([name], preset("lite"), off.replace(**values))
