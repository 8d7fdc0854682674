"""A network from a configuration that anyone may have written: offline, and no larger than its weights.

A checkpoint's configuration names its backbone. Built before the weights are looked at, a name like
`convnext_xxlarge` takes gigabytes for a file of a few kilobytes, and one like `hf-hub:owner/name` goes online.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mtcp.config import ModelConfig
from mtcp.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from mtcp.model import MTCP

SPARE_VALUES = 10_000_000
"""Values (40 MB) that a network may hold beyond its file's while it is built: heads that timm cuts off."""
SPARE_TENSORS = 2_000
TIMM_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,100}")
FETCHING = ("auto_map", "backbone", "name_or_path", "use_pretrained_backbone", "use_timm_backbone")
"""Settings of `transformers` that load code or weights from elsewhere."""


class _TooLargeError(Exception):
    """More was built than the weights can fill."""


def build_offline(
    config: ModelConfig,
    weights: Mapping[str, Tensor],
    check: Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], None],
) -> MTCP:
    """The network of `config`, not yet filled. Takes memory only as far as `weights` fill it, and no network.

    Args:
        weights: what it is to be filled with.
        check: raises InputError unless its first argument, a network's state dict, agrees with `weights`.

    Raises:
        InputError: a name or setting that would go online, a network that the weights do not fit.
        RuntimeError, MemoryError: it cannot be built.
    """
    import torch

    from mtcp.model import MTCP

    refuse_online(config)
    values = sum(tensor.numel() for tensor in weights.values())
    # No tensor of a timm model is large, and none of ours is larger than a 3x3 convolution: watch their sum.
    if config.shared != "mask2former" and values >= 9 * config.width**2:
        try:
            with _at_most(len(weights), 2 * values + SPARE_VALUES):
                return MTCP(config)
        except _TooLargeError:
            pass  # too large, or a part of it that timm cuts off is: seen below
    try:
        with torch.device("meta"), _at_most(len(weights)):  # shapes only, no memory
            planned = MTCP(config)
    except _TooLargeError:
        raise InputError(
            f"its configuration asks for many more than the {len(weights)} tensors of the file"
        ) from None
    check(planned.state_dict(), weights)
    return MTCP(config)


def refuse_online(config: ModelConfig) -> None:
    """Raises InputError where building `config` would fetch something, or timm would read a folder."""
    if config.shared != "mask2former":
        if not TIMM_NAME.fullmatch(config.backbone):
            raise InputError(
                f"backbone {config.backbone[:100]!r}: expected the plain name of a timm model; "
                "addresses, hubs and folders are not opened for a checkpoint"
            )
        return
    if not config.mask2former:
        raise InputError("it does not carry its Mask2Former's shape, and the hub is not asked for it")
    try:
        found = _first_fetching(json.loads(config.mask2former))
    except (ValueError, RecursionError) as error:
        raise InputError(f"its mask2former settings are no JSON ({type(error).__name__})") from error
    if found:
        raise InputError(f"its mask2former settings name {found!r}, which would be loaded from elsewhere")


def _first_fetching(settings: Any) -> str:
    if isinstance(settings, list):
        return next(filter(None, map(_first_fetching, settings)), "")
    if not isinstance(settings, dict):
        return ""
    if settings.get("model_type") == "timm_backbone":
        return "timm_backbone"
    named = [key for key in FETCHING if settings.get(key)]
    return named[0] if named else next(filter(None, map(_first_fetching, settings.values())), "")


@contextmanager
def _at_most(tensors: int, values: int | None = None) -> Iterator[None]:
    """Within it, this thread's new networks raise _TooLargeError beyond so much, plus what is cut off.

    The backbone is built twice, once to ask for its strides, hence the factors.
    """
    from torch.nn.modules.module import register_module_parameter_registration_hook

    thread, count, size = threading.get_ident(), 0, 0

    def weigh(_module: object, _name: str, parameter: Tensor | None) -> None:
        nonlocal count, size
        if parameter is None or threading.get_ident() != thread:
            return
        count, size = count + 1, size + parameter.numel()
        if count > 4 * tensors + SPARE_TENSORS or (values is not None and size > values):
            raise _TooLargeError

    handle = register_module_parameter_registration_hook(weigh)
    try:
        yield
    finally:
        handle.remove()
