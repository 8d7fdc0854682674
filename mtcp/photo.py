"""The door for photos: whatever file a person has, as upright RGB.

Everything wrong with a file is one `InputError` that names it; nothing else comes out of `open_photo`.
"""

from __future__ import annotations

import functools
import io
import logging
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps

from mtcp.errors import InputError

MAX_PIXELS = 64_000_000
"""Larger photos are refused: the maps alone (32 bytes a pixel, initial and refined) would be over 2 GB."""
MIN_SIDE = 8

_log = logging.getLogger(__name__)


def open_photo(source: str | os.PathLike[str] | BinaryIO) -> tuple[np.ndarray, float | None]:
    """Reads a photo file (path or binary file object) of any kind that Pillow knows, HEIC with `pillow_heif`.

    EXIF orientation is applied, transparency is put on white, 16-bit and float grey is scaled to 8 bits, CMYK
    and embedded ICC profiles become sRGB. Of an animation or a multi-page file, the first picture.

    Returns:
        RGB uint8 (H, W, 3), upright; and the 35 mm equivalent focal length in mm from EXIF, None if not told.

    Raises:
        InputError: no such file, not a picture, truncated, larger than `MAX_PIXELS`, smaller than `MIN_SIDE`.
    """
    name = _name(source)
    _register_heif()
    try:
        with Image.open(source) as image:
            _check_size(name, image.width, image.height)
            image.load()
            focal = _focal35(image)
            array = np.array(_to_rgb(_upright(image)))
    except InputError:
        raise
    except (
        Exception
    ) as error:  # on damaged files Pillow's decoders raise anything from struct.error to MemoryError
        raise InputError(f"{name}: {_reason(source, error)}") from error
    return array, focal


def check_photo(array: np.ndarray) -> np.ndarray:
    """The array itself if it is a photo: uint8 (H, W, 3), sides and size as `open_photo` would allow.

    Raises:
        InputError: it is not.
    """
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise InputError(f"photo is {found}: expected a path, or RGB uint8 of shape (H, W, 3)")
    _check_size("photo", array.shape[1], array.shape[0])
    return array


def _name(source: str | os.PathLike[str] | BinaryIO) -> str:
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    return str(getattr(source, "name", "photo"))


def _check_size(name: str, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name}: {width}x{height} is over {MAX_PIXELS // 10**6} megapixels; give a smaller copy"
        )
    if min(width, height) < MIN_SIDE:
        raise InputError(f"{name}: {width}x{height} is too small (at least {MIN_SIDE} pixels a side)")


def _reason(source: str | os.PathLike[str] | BinaryIO, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError) or (
        isinstance(source, (str, os.PathLike)) and Path(source).is_dir()
    ):
        return "is a folder, not a photo"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, Image.UnidentifiedImageError):
        return "not a picture in any format that can be read here"
    if isinstance(error, Image.DecompressionBombError):
        return f"over {MAX_PIXELS // 10**6} megapixels; give a smaller copy"
    text = " ".join(str(error).split())[:120]
    return f"damaged or cut short ({type(error).__name__}: {text})"


@functools.cache
def _register_heif() -> None:
    try:
        import pillow_heif
    except ImportError:
        _log.debug("pillow_heif is not installed: HEIC photos cannot be read")
        return
    pillow_heif.register_heif_opener()


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception as error:  # a broken EXIF block must not cost the photo
        _log.debug("EXIF orientation unreadable: %s", error)
        return image


def _focal35(image: Image.Image) -> float | None:
    try:
        value = float(image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.FocalLengthIn35mmFilm, 0))
    except Exception as error:  # likewise: a broken block tells nothing
        _log.debug("EXIF unreadable: %s", error)
        return None
    return value if 1.0 <= value <= 5000.0 else None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F", "I;16", "I;16B", "I;16L", "I;16N"):
        return Image.fromarray(_deep_grey(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        white.info = image.info
        image = Image.alpha_composite(white, image)
        return _to_srgb(image.convert("RGB"), white.info.get("icc_profile"))
    return _to_srgb(image, image.info.get("icc_profile"))


def _deep_grey(array: np.ndarray) -> np.ndarray:
    """Grey of more than 8 bits -> uint8. White is 1, 255, 65535 or the maximum, by type and maximum."""
    values = np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=np.inf, neginf=0.0)
    top = float(values.max(initial=0.0, where=np.isfinite(values)))
    if np.issubdtype(array.dtype, np.floating):
        full = next((limit for limit in (1.0, 255.0, 65535.0) if top <= limit), top)
    else:
        full = 65535.0 if array.dtype == np.uint16 or 255 < top <= 65535 else max(top, 255.0)
    return np.round(values.clip(0, full) * (255.0 / full)).astype(np.uint8)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode not in ("RGB", "CMYK", "L"):
        return image.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError, ValueError) as error:
            _log.debug("embedded ICC profile ignored: %s", error)
        else:
            if converted is not None:
                return converted
    return image.convert("RGB")
