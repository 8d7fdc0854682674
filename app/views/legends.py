"""What the colours of a picture mean, as HTML. One function per kind of picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.sides import FIRST, ONE, SECOND, Words
from app.views import html
from app.views.class_names import plain
from mtcp.drawing import colour
from mtcp.drawing.scale import Scale
from mtcp.tasks import measure
from mtcp.tasks.measure import Share, Spread, Transition

SHOWN_SHARE = 0.01
"""Classes under this share of the photo are folded away."""


def labels(
    found: Sequence[Share], palette: Sequence[html.Rgb], traced: bool = True, words: Words = ONE
) -> str:
    """The classes present, with colour and share in the first side and, if `traced`, the second; small ones folded."""
    large = [share for share in found if max(share.initial, share.refined) >= SHOWN_SHARE]
    small = [share for share in found if share not in large]
    shown = _shares_table(large, palette, traced, words)
    if not small:
        return _legend(shown)
    title = f"{len(small)} more under {SHOWN_SHARE:.0%}"
    return _legend(
        f"{shown}<details><summary>{title}</summary>{_shares_table(small, palette, traced, words)}</details>"
    )


def bar(scale: Scale) -> str:
    """The colours of a scale with its numbers, and with its words where it has some."""
    colours = colour.colour_map(scale.colours)
    if scale.words is not None:
        return signed(colours, scale.high, scale.unit, scale.words)
    digits = 0 if scale.unit == "°" and scale.high >= 10 else 1
    return range_bar(colours, scale.low, scale.high, scale.unit, digits)


def range_bar(colours: np.ndarray, low: float, high: float, unit: str, digits: int = 1) -> str:
    """A colour bar (N, 3) from `low` to `high`, with the middle named as well."""
    ticks = [quantity(value, unit, digits) for value in (low, (low + high) / 2, high)]
    return _legend(html.bar(colours, ticks))


def spreads(columns: Sequence[Spread], unit: str, names: Sequence[str], words: Words = ONE) -> str:
    """Lowest, median and highest value of the first side and, with two columns, of the second, in rows `names`."""
    head = ["", *_sides(words)][: len(columns) + 1]
    values = [(column.low, column.median, column.high) for column in columns]
    rows = [[name, *(f"{triple[i]:.2f} {unit}" for triple in values)] for i, name in enumerate(names)]
    return _legend(html.table(head, rows))


def normal_axes(ball: np.ndarray) -> str:
    """The ball whose surface shows every normal that a camera can see (RGBA), and the axes in words."""
    names = "".join(f"<span>{name}</span>" for name in ("up", "left", "right", "down"))
    picture = f'<img src="{html.data_uri(ball)}" alt="colour of each normal direction on a ball">'
    words = (
        "The colour of the direction a surface faces, as on a ball seen from the camera."
        "<p>x right, y down, z forward: a wall that faces the camera is (0, 0, \N{MINUS SIGN}1), the ball's middle.</p>"
    )
    shown = f'<div class="mt-ball">{names}{picture}</div><div>{words}</div>'
    return _legend(f'<div class="mt-axes">{shown}</div>')


def changed_labels(
    moves: Sequence[Transition], classes: Sequence[str], palette: Sequence[html.Rgb], words: Words = ONE
) -> str:
    """How to read the map of changed labels, and the most frequent changes."""
    note = "Coloured: the class it has now. Grey: the class did not change."
    if words.two:
        note = "Coloured: the class in B, where A has another one. Grey: the same class in both."
    if not moves:
        return _legend(note)
    rows = [
        [
            f"{html.swatch(palette[move.before])}{html.text(plain(classes[move.before]))} &rarr; "
            f"{html.swatch(palette[move.after])}{html.text(plain(classes[move.after]))}",
            percent(move.share),
        ]
        for move in moves
    ]
    return _legend(note + html.table(["most frequent", "of the photo"], rows))


def signed(colours: np.ndarray, limit: float, unit: str, words: tuple[str, str]) -> str:
    """A colour bar from -limit to +limit with a word for each side, such as ("closer", "farther")."""
    digits = 0 if limit >= 5 else 2
    end = quantity(limit, unit, digits)
    ticks = [f"{words[0]} {end}", "0", f"{words[1]} {end}"]
    return _legend(html.bar(colours, ticks))


def quantity(value: float, unit: str, digits: int) -> str:
    """A number with its unit; degrees stand close."""
    return f"{value:.{digits}f}{'' if unit in ('', '°') else ' '}{unit}"


def percent(share: float) -> str:
    """A share (0..1) as `measure.percent` writes it, safe in HTML."""
    return html.text(measure.percent(share))


def _legend(content: str) -> str:
    return f'<div class="mt-legend">{content}</div>'


def _sides(words: Words) -> list[str]:
    return [words.side(FIRST), words.side(SECOND)]


def _shares_table(found: Sequence[Share], palette: Sequence[html.Rgb], traced: bool, words: Words) -> str:
    columns = 3 if traced else 2
    rows = [
        [
            f"{html.swatch(palette[share.label])}{html.text(plain(share.name))}",
            percent(share.initial),
            percent(share.refined),
        ][:columns]
        for share in found
    ]
    return html.table(["class", *_sides(words)][:columns], rows)
