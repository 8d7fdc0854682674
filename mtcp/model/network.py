"""The MT-CP network (Fontana, Spratling and Shi, WACV 2025), for any tasks, backbone and input size."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.errors import InputError
from mtcp.model.backbone import pad_to_stride
from mtcp.model.fusion.affinity import affinity_row
from mtcp.model.fusion.cfm import CoherenceFusion
from mtcp.model.refinement.trace_back import TraceBack
from mtcp.model.shared import Shared, TimmShared
from mtcp.model.task_decoder import TaskDecoder
from mtcp.tasks import Task


@dataclass
class Decoded:
    """Everything the network computes, at its own strides: for losses and for display.

    Maps are raw head outputs; `MTCP.finish` makes predictions of them. Parts switched off leave their dicts empty.
    """

    initial: dict[str, Tensor]  # (B, C_t, h, w), h = ceil(H/4)
    refined: dict[str, Tensor] = field(default_factory=dict)  # (B, C_t, h, w)
    intermediate: dict[str, tuple[Tensor, ...]] = field(default_factory=dict)  # at 1/16 and 1/8
    theta: dict[str, Tensor] = field(default_factory=dict)  # (B, C, h*w)
    phi: dict[str, Tensor] = field(default_factory=dict)  # (B, C, M)
    gates: dict[str, dict[str, Tensor]] = field(default_factory=dict)  # main -> auxiliary -> (B, C, h, w)
    masks: Tensor | None = None  # (B, Q, h, w)
    grid: tuple[int, int] = (0, 0)  # h, w
    kv_grid: tuple[int, int] = (0, 0)  # of phi


class MTCP(nn.Module):
    """Multi-task dense prediction with coherence fusion and trace-back.

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
            from mtcp.model.mask2former import resolve

            config = resolve(config)
        self.config = config
        self.tasks: tuple[Task, ...] = config.task_list()
        names = [task.name for task in self.tasks]
        C = config.width
        self.register_buffer("mean", torch.tensor(config.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config.std).view(1, 3, 1, 1), persistent=False)
        self.shared = _shared(config, pretrained)
        if config.task_decoder:
            self.decoders = nn.ModuleDict({name: TaskDecoder(C) for name in names})
        if config.cfm:
            self.fusion = nn.ModuleDict(
                {
                    name: CoherenceFusion(
                        C,
                        len(names) - 1,
                        residual=config.cfm_residual,
                        scale=config.cfm_scale,
                        kv_stride=config.kv_stride,
                    )
                    for name in names
                }
            )
        if config.trace_back:
            widths = (C, 2 * C, 4 * C)
            self.trace_back = nn.ModuleDict({name: TraceBack(widths, C) for name in names})
            self.intermediate_heads = nn.ModuleDict(
                {task.name: nn.ModuleList(_head(C, task) for _ in widths[1:]) for task in self.tasks}
            )
            self.refined_heads = nn.ModuleDict({task.name: _head(C, task) for task in self.tasks})
        self.initial_heads = nn.ModuleDict(
            {task.name: _head(C, task, deep=not config.task_decoder) for task in self.tasks}
        )

    def forward(self, x: Tensor) -> dict[str, dict[str, Tensor]]:
        """Photo (B, 3, H, W), RGB in 0..1, any H and W -> {"initial": maps, "refined": maps}, maps by task name.

        Maps are (B, C_t, H, W): class logits; metres along the camera's z axis; unit normals (x right, y down,
        z forward: a wall facing the camera is (0, 0, -1)); logits of edge and saliency. Without trace-back
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
        shared = self._shared(x)
        R = shared.representation
        decoded = Decoded({}, masks=shared.masks, grid=(R.shape[-2], R.shape[-1]))
        k = self.config.kv_stride
        decoded.kv_grid = (math.ceil(R.shape[-2] / k), math.ceil(R.shape[-1] / k))
        names = [task.name for task in self.tasks]
        if not self.config.task_decoder:
            decoded.initial = {name: self.initial_heads[name](R) for name in names}
            return decoded
        features, stages = {}, {}
        for name in names:
            features[name], stages[name] = self.decoders[name](R)
        for name in names:
            feature = self._fuse(name, features, decoded) if self.config.cfm else features[name]
            decoded.initial[name] = self.initial_heads[name](feature)
            if self.config.trace_back:
                *coarse, last = self.trace_back[name](feature, stages[name])
                heads = cast(nn.ModuleList, self.intermediate_heads[name])
                decoded.intermediate[name] = tuple(
                    head(pred) for head, pred in zip(heads, coarse, strict=True)
                )
                decoded.refined[name] = self.refined_heads[name](last)
        return decoded

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

    def affinity(self, decoded: Decoded, task: str, pixel: tuple[int, int]) -> Tensor:
        """What `pixel` = (column, row) of the 1/4 grid attends to in the task's CFM: (B, *kv_grid), summing to 1.

        Raises:
            InputError: unknown task, a pixel outside the grid, or a network without CFM.
        """
        self._task(task)
        if task not in decoded.theta:
            raise InputError("this network has no coherence fusion (cfm=False), so nothing to attend with")
        x, y = pixel
        h, w = decoded.grid
        if not (0 <= x < w and 0 <= y < h):
            raise InputError(f"pixel (x={x}, y={y}) is outside the {w} x {h} grid")
        row = affinity_row(decoded.theta[task], decoded.phi[task], y * w + x, self.affinity_scale)
        return row.unflatten(1, decoded.kv_grid)

    @property
    def affinity_scale(self) -> float:
        """What the affinity's logits are multiplied by: 1 in the published form."""
        return self.config.width**-0.5 if self.config.cfm_scale else 1.0

    def _shared(self, x: Tensor) -> Shared:
        if x.ndim != 4 or x.shape[1] != 3:
            raise InputError(f"input of shape {tuple(x.shape)}: expected (B, 3, H, W)")
        H, W = x.shape[-2:]
        shared: Shared = self.shared(pad_to_stride((x - self.mean) / self.std))
        h, w = (H + 3) // 4, (W + 3) // 4  # ceil; of a negative number ONNX divides towards 0
        masks = None if shared.masks is None else shared.masks[..., :h, :w]
        return Shared(shared.representation[..., :h, :w], masks)

    def _fuse(self, name: str, features: dict[str, Tensor], decoded: Decoded) -> Tensor:
        others = [other for other in features if other != name]
        fused = self.fusion[name](features[name], [features[other] for other in others])
        decoded.theta[name], decoded.phi[name] = fused.theta, fused.phi
        decoded.gates[name] = dict(zip(others, fused.gates, strict=True))
        return fused.feature

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


def _shared(config: ModelConfig, pretrained: bool) -> nn.Module:
    if config.shared == "mask2former":
        from mtcp.model.mask2former import Mask2FormerShared

        return Mask2FormerShared.from_config(config, pretrained=pretrained)
    return TimmShared(
        config.backbone,
        config.width,
        queries=config.queries if config.query_gate else 0,
        layers=config.query_layers,
        heads=config.query_heads,
        gate=config.mask_gate,
        pretrained=pretrained,
    )


def _head(width: int, task: Task, *, deep: bool = False) -> nn.Module:
    """A 1x1 convolution; `deep` puts a 3x3 block before it, for nets whose heads are all they have per task."""
    final = nn.Conv2d(width, task.channels, 1)
    if task.start_bias is not None:
        nn.init.constant_(final.bias, task.start_bias)  # type: ignore[arg-type]
    if not deep:
        return final
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), final
    )
