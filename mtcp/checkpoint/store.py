"""Checkpoints: weights as `NAME.safetensors`, and beside them `NAME.json`, the card that says what they are.

No pickle is involved. Loading is strict: a file that is damaged, foreign, of another version or made for
another configuration is refused with what was expected.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtcp.checkpoint.safe_build import build_offline
from mtcp.config import ModelConfig
from mtcp.errors import InputError
from mtcp.io.atomic import write_atomic, write_together
from mtcp.io.safe_read import brief, parse_object, read_bytes

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from mtcp.model import MTCP

FORMAT = "mtcp-checkpoint"
VERSION = 1
LARGEST_FILE = 4 * 2**30
"""Bytes of weights: a billion parameters in fp32."""
DEFAULT_CHECKPOINT = Path(__file__).resolve().parents[2] / "checkpoints" / "mtcp-lite-nyud.safetensors"
_SHOWN = 8


def card_path(path: str | os.PathLike[str]) -> Path:
    """Where the card of the weights at `path` is.

    Raises:
        InputError: `path` does not end in .safetensors.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise InputError(f"{path}: a checkpoint's name ends in .safetensors")
    return path.with_suffix(".json")


def save_checkpoint(
    path: str | os.PathLike[str],
    model: MTCP,
    *,
    dtype: str = "float32",
    data: str = "",
    metrics: Mapping[str, Any] | None = None,
    commit: str = "",
    command: str = "",
    **extra: Any,
) -> dict[str, Any]:
    """Writes weights and card, each aside first, then renamed, so that a crash never leaves half a file.

    Args:
        dtype: "float32", or "float16" to halve the file: matrices and kernels become fp16, vectors (biases,
            norms and their statistics) stay fp32. Metrics on the card should be measured on what is loaded
            back.
        data, commit, command: where the weights come from.
        metrics: as `mtcp.evaluation.evaluate.evaluate` returns them.
        extra: any further JSON for the card.

    Returns:
        The card.

    Raises:
        InputError: another dtype, or weights that are not finite (in fp16: beyond its range of 65504).
    """
    from safetensors.torch import save

    path, card_file = Path(path), card_path(path)
    tensors = {name: _stored(name, tensor, dtype) for name, tensor in model.state_dict().items()}
    config = model.config.to_dict()
    header = {"format": FORMAT, "version": str(VERSION), "config": json.dumps(config)}
    weights = save(tensors, metadata=header)
    card = {
        "format": FORMAT,
        "version": VERSION,
        "config": config,
        "tasks": [task.name for task in model.tasks],
        "classes": {task.name: list(task.classes) for task in model.tasks if task.classes},
        "normalisation": {"mean": config["mean"], "std": config["std"]},
        "parameters": sum(p.numel() for p in model.parameters()),
        "dtype": dtype,
        "data": data,
        "metrics": metrics,
        "commit": commit,
        "command": command,
        **extra,
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_together(
        {path: lambda file: file.write(weights), card_file: lambda file: file.write(_card_text(card))}
    )
    return card


def update_card(path: str | os.PathLike[str], **changes: Any) -> dict[str, Any]:
    """Writes other fields, `metrics` say, on the card of the weights at `path`, which are left alone.

    Returns:
        The new card.

    Raises:
        InputError: as `read_card`, or a field that says what the weights are: `save_checkpoint` writes those.
    """
    card = read_card(path)
    if fixed := changes.keys() & {"format", "version", "config", "sha256"}:
        raise InputError(f"{sorted(fixed)[0]} belongs to the weights: it cannot be changed on the card alone")
    digest = card.pop("sha256")
    card = {**card, **changes, "sha256": digest}
    write_atomic(card_path(path), lambda file: file.write(_card_text(card)))
    return card


def load_checkpoint(
    path: str | os.PathLike[str], device: str | torch.device = "cpu"
) -> tuple[MTCP, dict[str, Any]]:
    """The network, in evaluation mode and fp32 on `device`, and its card.

    Raises:
        InputError: a missing, damaged or foreign file, another version, a card of other weights, a
            configuration that would go online, or weights that do not fit it (the first keys are listed).
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = Path(path)
    weights, card = _read_both(path)
    try:
        tensors = load(weights)
    except (SafetensorError, KeyError, ValueError, OverflowError) as error:  # KeyError: a dtype unknown here
        raise InputError(f"{path} is damaged: {brief(error)}") from error
    config = ModelConfig.from_dict(card["config"])
    try:
        model = build_offline(config, tensors, check_fit)
        check_fit(model.state_dict(), tensors)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (RuntimeError, MemoryError) as error:
        raise InputError(f"{path}: its configuration cannot be built ({brief(error)})") from error
    wanted = {name: tensor.dtype for name, tensor in model.state_dict().items()}
    model.load_state_dict({name: t.to(wanted[name]) for name, t in tensors.items()}, strict=True)
    return model.to(torch.device(device)).eval(), card


def read_shapes(
    path: str | os.PathLike[str],
) -> tuple[dict[str, tuple[int, ...]], dict[str, Any]]:
    """The shapes of the stored tensors by name, and the card, without torch and without building the network.

    Raises:
        InputError: what `load_checkpoint` refuses, but for weights that do not fit the configuration.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    _, card = _read_both(path)
    try:
        with safe_open(path, framework="numpy") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged: {brief(error)}") from error
    return shapes, card


def _read_both(path: Path) -> tuple[bytes, dict[str, Any]]:
    """The weights' file and its card, which belong together. Raises InputError where they do not."""
    card = read_card(path)
    weights = read_bytes(path, LARGEST_FILE)
    found = hashlib.sha256(weights).hexdigest()
    if found != card["sha256"]:
        raise InputError(
            f"{path}: sha256 is {found[:12]}..., the card says {card['sha256'][:12]}...: "
            "the file is damaged or the card belongs to other weights"
        )
    _check_header(path, weights, card)
    return weights, card


def read_card(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The card of the weights at `path`, checked: version, required fields, a known configuration.

    Raises:
        InputError: weights or card are missing, or the card is none.
    """
    path, card_file = Path(path), card_path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint; train one (python -m mtcp train) or give --checkpoint")
    if not card_file.is_file():
        raise InputError(f"{card_file} is missing: a checkpoint is NAME.safetensors with NAME.json beside it")
    card = parse_object(card_file, read_bytes(card_file))
    if card.get("format") != FORMAT:
        raise InputError(f'{card_file} is no checkpoint card: expected "format": "{FORMAT}"')
    if card.get("version") != VERSION:
        raise InputError(
            f"{card_file}: version {card.get('version')!r}; this program reads version {VERSION}"
        )
    if not isinstance(card.get("config"), dict):
        raise InputError(f"{card_file} is damaged: it lacks a config object")
    if not re.fullmatch("[0-9a-f]{64}", str(card.get("sha256"))):
        raise InputError(f"{card_file} is damaged: it lacks the weights' sha256, 64 hexadecimal digits")
    if not _are_metrics(card.get("metrics")):
        raise InputError(f"{card_file} is damaged: metrics are not numbers by stage, task and metric")
    try:
        ModelConfig.from_dict(card["config"])
    except (InputError, TypeError) as error:
        raise InputError(f"{card_file}: {error}") from error
    return card


def _card_text(card: Mapping[str, Any]) -> bytes:
    return (json.dumps(card, indent=2) + "\n").encode()


def _are_metrics(metrics: Any) -> bool:
    """Whether it is nothing, or {"initial"/"refined": {task: {metric: number or null}}}."""
    if not metrics:
        return metrics is None or metrics == {}
    levels = [metrics]
    for _ in range(3):
        if not all(isinstance(level, dict) for level in levels):
            return False
        levels = [value for level in levels for value in level.values()]
    numbers = all(value is None or isinstance(value, (int, float)) for value in levels)
    return numbers and "initial" in metrics


def check_fit(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Raises InputError, which does not name the file, unless names and shapes agree; lists the first that do
    not.
    """
    shapes = [
        f"{name} is {_shape(found[name])}, expected {_shape(wanted[name])}"
        for name in wanted
        if name in found and found[name].shape != wanted[name].shape
    ]
    problems = [
        _listed("missing", [name for name in wanted if name not in found]),
        _listed("unexpected", [name for name in found if name not in wanted]),
        _listed("of another shape", shapes),
    ]
    if any(problems):
        raise InputError(f"does not fit its configuration: {'; '.join(p for p in problems if p)}")


def _listed(what: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{len(names)} {what}: {', '.join(names[:_SHOWN])}{more}"


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a scalar"


def _stored(name: str, tensor: Tensor, dtype: str) -> Tensor:
    import torch

    if dtype not in ("float32", "float16"):
        raise InputError(f"dtype {dtype!r}: choose float32 or float16")
    tensor = tensor.detach().cpu().contiguous()
    if not tensor.is_floating_point():
        return tensor
    tensor = tensor.to(torch.float16 if dtype == "float16" and tensor.ndim > 1 else torch.float32)
    if not tensor.isfinite().all():
        raise InputError(f"{name} is not finite in {str(tensor.dtype).removeprefix('torch.')}: not saved")
    return tensor


def _check_header(path: Path, weights: bytes, card: Mapping[str, Any]) -> None:
    """The header of a safetensors file: 8 bytes of length, then JSON with `__metadata__`."""
    try:
        length = int.from_bytes(weights[:8], "little")
        header = json.loads(weights[8 : 8 + length]).get("__metadata__", {})
        config = json.loads(header.get("config", "null"))
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise InputError(f"{path} is no safetensors file, or damaged: {brief(error)}") from error
    if header.get("format") != FORMAT or header.get("version") != str(VERSION):
        raise InputError(f"{path} was not written by this program: expected {FORMAT} version {VERSION} in it")
    if config != card["config"]:
        raise InputError(f"{path}: the configuration in the weights and on the card differ; restore the card")
