"""Pictures of more than 8 bits a value: which value is white, and how they come to 8 bits.

A file does not say which value is white, so `find_white` decides for grey and colour alike, by the values that all
but a few pixels keep within. Pillow reads deep grey, but of 16-bit colours only the upper byte and of float colours
nothing; OpenCV decodes those two.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from mtcp.errors import InputError

FEW = 1e-3
"""Share of the values that may lie beyond white and are clipped: hot pixels, lamps, sparks."""
OVERSHOOT = 1.25
"""Float pictures may pass white by this factor everywhere: resampling overshoots at every bright edge."""
FLOAT_WHITES = (1.0, 255.0, 1023.0, 4095.0, 16383.0, 65535.0)
BITS = (10, 12, 14)
"""What sensors give less than 16 of."""
MOST_BELOW_BLACK = 0.05
MAX_DECODED = 2**30
"""Bytes of a picture that OpenCV decodes at once; 50 megapixels of float32 colours are 0.6 of it."""

_SAMPLE = 4_000_000  # values that decide what is white
_STRIP = 2_000_000  # values scaled at once: 16 MB in double precision
_BITS_PER_SAMPLE, _SAMPLE_FORMAT, _FLOAT = 258, 339, 3
_WIDTH, _HEIGHT, _XMP, _ICC = 256, 257, 700, 34675
_PLACES = ((273, 279), (324, 325))  # offsets and byte counts of strips, of tiles

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class White:
    """level: the value that becomes 255. note: what a person should know of that choice; mostly empty."""

    level: float
    note: str = ""


def find_white(values: np.ndarray) -> White:
    """Which value is white in a picture of real or whole numbers, of any shape, all channels together.

    What counts is the value that all but `FEW` of the finite values (and at least three) keep within.

    Floats: white is the first of `FLOAT_WHITES` that it reaches, give or take `OVERSHOOT`; beyond them it is
    itself white. Whole numbers: 255 and 65535, of int16 32767; and 1023, 4095 or 16383 if it lies under that and
    the lowest bits are used (all values have no common divisor), which a dark 8-bit photo saved with 16 bits
    does not do. A 16-bit picture that keeps under 256 is taken as dark, not as 8 bits: scaling it would show noise.

    Raises:
        InputError: HDR (floats of which half lie below a 256th of white, or that reach only a 16th of it), or over
            5 % of the values clearly below black. The message lacks the file's name.
    """
    sample = _sampled(values)
    if not sample.size:
        return White(1.0)
    top = _top(sample)
    if values.dtype.kind == "f":
        white = White(next((level for level in FLOAT_WHITES if top <= OVERSHOOT * level), top))
        _check_range(sample, top, white.level)
    else:
        white = _white_of_whole(sample, top, values.dtype)
    below = float(np.mean(sample < -0.05 * white.level))
    if below > MOST_BELOW_BLACK:
        raise InputError(
            f"{100 * below:.0f} % of its values are negative (down to {sample.min():g}); a photo's black is 0: "
            "scale them"
        )
    return white


def eight_bits(values: np.ndarray, white: float) -> np.ndarray:
    """Values of any shape (H, ...) as uint8: 0 and below black, `white` and above 255, NaN black."""
    rows = max(1, _STRIP * len(values) // max(values.size, 1))
    result = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), rows):
        strip = np.nan_to_num(values[top : top + rows].astype(np.float64), nan=0.0, posinf=white, neginf=0.0)
        result[top : top + rows] = np.round(strip.clip(0, white) * (255.0 / white))
    return result


def grey(image: Image.Image) -> tuple[Image.Image, str]:
    """A picture of one deep channel as 8 bits, and the note on its white.

    Raises:
        InputError: see `find_white`.
    """
    values = np.asarray(image)
    if image.mode == "I":
        values = _as_stored(values, getattr(image, "tag_v2", {}))
    white = find_white(values)
    made = Image.fromarray(eight_bits(values, white.level))
    made.info = {"xmp": image.info.get("xmp")}
    return made, white.note


def colours(image: Image.Image, content: bytes) -> tuple[Image.Image, str]:
    """A loaded picture of 16-bit colours, of which Pillow kept the upper bytes, and the note on its white.

    It is decoded again only if its upper range is unused; else the upper bytes are right as they are.
    """
    channels = len([band for band in image.getbands() if band != "A"])
    upper = np.asarray(image)[..., :channels]
    if _top(_sampled(upper)) >= 2 ** (max(BITS) - 8):
        return image, ""
    values = _decode(content)
    if values is None or values.shape[:2] != upper.shape[:2] or values.dtype != np.uint16:
        return image, ""
    white = find_white(values[..., :3])
    made = _picture(values, white.level, 65535.0)
    made.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return made, white.note


def float_tags(content: bytes) -> Image.Exif | None:
    """The tags of a TIFF of float numbers; None if `content` is something else, or truncated."""
    if not content.startswith((b"II*\0", b"MM\0*")):
        return None
    tags = Image.Exif()
    try:
        tags.load_from_fp(io.BytesIO(content))
        kinds, size = tags.get(_SAMPLE_FORMAT), (int(tags[_WIDTH]), int(tags[_HEIGHT]))
    except Exception as error:  # Pillow's parser raises anything on damaged tags
        _log.debug("TIFF tags unreadable: %s", error)
        return None
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    return tags if _FLOAT in kinds and min(size) > 0 else None


def float_size(tags: Image.Exif) -> tuple[int, int]:
    """(width, height) of a TIFF, by its tags."""
    return int(tags[_WIDTH]), int(tags[_HEIGHT])


def float_colours(content: bytes, tags: Image.Exif) -> tuple[Image.Image, str]:
    """A TIFF of float colours as 8 bits, with its ICC profile and XMP in `info`, and the note on its white.

    Raises:
        InputError: cut short, too large, of a kind that OpenCV does not decode; see also `find_white`.
    """
    width, height = float_size(tags)
    bits = tags.get(_BITS_PER_SAMPLE, 32)
    bits = bits if isinstance(bits, tuple) else (bits,)
    if not _is_whole(content, tags):
        raise InputError("damaged or cut short (its data ends too early)")
    if width * height * sum(bits) // 8 > MAX_DECODED:
        raise InputError(f"over {MAX_DECODED >> 20} MiB of float numbers; give a smaller copy")
    values = _decode(content)
    if values is None or values.ndim != 3 or values.shape[:2] != (height, width) or values.dtype.kind != "f":
        raise InputError(
            f"damaged, or a TIFF of an unusual kind ({len(bits)} x {bits[0]}-bit float); export it as PNG or JPEG"
        )
    white = find_white(values[..., :3])
    made = _picture(values, white.level, 1.0)
    made.info = {"icc_profile": tags.get(_ICC), "xmp": tags.get(_XMP)}
    return made, white.note


def _sampled(values: np.ndarray) -> np.ndarray:
    """The finite values (N,), or some millions of them drawn at random, the same at every call."""
    flat = values.reshape(-1)
    if flat.size > _SAMPLE:
        flat = flat[np.random.default_rng(0).integers(0, flat.size, _SAMPLE)]
    return flat[np.isfinite(flat)] if flat.dtype.kind == "f" else flat


def _top(sample: np.ndarray) -> float:
    """The value that all but a few keep within."""
    last = sample.size - 1 - min(sample.size - 1, max(3, int(FEW * sample.size)))
    return float(np.partition(sample, last)[last])


def _white_of_whole(sample: np.ndarray, top: float, dtype: np.dtype) -> White:
    full = float(min(np.iinfo(dtype).max, 65535))
    if top > full:  # of 32 bits nobody uses all
        return White(top)
    if top <= 255:
        if dtype.itemsize > 2:
            return White(255.0)
        return White(full, "almost black: its 16-bit values keep under 256") if top > 0 else White(full)
    bits = next((bits for bits in BITS if top < 2**bits), 16)
    level = 2.0**bits - 1
    used = sample[(sample > 0) & (sample <= level)]
    if level >= full or np.gcd.reduce(used) > 1:
        return White(full)
    return White(level, f"its values use {bits} of 16 bits, so {level:.0f} is taken as white")


def _check_range(sample: np.ndarray, top: float, white: float) -> None:
    if white <= 1.0:
        return
    lit = sample[sample > 0]
    half = float(np.median(lit)) if lit.size else 0.0
    if top < white / 16 or half < white / 256:
        raise InputError(
            f"its values reach {top:.4g} and half of them lie below {half:.2g}: an HDR picture, "
            "or one that tells no white; tone-map it and save it with 8 bits"
        )


def _as_stored(values: np.ndarray, tags: Mapping[int, Any]) -> np.ndarray:
    """int32 as the TIFF has it: Pillow gives unsigned 32 bits and signed 16 bits that type too."""
    kind, bits = tags.get(_SAMPLE_FORMAT, (1,))[0], tags.get(_BITS_PER_SAMPLE, (0,))[0]
    if kind == 1 and bits == 32:
        return values.view(np.uint32)
    return values.astype(np.int16) if kind == 2 and bits == 16 else values


def _picture(values: np.ndarray, white: float, opaque: float) -> Image.Image:
    """OpenCV's BGR or BGRA (H, W, C) as 8 bits. opaque: full alpha, unless alpha keeps within the colours' white."""
    made = eight_bits(values[..., 2::-1], white)
    if values.shape[2] == 3:
        return Image.fromarray(made)
    alpha = values[..., 3]
    full = white if float(np.nan_to_num(alpha).max()) <= white else opaque
    return Image.fromarray(np.dstack((made, eight_bits(alpha, full))))


def _decode(content: bytes) -> np.ndarray | None:
    """A file as (H, W, 3 or 4), BGR or BGRA in its own type; None if OpenCV cannot."""
    import cv2

    cv2.utils.logging.setLogLevel(
        cv2.utils.logging.LOG_LEVEL_SILENT
    )  # else it writes its own lines between ours
    try:
        found = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        _log.debug("OpenCV: %s", error)
        return None
    return found if found is not None and found.ndim == 3 and found.shape[2] in (3, 4) else None


def _is_whole(content: bytes, tags: Image.Exif) -> bool:
    """Whether the file has all the bytes that its tags point to; OpenCV would leave gaps without a word."""
    for places, lengths in _PLACES:
        offsets, counts = tags.get(places, ()), tags.get(lengths, ())
        offsets, counts = (v if isinstance(v, tuple) else (v,) for v in (offsets, counts))
        if offsets:
            return all(at + count <= len(content) for at, count in zip(offsets, counts, strict=False))
    return False
