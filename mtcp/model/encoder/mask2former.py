"""The shared representation in the authors' form: Mask2Former (Cheng et al., CVPR 2022) by `transformers`.

P is the pixel decoder's last hidden state, M the last layer's mask logits; the class head is left out,
nothing here uses it. `transformers` is an optional extra. The network's shape travels in
`ModelConfig.mask2former`, so that a checkpoint is rebuilt without the hub it came from.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.errors import InputError
from mtcp.model.backbone import Backbone
from mtcp.model.encoder.base import Encoded
from mtcp.model.encoder.timm import MaskGate

log = logging.getLogger(__name__)

# What `transformers` writes into a config and does not shape this part: labels of the class head, how outputs
# are returned (the wrapper decides), where it came from.
_NOISE = frozenset(
    (
        "_name_or_path",
        "architectures",
        "chunk_size_feed_forward",
        "dtype",
        "id2label",
        "is_encoder_decoder",
        "label2id",
        "output_attentions",
        "output_hidden_states",
        "problem_type",
        "return_dict",
        "torch_dtype",
        "transformers_version",
    )
)


class Mask2FormerShared(nn.Module):
    """R from `transformers`' Mask2Former. Same contract as `mtcp.model.encoder.timm.TimmShared`."""

    def __init__(
        self, net: Any, width: int, *, tasks: Sequence[str], queries: bool = True, gate: str = "sum"
    ) -> None:
        """Wraps a `Mask2FormerModel`.

        Args:
            net: a `transformers.Mask2FormerModel` (the `.model` of `Mask2FormerForUniversalSegmentation`).
            width: C of the representation. A 1x1 convolution on P where the net's mask features have another
                size.
            tasks: by name, all of which get R.
            queries: False leaves the query decoder and the gate out, R = P.
            gate: "sum", "sigmoid" or "normalised", see `MaskGate`.
        """
        super().__init__()
        swin = getattr(net.pixel_level_module.encoder, "swin", None)
        if swin is not None:
            # It normalises an output that no one reads: its parameters would never get a gradient.
            swin.layernorm = nn.Identity()
        if not queries:
            net.transformer_module = nn.Identity()
        self.net: nn.Module = net
        self.tasks = tuple(tasks)
        self.gate = MaskGate(gate, net.config.num_queries) if queries else None
        size = net.config.mask_feature_size
        self.project: nn.Module = nn.Identity() if size == width else nn.Conv2d(size, width, 1)

    @classmethod
    def from_config(
        cls, config: ModelConfig, *, levels: bool = False, pretrained: bool = False
    ) -> Mask2FormerShared:
        """Built offline from `config.mask2former`; `pretrained` loads weights from `config.backbone` instead.

        Raises:
            InputError: `transformers` is missing, the folder or hub id gives no Mask2Former, its weights are
                incomplete, or levels are wanted.
        """
        if levels:
            raise InputError(
                f"decoder={config.decoder} reads coarser levels, which shared=mask2former does not give"
            )
        net = _load_net(config.backbone) if pretrained else _build_net(config)
        return cls(net, config.width, tasks=config.tasks, queries=config.query_gate, gate=config.mask_gate)

    @property
    def backbone(self) -> nn.Module:
        """The pretrained part, which the optimizer gives a rate of its own: here all of Mask2Former."""
        return self.net

    @property
    def backbones(self) -> Sequence[Backbone]:
        """None: its weights are Mask2Former's."""
        return ()

    def shared_parameters(self) -> list[nn.Parameter]:
        """All."""
        return list(self.parameters())

    def forward(self, x: Tensor) -> Encoded:
        """x: normalised photo (B, 3, H, W), H and W multiples of 32 -> R (B, C, h, w), M (B, Q, h, w) at
        1/4.
        """
        net: Any = self.net
        if self.gate is None:
            pixels = self.project(net.pixel_level_module(x).decoder_last_hidden_state)
            return Encoded(dict.fromkeys(self.tasks, pixels), {})
        out = net(x, output_hidden_states=False, output_attentions=False, return_dict=True)
        masks = out.masks_queries_logits[-1]  # (B, Q, H/4, W/4)
        pixels = self.project(out.pixel_decoder_last_hidden_state)  # (B, C, H/4, W/4)
        gate = self.gate(masks)
        return Encoded(dict.fromkeys(self.tasks, pixels * gate), {}, masks, gate=gate)


def resolve(config: ModelConfig) -> ModelConfig:
    """`config` with the Mask2Former's shape written into it, read from `config.backbone` where it is missing.

    `queries` and `query_layers` become what that network has; `query_heads` counts for the timm form only.

    Raises:
        InputError: as `Mask2FormerShared.from_config`.
    """
    settings = _settings(config)
    return config.replace(
        mask2former=pack(settings), queries=settings.num_queries, query_layers=settings.decoder_layers - 1
    )


def with_default_shape(config: ModelConfig) -> ModelConfig:
    """`config` with the shape of `transformers`' default Mask2Former where it has none of its own; no hub is asked.

    That default is a Swin-S with 100 queries, which facebook/mask2former-swin-small-* are of.

    Raises:
        InputError: `transformers` is missing.
    """
    if config.mask2former:
        return config
    return config.replace(mask2former=pack(_transformers().Mask2FormerConfig()))


def pack(settings: Any) -> str:
    """A `Mask2FormerConfig` as the JSON of `ModelConfig.mask2former`: what shapes the network, no more."""
    return json.dumps(_without_noise(settings.to_dict()), sort_keys=True)


def _without_noise(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_noise(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if key not in _NOISE
    }


def _transformers() -> Any:
    try:
        import transformers
    except ImportError:
        raise InputError(
            "shared=mask2former needs the transformers package: pip install transformers"
        ) from None
    return transformers


def _settings(config: ModelConfig) -> Any:
    """The `Mask2FormerConfig`, from the configuration or else from the folder or hub id."""
    transformers = _transformers()
    if not config.mask2former:
        return _fetch(transformers.Mask2FormerConfig, config.backbone)
    try:
        return transformers.Mask2FormerConfig.from_dict(json.loads(config.mask2former))
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"mask2former={_short(config.mask2former)}: {_short(error)}") from error


def _build_net(config: ModelConfig) -> nn.Module:
    settings = _settings(config)
    try:
        return _transformers().Mask2FormerModel(settings)
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"mask2former={_short(config.mask2former)}: {_short(error)}") from error


def _load_net(source: str) -> nn.Module:
    """Mask2Former with the weights of a local folder or hub id, in fp32."""
    kind = _transformers().Mask2FormerForUniversalSegmentation
    loaded, info = _fetch(kind, source, dtype=torch.float32, output_loading_info=True)
    wanted = [
        key for key in info["missing_keys"] if key.startswith("model.") and ".swin.layernorm." not in key
    ]
    wrong = sorted([*wanted, *(str(key) for key in info["mismatched_keys"])])
    if wrong:
        raise InputError(f"backbone {source!r}: its weights lack {len(wrong)} tensors, first {wrong[0]}")
    log.info("Mask2Former weights from %s", source)
    return loaded.model


def _fetch(kind: Any, source: str, **options: Any) -> Any:
    """`kind.from_pretrained(source)` with what can go wrong as one line."""
    if not Path(source).is_dir() and (source.startswith((".", "/", "~")) or source.count("/") != 1):
        raise InputError(f"backbone {source!r}: neither a folder nor a hub id of a Mask2Former (owner/name)")
    transformers = _transformers()
    try:
        plain, _ = transformers.PreTrainedConfig.get_config_dict(source)
        if (found := plain.get("model_type")) != "mask2former":
            raise InputError(f"backbone {source!r} gives no Mask2Former: its config has model_type {found!r}")
        return kind.from_pretrained(source, **options)
    except OSError as error:
        raise InputError(f"backbone {source!r} gives no Mask2Former: {_short(error)}") from error


def _short(what: object, limit: int = 160) -> str:
    """One line, cut."""
    line = " ".join(str(what).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
