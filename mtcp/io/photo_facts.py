"""What a photo's file says besides its pixels: the lens, and whether the picture comes from a pinhole camera at all."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import ExifTags, Image

from mtcp.geometry.camera import FULL_FRAME_DIAGONAL_MM

WIDEST_ASPECT = 2.2
"""Pictures whose sides are further apart may be panoramas; 21:9 screens are beyond it, all cameras' formats within."""
MM_OF_UNIT = {1: 25.4, 2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
"""EXIF FocalPlaneResolutionUnit -> mm; 1 (none) is taken for inches, as EXIF has it for a missing one."""
SENSORS_MM = (3.0, 100.0)
"""Diagonals that sensors have, from the smallest of phones to medium format; others are wrong entries."""
FOCAL35_MM = (1.0, 5000.0)

_HOLDS_NOT = "coherence and 3D take it for a pinhole picture and do not hold"
_NO_PANORAMAS = ("rectilinear", "perspective")
_APPLE_PANORAMA = 6  # of EXIF CustomRendered, where the standard ends at 1
_SAME = 0.01  # aspects that differ by less are equal: sizes are rounded to 8 or 16 pixels

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PhotoFacts:
    """Plain values, so that they cross a process boundary.

    focal35_mm: 35 mm equivalent focal length by the diagonal, of the picture as it is (turned, resized, cropped); None
        if the file does not tell. focal_from: what it was computed from, for people.
    geometry_note: why geometry does not hold for the picture, as half a sentence; empty for a pinhole picture.
    reading_note: what was decided in reading the pixels that a person should know; mostly empty.
    """

    focal35_mm: float | None = None
    focal_from: str = ""
    geometry_note: str = ""
    reading_note: str = ""


def read_facts(
    exif: Image.Exif, xmp: bytes | str | None, size: tuple[int, int], reading_note: str = ""
) -> PhotoFacts:
    """The facts in a file's metadata. Damaged metadata is no error; it counts as missing.

    The focal length comes from EXIF FocalLengthIn35mmFilm, else from FocalLength and FocalPlaneXResolution. Both are of
    the picture as it was taken, whose size is PixelXDimension x PixelYDimension. If the present size has the same
    shape, turned or not, the picture was resized and its field of view is the same. If not, it was cropped, and it is
    taken for the largest part of that shape, in which the field of view is the widest that it can be.

    An editor that wrote its own size into PixelXDimension and left FocalPlaneXResolution as it was looks the same
    as a small sensor.

    Args:
        xmp: the XMP packet. size: (width, height) as stored, before EXIF's orientation.
    """
    try:
        block = {**exif.get_ifd(ExifTags.IFD.Exif)}
    except Exception as error:  # on a broken block Pillow raises anything
        _log.debug("EXIF unreadable: %s", error)
        block = {}
    focal35_mm, focal_from = _focal(block, size)
    note = _panorama(block, xmp) or wide_note(*size)
    return PhotoFacts(focal35_mm, focal_from, note, reading_note)


def wide_note(width: int, height: int) -> str:
    """The geometry note of a picture of which only the size is known."""
    ratio = max(width, height) / min(width, height)
    if ratio <= WIDEST_ASPECT:
        return ""
    shape = "wide as high" if width > height else "high as wide"
    return f"{ratio:.2f} times as {shape}: if it is a panorama, {_HOLDS_NOT}"


def _panorama(block: Mapping[int, Any], xmp: bytes | str | None) -> str:
    packet = xmp.encode("utf-8", "replace") if isinstance(xmp, str) else xmp or b""
    kind = _gpano(packet, "ProjectionType").lower()
    full, part = (
        float(_gpano(packet, key) or 0) for key in ("FullPanoWidthPixels", "CroppedAreaImageWidthPixels")
    )
    if (kind or full) and kind not in _NO_PANORAMAS:
        degrees = f", {360 * part / full:.0f} degrees across" if 0 < part <= full else ""
        return f"{kind or 'a'} panorama by its XMP{degrees}: {_HOLDS_NOT}"
    if block.get(ExifTags.Base.CustomRendered) == _APPLE_PANORAMA:
        return f"panorama by its EXIF: {_HOLDS_NOT}"
    return ""


def _gpano(packet: bytes, key: str) -> str:
    """A GPano property of an XMP packet, as an attribute or an element; empty if there is none."""
    found = re.search(rb"GPano:" + key.encode() + rb"\s*(?:=\s*[\"']|>)\s*([A-Za-z0-9.]{1,40})", packet)
    text = found[1].decode() if found else ""
    return text if key == "ProjectionType" or re.fullmatch(r"\d{1,9}(\.\d*)?", text) else ""


def _focal(block: Mapping[int, Any], size: tuple[int, int]) -> tuple[float | None, str]:
    """35 mm equivalent focal length of the picture of `size`, and what it was computed from."""
    taken = (
        _number(block, ExifTags.Base.ExifImageWidth) or size[0],
        _number(block, ExifTags.Base.ExifImageHeight) or size[1],
    )
    factor = _crop_factor(taken, size)
    focal35, words = _number(block, ExifTags.Base.FocalLengthIn35mmFilm), ""
    if FOCAL35_MM[0] <= focal35 <= FOCAL35_MM[1]:
        words = f"{focal35:g} mm, 35 mm equivalent"
    elif factor is not None:
        focal35, words = _by_sensor(block, taken)
    if factor is not None and abs(factor - 1) > _SAME:
        focal35, words = focal35 * factor, f"{words}, cropped"
    if not FOCAL35_MM[0] <= focal35 <= FOCAL35_MM[1]:
        return None, ""
    return focal35, words


def _by_sensor(block: Mapping[int, Any], taken: tuple[float, float]) -> tuple[float, str]:
    """35 mm equivalent focal length (0: unknown) from the lens's own and the sensor's pixels."""
    focal = _number(block, ExifTags.Base.FocalLength)
    per_unit = _number(block, ExifTags.Base.FocalPlaneXResolution)
    mm = MM_OF_UNIT.get(int(_number(block, ExifTags.Base.FocalPlaneResolutionUnit)) or 2)
    if not (focal and per_unit and mm):
        return 0.0, ""
    diagonal = math.hypot(*taken) / per_unit * mm
    if not SENSORS_MM[0] <= diagonal <= SENSORS_MM[1]:
        return 0.0, ""
    zoom = max(1.0, _number(block, ExifTags.Base.DigitalZoomRatio))
    words = f"{focal:g} mm on a sensor {taken[0] / per_unit * mm:.1f} mm wide"
    words += f", {zoom:g}x digital zoom" if zoom > 1 else ""
    return focal * zoom / diagonal * FULL_FRAME_DIAGONAL_MM, words


def _crop_factor(taken: tuple[float, float], size: tuple[int, int]) -> float | None:
    """By what the picture's equivalent focal length is longer than when it was taken; 1 unless it was cropped.

    None: it is larger than what it could have been cropped from, so `taken` is wrong.
    """
    (w, h), (W, H) = taken, size
    if any(abs(a * H / (b * W) - 1) <= _SAME for a, b in ((w, h), (h, w))):
        return 1.0
    scale = max(W / w, H / h)  # pixels of the picture per pixel taken, if it is the largest part of its shape
    return scale * math.hypot(w, h) / math.hypot(W, H) if scale <= 1 + _SAME else None


def _number(block: Mapping[int, Any], tag: int) -> float:
    """A positive number of the block; 0 if it is missing or rubbish."""
    try:
        value = float(block.get(tag, 0))
    except (TypeError, ValueError, ArithmeticError):
        return 0.0
    return value if math.isfinite(value) and value > 0 else 0.0
