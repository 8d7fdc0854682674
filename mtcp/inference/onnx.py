"""The network as an ONNX file: any batch and size, one output per task and stage, compared with torch before it is
written.

The graph is traced (`torch.onnx.export(dynamo=False)`): `torch.export` with dynamic height and width needs many minutes
of symbolic algebra for the windows of the task decoders. What a trace could freeze, the comparison at another, odd
size finds. In ONNX the affinity of the coherence fusion is a matrix in memory: exact, but not streamed.
"""

from __future__ import annotations

import copy
import io
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtcp.errors import InputError
from mtcp.io.atomic import write_atomic
from mtcp.io.safe_read import brief
from mtcp.model import MTCP
from mtcp.tasks import Task

INPUT = "image"
SUFFIX = ".onnx"
OPSET = 17  # what ONNX Runtime reads since 1.12
LARGEST_ERROR = 1e-3
"""Of any output, relative to its largest value; tests hold tiny networks to 1e-4."""
AXES = (
    "camera: x right, y down, z forward; a wall facing the camera has the normal (0, 0, -1); depth is along z"
)
AXIS_NAMES = {0: "batch", 2: "height", 3: "width"}
"""Of the input and of every output; their channels (axis 1) are numbers."""
_TRACED = (2, 3, 90, 134)  # no side is a multiple of a stride or a window, so that padding is in the graph
_CHECKED = (1, 3, 97, 131)


def export_onnx(
    model: MTCP, path: Path, *, card: Mapping[str, Any] | None = None, checkpoint: str = ""
) -> dict[str, float]:
    """Writes `model` to `path`; until the file is complete, what was there stays.

    Input `image` (B, 3, H, W), float32 RGB in 0..1, any B, H and W; normalisation is inside. Outputs `TASK_initial` and
    `TASK_refined` (B, C, H, W), C the task's channels (40, 1, 3), as `model(image)` gives them.
    Metadata (`metadata`) says what they are.

    Args:
        card: the checkpoint's card, for the metadata.
        checkpoint: its name, likewise.

    Returns:
        By output its largest difference from torch's at a size that was not traced, relative to its largest value.

    Raises:
        InputError: a path or an extra that will not do (`check_target`), a network that cannot be traced or whose
            file does not agree with torch.
        WriteError: it could not be written.
    """
    check_target(path)
    if model.config.shared == "mask2former":
        raise InputError(
            f"shared={model.config.shared!r}: only networks of a timm backbone are exported to ONNX; "
            "the others fix the traced size"
        )
    content = _described(traced(model), model, metadata(model, card or {}, checkpoint))
    errors = differences(model, session(content, torch.get_num_threads()))
    if wrong := {name: error for name, error in errors.items() if not error <= LARGEST_ERROR}:
        name, error = next(iter(wrong.items()))
        raise InputError(
            f"{path}: not written: its {name} differs from torch's by {error:.2g} of the maximum"
        )
    write_atomic(path, lambda file: file.write(content))
    return errors


def check_target(path: Path) -> None:
    """Raises InputError for another suffix, a folder that is missing, or where the extra is not installed."""
    if path.suffix != SUFFIX:
        raise InputError(f"{path}: an ONNX file's name ends in {SUFFIX}")
    if path.is_dir():
        raise InputError(f"{path} is a folder: give a file's name")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent}: no such folder; make it first")
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise InputError('ONNX needs the extra onnx: pip install "mtcp-explorer[onnx]"') from error


def output_names(model: MTCP) -> list[str]:
    """TASK_initial and, with a refinement, TASK_refined of each task, in the file's order."""
    return [f"{task.name}_{stage}" for task in model.tasks for stage in model.config.stages]


def metadata(model: MTCP, card: Mapping[str, Any], checkpoint: str) -> dict[str, str]:
    """What the file says of itself, texts by name; `tasks`, `classes`, `outputs` and `config` are JSON."""
    outputs = {name: _meaning(_task_of(model, name)) for name in output_names(model)}
    return {
        "format": "mtcp-onnx",
        "checkpoint": checkpoint,
        "sha256": str(card.get("sha256", "")),
        "commit": str(card.get("commit", "")),
        "tasks": json.dumps([task.name for task in model.tasks]),
        "classes": json.dumps({task.name: list(task.classes) for task in model.tasks if task.classes}),
        "input": f"{INPUT}: (B, 3, H, W) float32, RGB in 0..1, any B, H and W; do not normalise: that is inside",
        "network_size": f"{model.config.height}x{model.config.image_width}",
        "outputs": json.dumps(outputs),
        "axes": AXES,
        "config": json.dumps(model.config.to_dict()),
    }


def session(content: bytes, threads: int = 0) -> Any:
    """An `onnxruntime.InferenceSession` on the CPU of a file's content. threads: 0 for its own choice."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors: it warns of every constant that it folds
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def run(network: Any, image: Tensor) -> dict[str, Tensor]:
    """The outputs of a `session` by name. image: (B, 3, H, W)."""
    names = [output.name for output in network.get_outputs()]
    maps = network.run(names, {INPUT: image.cpu().contiguous().numpy()})
    return {name: torch.from_numpy(values) for name, values in zip(names, maps, strict=True)}


def differences(model: MTCP, network: Any, size: tuple[int, int, int, int] = _CHECKED) -> dict[str, float]:
    """By output the largest difference of a `session` from `model`, relative to its largest value, on noise of `size`.

    Raises:
        InputError: an output has another shape.
    """
    image = torch.rand(size, generator=torch.Generator().manual_seed(0))
    found = run(network, image)
    with torch.inference_mode():
        maps = model(image.to(model.mean.device))
    errors = {}
    for name in output_names(model):
        task, _, stage = name.rpartition("_")
        wanted = maps[stage][task].cpu()
        if found[name].shape != wanted.shape:
            shapes = f"{tuple(found[name].shape)}, torch's {tuple(wanted.shape)}"
            raise InputError(f"the exported {name} has the shape {shapes}")
        errors[name] = float((found[name] - wanted).abs().max() / wanted.abs().max().clamp_min(1e-12))
    return errors


class _Maps(nn.Module):
    """`MTCP.forward` as a tuple, its upsampling free of Python numbers that a trace would freeze."""

    def __init__(self, model: MTCP) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        decoded = self.model.inspect(image)
        maps = []
        for name in output_names(self.model):
            task, _, stage = name.rpartition("_")
            raw = decoded.initial[task] if stage == "initial" else decoded.refined[task]
            covered = (4 * raw.shape[-2], 4 * raw.shape[-1])
            grown = F.interpolate(raw, size=covered, mode="bilinear", align_corners=False)
            maps.append(self.model.activate(task, grown[..., : image.shape[-2], : image.shape[-1]]))
        return tuple(maps)


def traced(model: MTCP) -> bytes:
    """The file's content, without metadata and not yet compared. Raises InputError where it cannot be traced."""
    names = output_names(model)
    content = io.BytesIO()
    image = torch.rand(_TRACED, generator=torch.Generator().manual_seed(0)).to(model.mean.device)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the tracer, and that it will go one day
            torch.onnx.export(
                _Maps(_with_plain_attention(model)).eval(),
                (image,),
                content,  # type: ignore[arg-type]  # the tracer takes files too
                dynamo=False,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=names,
                dynamic_axes=dict.fromkeys([INPUT, *names], AXIS_NAMES),
            )
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        raise InputError(f"this network cannot be exported to ONNX: {brief(error)}") from error
    return content.getvalue()


class _PlainAttention(nn.Module):
    """`nn.MultiheadAttention`, batch first and unmasked, in operators whose sizes a trace does not freeze."""

    def __init__(self, of: nn.MultiheadAttention) -> None:
        super().__init__()
        self.of = of

    def forward(self, query: Tensor, key: Tensor, value: Tensor, **_: object) -> tuple[Tensor, None]:
        """(B, L, C), (B, M, C), (B, M, C) -> (B, L, C); no weights."""
        of = self.of
        weights, biases = cast(Tensor, of.in_proj_weight).chunk(3), cast(Tensor, of.in_proj_bias).chunk(3)
        q, k, v = (
            F.linear(x, w, b).view(x.shape[0], -1, of.num_heads, of.head_dim).transpose(1, 2)
            for x, w, b in zip((query, key, value), weights, biases, strict=True)
        )  # (B, heads, L, C / heads)
        weight = torch.softmax(q @ k.transpose(2, 3) * of.head_dim**-0.5, -1)
        return of.out_proj((weight @ v).transpose(1, 2).flatten(2)), None


def _with_plain_attention(model: MTCP) -> MTCP:
    """A copy; ONNX has no form of the fused operator, and the tracer freezes sizes of the other."""
    copied = copy.deepcopy(model)
    for layer in [m for m in copied.modules() if isinstance(m, nn.TransformerDecoderLayer)]:
        layer.self_attn = _PlainAttention(layer.self_attn)  # type: ignore[assignment]
        layer.multihead_attn = _PlainAttention(layer.multihead_attn)  # type: ignore[assignment]
    return copied


def _described(content: bytes, model: MTCP, texts: Mapping[str, str]) -> bytes:
    """The file with metadata, and with its outputs' shapes: the tracer invents a symbol for their channels."""
    import onnx

    file = onnx.load_model_from_string(content)
    onnx.helper.set_model_props(file, dict(texts))
    for output in file.graph.output:
        channels = _task_of(model, output.name).channels
        for axis, size in enumerate(output.type.tensor_type.shape.dim):
            if axis in AXIS_NAMES:
                size.dim_param = AXIS_NAMES[axis]
            else:
                size.dim_value = channels
    return bytes(file.SerializeToString())


def _meaning(task: Task) -> str:
    return f"(B, {task.channels}, H, W): {task.output}"


def _task_of(model: MTCP, output: str) -> Task:
    """The task that the output TASK_STAGE is of."""
    name = output.rpartition("_")[0]
    return next(task for task in model.tasks if task.name == name)
