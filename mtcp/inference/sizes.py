"""What evaluation and prediction share: device, sizes, and a photo as the network wants it."""

from __future__ import annotations

import math
import re

import torch
import torch.nn.functional as F
from torch import Tensor

from mtcp.config import ModelConfig
from mtcp.errors import InputError

MIN_NETWORK_SIDE = 32
SMALLER, SMALLEST_SIDE = 0.7, 64
"""Where memory is short: each try's sides by the one before; below this side maps show nothing any more."""
STEP = 4  # sizes that are a multiple of the 1/4 grid's stride keep every map aligned with the photo


def pick_device(name: str | torch.device = "auto") -> torch.device:
    """The device called `name`; "auto" takes CUDA where there is one.

    Raises:
        InputError: no such device here.
    """
    if str(name) == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (
        RuntimeError,
        AssertionError,
        NotImplementedError,
    ) as error:  # torch raises any of these for a device it lacks
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"device {str(name)!r} cannot be used: {reason}") from error
    if device.type == "meta":
        raise InputError("device 'meta' holds no numbers: choose cpu or cuda")
    return device


def parse_size(text: str) -> tuple[int, int]:
    """ "480x640" -> (480, 640), height first.

    Raises:
        InputError: anything else, or a side under 32.
    """
    found = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text.strip())
    if not found:
        raise InputError(f"size {text!r}: expected HEIGHTxWIDTH, like 480x640")
    return check_size((int(found[1]), int(found[2])))


def check_size(size: tuple[int, int]) -> tuple[int, int]:
    """`size` itself. Raises InputError when a side is under 32 pixels."""
    if len(size) != 2 or min(size) < MIN_NETWORK_SIDE:
        raise InputError(
            f"network size {'x'.join(map(str, size))}: both sides must be at least {MIN_NETWORK_SIDE}"
        )
    return size


def config_size(config: ModelConfig) -> tuple[int, int]:
    """The (height, width) that the network was made for."""
    return config.height, config.image_width


def network_size(photo: tuple[int, int], budget: int) -> tuple[int, int]:
    """(H, W) of a photo -> (h, w) of the same shape with about `budget` pixels, multiples of 4, at least 32.

    Where the photo is so long that 32 pixels a side would break the budget, its shape gives way.
    """
    H, W = photo
    scale = (budget / (H * W)) ** 0.5
    short = max(MIN_NETWORK_SIDE, _stepped(min(H, W) * scale))
    long = max(MIN_NETWORK_SIDE, min(_stepped(max(H, W) * scale), _stepped(budget / short)))
    return (short, long) if H <= W else (long, short)


def smaller_size(size: tuple[int, int]) -> tuple[int, int] | None:
    """The network size to try when memory was short at `size`: 0.7 of its sides, multiples of 4. None: too small.

    About half the pixels, and a quarter of the CFM's affinity.
    """
    h, w = (STEP * int(SMALLER * side / STEP) for side in size)
    return (h, w) if min(h, w) >= SMALLEST_SIDE else None


def is_memory_short(error: BaseException) -> bool:
    """Whether `error` says that memory ran out: Python's, torch's on CUDA, or what its CPU allocators say."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and _SHORT.search(str(error)) is not None


_SHORT = re.compile(
    r"not enough memory|can't allocate memory|out of memory|cannot allocate memory|ALLOC_FAILED", re.I
)


def _stepped(side: float) -> int:
    return STEP * round(side / STEP)


def usual_size(config: ModelConfig, photo: tuple[int, int]) -> tuple[int, int]:
    """The network's (h, w) for a photo of (H, W) pixels where none is asked for."""
    return network_size(photo, math.prod(config_size(config)))


def to_network(images: Tensor, size: tuple[int, int]) -> Tensor:
    """uint8 (B, 3, H, W) or (3, H, W) -> float32 (B, 3, *size) in 0..1, resized with antialiasing."""
    if images.ndim == 3:
        images = images[None]
    x = images.float() / 255
    if x.shape[-2:] != size:
        x = F.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=True).clamp_(0, 1)
    return x.contiguous(memory_format=torch.channels_last)
