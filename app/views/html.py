"""Small pieces of HTML that several views share. Text is escaped here, once."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from PIL import Image

Rgb = Sequence[int]
_SIDES = {
    "initial": "mt-initial",
    "A": "mt-initial",
    "refined": "mt-refined",
    "B": "mt-refined",
    "ground truth": "mt-truth",
    "truth": "mt-truth",
}


def text(value: object) -> str:
    """`value` as HTML text."""
    return html.escape(str(value))


def plain(words: str) -> str:
    """HTML text as plain text, for messages."""
    return html.unescape(words)


def listed(parts: Sequence[str]) -> str:
    """One, two and three: parts, at least one, as a list within a sentence."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def css_rgb(colour: Rgb) -> str:
    """An RGB triple (0..255) as a CSS colour."""
    return "rgb({} {} {})".format(*(int(channel) for channel in colour))


def swatch(colour: Rgb) -> str:
    """A small square of `colour`."""
    return f'<span class="mt-swatch" style="background:{css_rgb(colour)}"></span>'


def facts(items: Mapping[str, str], css_class: str = "") -> str:
    """A definition list, one name and value after the other."""
    rows = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in items.items())
    return f'<dl class="{css_class}">{rows}</dl>'


def caveat(words: str) -> str:
    """A sentence that a reader of what follows must not miss; nothing where there is none to say."""
    said = f"{words[:1].upper()}{words[1:]}"
    return f'<p class="mt-caveat">{text(said)}.</p>' if words else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of ready HTML cells; a heading that names a side ("initial", "A" ...) or the truth gets its colour."""
    titles = "".join(f'<th scope="col" class="{_heading_class(title)}">{text(title)}</th>' for title in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def bar(colours: np.ndarray, ticks: Sequence[str]) -> str:
    """A horizontal colour bar of `colours` (N, 3) uint8 with `ticks` spread evenly below it."""
    stops = ", ".join(css_rgb(colour) for colour in colours)
    labels = "".join(f"<span>{text(tick)}</span>" for tick in ticks)
    gradient = f"linear-gradient(to right, {stops})"
    return f'<div class="mt-bar" style="background:{gradient}"></div><div class="mt-ticks">{labels}</div>'


def data_uri(picture: np.ndarray, kind: str = "PNG") -> str:
    """A picture (H, W, 3 or 4) uint8 that lives in the page itself; kind "JPEG" for photos."""
    buffer = io.BytesIO()
    options = {"quality": 88} if kind == "JPEG" else {"compress_level": 3}
    Image.fromarray(picture).save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def picture(rgb: np.ndarray, alt: str, caption: str = "", kind: str = "PNG", over: str = "") -> str:
    """A picture (h, w, 3) uint8 of the photo's plane, at any resolution. A click on it moves the probe there.

    caption, over (laid over the picture): ready HTML.
    """
    drawn = f'<img src="{data_uri(rgb, kind)}" alt="{text(alt)}" draggable="false">{over}'
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f'<figure class="mt-pick"><div class="mt-frame">{drawn}</div>{below}</figure>'


def _heading_class(title: str) -> str:
    return _SIDES.get(title, "")
