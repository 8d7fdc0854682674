"""The MT-CP network (Fontana, Spratling and Shi, WACV 2025), for any tasks, backbone and input size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.errors import InputError
from mtcp.model.backbone import pad_to_stride
from mtcp.model.decoder.base import decoder_class, make_decoders
from mtcp.model.encoder.base import Encoded, make_encoder
from mtcp.model.fusion.base import Fused, make_fusion
from mtcp.model.refinement.base import Refinement, make_refinement
from mtcp.model.tensor_trace import listed
from mtcp.model.trace import TensorTrace
from mtcp.tasks import Task


@dataclass
class Decoded:
    """Everything the network computes, at its own strides: for losses and for display.

    Maps are raw head outputs; `MTCP.finish` makes predictions of them. Parts switched off leave their dicts empty.
    """

    initial: dict[str, Tensor]  # (B, C_t, h, w), h = ceil(H/4)
    refined: dict[str, Tensor] = field(default_factory=dict)  # (B, C_t, h, w)
    intermediate: dict[str, tuple[Tensor, ...]] = field(
        default_factory=dict
    )  # coarsest first: of trace-back 1/16, 1/8
    masks: Tensor | None = None  # (B, Q, h, w)
    gate: Tensor | None = None  # (B, 1, h, w)
    grid: tuple[int, int] = (0, 0)  # h, w
    traces: tuple[TensorTrace, ...] = ()  # what the parts tell of their inside
    features: dict[str, Tensor] = field(default_factory=dict)  # (B, C, h, w), what the initial heads read

    @property
    def last(self) -> dict[str, Tensor]:
        """The maps that count: the refined ones, or without a refinement the initial ones."""
        return self.refined or self.initial


class MTCP(nn.Module):
    """Multi-task dense prediction: shared representation, task decoders, a fusion, a refinement, heads.

    With the fusion "cfm" and the refinement "trace_back" it is MT-CP.
    `forward` takes a photo and returns finished maps (tensors only, `torch.export`-able); `inspect` returns
    everything inside. For photos on disk use `mtcp.inference.predictor`.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: ModelConfig, *, pretrained: bool = False) -> None:
        """pretrained: let timm fetch the backbone's weights (needs a network); `mtcp.model.pretrained` works offline.

        Raises:
            InputError: the configuration names a backbone or task that does not exist.
        """
        super().__init__()
        if config.shared == "mask2former":
            from mtcp.model.encoder.mask2former import resolve

            config = resolve(config)
        self.config = config
        self.tasks: tuple[Task, ...] = config.task_list()
        C = config.width
        self.register_buffer("mean", torch.tensor(config.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config.std).view(1, 3, 1, 1), persistent=False)
        levels = config.task_decoder and decoder_class(config).reads_levels
        self.shared = make_encoder(config, levels=levels, pretrained=pretrained)
        self.decoders = make_decoders(config)
        self.fusion = make_fusion(config)
        # Under its own name, since that is what checkpoints call it.
        self.add_module(config.refinement, make_refinement(config))
        conv = config.heads == "conv"
        if "refined" in config.stages:
            steps = range(self.refinement.intermediates)
            self.intermediate_heads = nn.ModuleDict(
                {task.name: nn.ModuleList(_head(C, task, deep=conv) for _ in steps) for task in self.tasks}
            )
            self.refined_heads = nn.ModuleDict({task.name: _head(C, task, deep=conv) for task in self.tasks})
        self.initial_heads = nn.ModuleDict({task.name: self.new_head(task) for task in self.tasks})

    def new_head(self, task: Task) -> nn.Module:
        """A fresh head for `task` like those of the initial predictions, which reads what they read."""
        deep = self.config.heads == "conv" or not self.config.task_decoder
        return _head(self.config.width, task, deep=deep)

    @property
    def refinement(self) -> Refinement:
        """What refines the initial features."""
        return cast(Refinement, self.get_submodule(self.config.refinement))

    def forward(self, x: Tensor) -> dict[str, dict[str, Tensor]]:
        """Photo (B, 3, H, W), RGB in 0..1, any H and W -> {"initial": maps, "refined": maps}, maps by task name.

        Maps are (B, C_t, H, W): class logits; metres along the camera's z axis; unit normals (x right, y down,
        z forward: a wall facing the camera is (0, 0, -1)); logits of edge and saliency. Without a refinement
        "refined" is empty.
        """
        decoded = self.inspect(x)
        size = (x.shape[-2], x.shape[-1])
        return {
            stage: {name: self.finish(name, raw, size, size) for name, raw in maps.items()}
            for stage, maps in (("initial", decoded.initial), ("refined", decoded.refined))
        }

    def inspect(self, x: Tensor) -> Decoded:
        """Photo (B, 3, H, W), RGB in 0..1 -> everything inside, at the network's own strides."""
        encoded = self._encode(x)
        features, stages = self._decode(encoded)
        fused: Fused = self.fusion(features)
        refined = self.refinement(fused.features, stages)
        return Decoded(
            initial={name: self.initial_heads[name](f) for name, f in fused.features.items()},
            refined={name: self.refined_heads[name](f) for name, f in refined.features.items()},
            intermediate={name: self._between(name, fs) for name, fs in refined.intermediate.items()},
            masks=encoded.masks,
            gate=encoded.gate,
            grid=_grid(x),
            traces=tuple(trace for part in (encoded, fused, refined) for trace in listed(part.trace)),
            features=fused.features,
        )

    def finish(
        self, task: str, raw: Tensor, size: tuple[int, int], network_size: tuple[int, int] | None = None
    ) -> Tensor:
        """Raw head output (B, C_t, h, w) -> the final map at `size`, a photo's (H, W).

        network_size: the (H, W) that the network saw; where it is no multiple of the stride, what lies beyond it is
        cut off. None: h and w cover the photo exactly. Upsampling comes first (bilinear), then the activation.
        """
        return self.activate(task, upsample(raw, size, network_size))

    def activate(self, task: str, raw: Tensor) -> Tensor:
        """Makes depth positive (exp of log metres) and normals unit vectors; logits stay logits."""
        return self._task(task).activate(raw)

    def _encode(self, x: Tensor) -> Encoded:
        """What the encoder gives of the padded photo, without what lies beyond the photo."""
        if x.ndim != 4 or x.shape[1] != 3:
            raise InputError(f"input of shape {tuple(x.shape)}: expected (B, 3, H, W)")
        encoded: Encoded = self.shared(pad_to_stride((x - self.mean) / self.std))
        h, w = _grid(x)
        return encoded._replace(
            features={task: feature[..., :h, :w] for task, feature in encoded.features.items()},
            levels={
                task: [level[..., : _halved(h, i), : _halved(w, i)] for i, level in enumerate(levels)]
                for task, levels in encoded.levels.items()
            },
            masks=None if encoded.masks is None else encoded.masks[..., :h, :w],
            gate=None if encoded.gate is None else encoded.gate[..., :h, :w],
            trace=None if encoded.trace is None else encoded.trace.within((h, w)),
        )

    def _decode(self, encoded: Encoded) -> tuple[dict[str, Tensor], dict[str, list[Tensor]]]:
        """By task the decoder's feature and its stages; without decoders the encoder's feature and no stages."""
        if not self.config.task_decoder:
            return encoded.features, {}
        features, stages = {}, {}
        for name, decoder in self.decoders.items():
            features[name], stages[name] = decoder(encoded.features[name], encoded.levels.get(name, ()))
        return features, stages

    def _between(self, name: str, features: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        heads = cast(nn.ModuleList, self.intermediate_heads[name])
        return tuple(head(feature) for head, feature in zip(heads, features, strict=True))

    def _task(self, name: str) -> Task:
        for task in self.tasks:
            if task.name == name:
                return task
        raise InputError(f"unknown task {name!r}: this network has {', '.join(t.name for t in self.tasks)}")


def upsample(raw: Tensor, size: tuple[int, int], network_size: tuple[int, int] | None = None) -> Tensor:
    """Bilinear (B, C, h, w) -> (B, C, *size), where h x w is the 1/4 grid over a photo of `network_size`."""
    h, w = raw.shape[-2:]
    H, W = network_size or (4 * h, 4 * w)
    covered = (round(4 * h * size[0] / H), round(4 * w * size[1] / W))
    maps = F.interpolate(raw, size=covered, mode="bilinear", align_corners=False)
    return maps if covered == size else maps[..., : size[0], : size[1]]


def _grid(x: Tensor) -> tuple[int, int]:
    """(h, w) at 1/4 of a photo (B, 3, H, W): rounded up; of a negative number ONNX would divide towards 0."""
    return (x.shape[-2] + 3) // 4, (x.shape[-1] + 3) // 4


def _halved(side: int, times: int) -> int:
    """Rounded up each time; like `_grid` without a negative number."""
    return (side + 2**times - 1) // 2**times


def _head(width: int, task: Task, *, deep: bool = False) -> nn.Module:
    """A 1x1 convolution; `deep` puts a block of a 3x3 convolution, BatchNorm and ReLU before it."""
    final = nn.Conv2d(width, task.channels, 1)
    if task.start_bias is not None:
        nn.init.constant_(final.bias, task.start_bias)  # type: ignore[arg-type]
    if not deep:
        return final
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), final
    )
