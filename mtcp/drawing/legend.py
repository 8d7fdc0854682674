"""Legends: what the colours of `mtcp.drawing.colour` mean, as data or as RGB uint8 pictures with text in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mtcp.drawing import colour

Entry = tuple[str, colour.Colour, float]

_INK, _PAPER = (24, 24, 27), (255, 255, 255)


def class_legend(names: Sequence[str], labels: np.ndarray) -> list[Entry]:
    """The classes in `labels` (H, W), which index `names`: (name, RGB colour, share in 0..1), largest first."""
    rows = (np.bincount(row, minlength=len(names))[: len(names)] for row in labels)  # int64 inside
    counts = np.sum(list(rows), axis=0)
    colours = colour.palette(len(names))
    order = np.argsort(-counts, kind="stable")
    return [(names[i], colours[i], float(counts[i] / labels.size)) for i in order if counts[i]]


def colour_bar(low: float, high: float, unit: str = "m", width: int = 320) -> np.ndarray:
    """A horizontal bar of viridis with `low`, the middle and `high` written under it."""
    size = font_size(width)
    gap = size // 2
    image = Image.new("RGB", (width, 3 * size + gap), _PAPER)
    ramp = colour.mapped(np.linspace(0, 1, width)[None], 0, 1, "viridis")
    image.paste(Image.fromarray(ramp).resize((width, size)), (0, gap))
    draw, font = ImageDraw.Draw(image), _font(size)
    y = size + 2 * gap
    for value, x, anchor in ((low, 2, "la"), ((low + high) / 2, width // 2, "ma"), (high, width - 2, "ra")):
        draw.text((x, y), f"{value:.2f} {unit}".strip(), _INK, font, anchor)
    return np.array(image)


def class_strip(entries: Sequence[Entry], width: int) -> np.ndarray:
    """The entries of `class_legend` as lines of a colour patch, the name and its share, `width` pixels
    wide.
    """
    size = font_size(width)
    font, gap = _font(size), size // 2
    column = max((int(font.getlength(_caption(e))) for e in entries), default=0) + size + 2 * gap
    columns = max(1, width // column)
    rows = max(1, -(-len(entries) // columns))
    pitch = size + gap
    image = Image.new("RGB", (width, rows * pitch + gap), _PAPER)
    draw = ImageDraw.Draw(image)
    for i, entry in enumerate(entries):
        x, y = gap + (i % columns) * (width // columns), gap + (i // columns) * pitch
        draw.rectangle((x, y, x + size - 1, y + size - 1), entry[1], _INK)
        draw.text((x + size + gap, y + size / 2), _caption(entry), _INK, font, "lm")
    return np.array(image)


def below(picture: np.ndarray, strip: np.ndarray) -> np.ndarray:
    """`picture` with `strip` under it; the strip is as wide as the picture."""
    return np.concatenate((picture, strip))


def font_size(width: int) -> int:
    """Text height in pixels that reads well under a picture of that width."""
    return int(np.clip(width / 32, 10, 64))


def _caption(entry: Entry) -> str:
    share = 100 * entry[2]
    return f"{entry[0]} {share:.0f} %" if share >= 1 else f"{entry[0]} <1 %"


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)
