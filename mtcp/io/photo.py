"""The door for photos: whatever file a person has, as upright RGB.

Everything wrong with a file is one `InputError` that names it; nothing else comes out of `open_photo`. Only the
formats in `FORMATS` are tried: Pillow knows many more, and some run other programs (EPS) or only make stubs.
"""

from __future__ import annotations

import functools
import io
import logging
import os
import posixpath
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms

from mtcp.errors import InputError, one_line
from mtcp.io import deep
from mtcp.io.photo_facts import PhotoFacts, read_facts

MAX_PIXELS = 52_000_000
"""Larger photos are refused: at 34 bytes a pixel for the maps, initial and refined, and what it takes to write
them, this is what 3 GiB of memory can do. Phones' 50-megapixel photos fit."""
MAX_BYTES = 512 * 2**20
"""Larger files are refused: nothing of `MAX_PIXELS` needs more."""
MAX_SCANS = 100
"""Progressive JPEGs have about ten scans; each costs a pass over the whole picture, however few bytes it has."""
MIN_SIDE = 8
LONGEST_SIDE = 1024
"""What the page, the endpoint and the command line work at by default: the network sees less anyway, and
the maps of a 48-megapixel photo are 1.5 GB."""
SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .mpo .png .gif .webp .tif .tiff .bmp .ppm .pgm .pnm .avif .heic .heif".split()
)
"""What is taken for a picture in a folder; what is in the file decides later."""
FORMATS = ("JPEG", "MPO", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "AVIF", "HEIF")

_DEEP_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_DEEP_COLOURS = ("RGB;16", "RGBX;16", "RGBA;16", "LA;16")  # how Pillow names what it reads the upper bytes of
_REDUCED, _TILE_WIDTH, _TILE_LENGTH = 254, 322, 323  # TIFF tags
_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"II*\0", b"MM\0*", b"BM")
_OTHERS = {b"%PDF": "a PDF document", b"%!": "a PostScript drawing", b"8BPS": "a Photoshop document"}

_log = logging.getLogger(__name__)


def open_photo(
    source: str | os.PathLike[str] | BinaryIO, name: str | None = None
) -> tuple[np.ndarray, PhotoFacts]:
    """Reads a photo file (path or binary file object): JPEG, PNG, GIF, WebP, TIFF, BMP, PPM, AVIF, and HEIC with
    `pillow_heif`.

    EXIF orientation is applied, transparency is put on white, 16-bit and float pictures, grey or colour, are
    scaled to 8 bits (which value is white: `mtcp.io.deep.find_white`), CMYK and embedded ICC profiles become
    sRGB. Of an animation or a multi-page file, the first picture.

    Args:
        name: what errors call the file; None: its path as given.

    Returns:
        RGB uint8 (H, W, 3), upright; and what the file tells of the lens and of the kind of picture.

    Raises:
        InputError: no such file, not a picture, truncated, larger than `MAX_PIXELS`, smaller than `MIN_SIDE`; HDR.
    """
    name = one_line(_name(source) if name is None else name)
    if isinstance(source, (str, os.PathLike)):
        _check_file(name, source)
    _register_heif()
    try:
        image, exif, note = _decode(name, source)
        facts = read_facts(exif, image.info.get("xmp"), image.size, note)
        array = np.array(_to_rgb(_upright(image, exif)))
    except InputError:
        raise
    except (
        Exception
    ) as error:  # on damaged files Pillow's decoders raise anything from struct.error to MemoryError
        raise InputError(f"{name}: {_reason(source, error)}") from error
    _check_size(name, array.shape[1], array.shape[0])
    return array, facts


def _decode(name: str, source: str | os.PathLike[str] | BinaryIO) -> tuple[Image.Image, Image.Exif, str]:
    """The picture as stored, of at most 8 bits a value; its EXIF; a note on what was decided in reading it."""
    try:
        opened = Image.open(source, formats=_formats())
    except Image.UnidentifiedImageError:
        tags = deep.float_tags(content := _content(source))
        if tags is None:
            raise
        _check_size(name, *deep.float_size(tags))
        _check_tiff(name, tags)
        made, note = _named(name, deep.float_colours, content, tags)
        return made, tags, note
    with opened:
        image: Image.Image = opened
        _check_size(name, image.width, image.height)
        _check_inside(name, image)
        stored = str(image.tile[0].args) if image.tile else ""  # type: ignore[attr-defined]
        image.load()
        exif = _exif(image)
        note = ""
        if image.mode in _DEEP_MODES:
            image, note = _named(name, deep.grey, image)
        elif any(kind in stored for kind in _DEEP_COLOURS):
            image, note = _named(name, deep.colours, image, _content(source))
        return image, exif, note


def _named(name: str, read: Callable[..., tuple[Image.Image, str]], *args: Any) -> tuple[Image.Image, str]:
    """`read(*args)`, whose complaints do not name the file."""
    try:
        return read(*args)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def is_picture(name: str) -> bool:
    """Whether a path with slashes is taken for a picture, by its suffix; hidden files (`.NAME`) are not."""
    base = posixpath.basename(name)
    return not base.startswith(".") and posixpath.splitext(base)[1].lower() in SUFFIXES


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


def shrink(photo: np.ndarray, longest: int) -> np.ndarray:
    """`photo` (H, W, 3) uint8 with its longer side at most `longest`, the shape kept to within a pixel.

    No side becomes smaller than `check_photo` allows.
    """
    height, width = photo.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1.0:
        return photo
    rows, columns = (max(min(side, MIN_SIDE), round(side * scale)) for side in (height, width))
    return np.asarray(
        Image.fromarray(photo).resize((columns, rows), Image.Resampling.LANCZOS, reducing_gap=3.0)
    )


def _name(source: str | os.PathLike[str] | BinaryIO) -> str:
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    return str(getattr(source, "name", "photo"))


def _check_file(name: str, path: str | os.PathLike[str]) -> None:
    """Refuses, before it is opened, what would be waited for or read without end: a pipe, a device."""
    try:
        found = os.stat(path)  # noqa: PTH116 (Path would lose a trailing slash)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{name}: no such file") from None
    except (OSError, ValueError) as error:  # a null byte in the name is a ValueError
        raise InputError(f"{name}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{name}: is a folder, not a photo")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{name}: is no ordinary file")
    if found.st_size > MAX_BYTES:
        raise InputError(f"{name}: {found.st_size >> 20} MiB; photos may have {MAX_BYTES >> 20} MiB")


def _check_size(name: str, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name}: {width}x{height} is over {MAX_PIXELS // 10**6} megapixels; give a smaller copy"
        )
    if min(width, height) < MIN_SIDE:
        raise InputError(f"{name}: {width}x{height} is too small (at least {MIN_SIDE} pixels a side)")


def _check_inside(name: str, image: Image.Image) -> None:
    """Refuses what a file's declared size does not show: a thumbnail as first picture, huge tiles, endless scans."""
    if image.format == "TIFF":
        _check_tiff(name, getattr(image, "tag_v2", {}))
    if image.format in ("JPEG", "MPO") and "progressive" in image.info and _scans(image) > MAX_SCANS:
        raise InputError(f"{name}: over {MAX_SCANS} progressive scans; save it again")


def _check_tiff(name: str, tags: Mapping[int, Any]) -> None:
    if int(tags.get(_REDUCED, 0)) & 1:
        raise InputError(f"{name}: its first picture is a thumbnail (a raw file?); export it as JPEG")
    if int(tags.get(_TILE_WIDTH, 0)) * int(tags.get(_TILE_LENGTH, 0)) > MAX_PIXELS:
        raise InputError(f"{name}: its tiles are over {MAX_PIXELS // 10**6} megapixels; save it again")


def _scans(image: Image.Image) -> int:
    """Start-of-scan markers in the file; within picture data these two bytes cannot occur."""
    file = image.fp  # type: ignore[attr-defined]
    at = file.tell()
    file.seek(0)
    count, last = 0, b""
    while part := file.read(2**20):
        count += (last + part).count(b"\xff\xda")
        last = part[-1:]
    file.seek(at)
    return count


def _formats() -> list[str]:
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _reason(source: str | os.PathLike[str] | BinaryIO, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, Image.UnidentifiedImageError):
        return _what_it_is(_head(source))
    if isinstance(error, Image.DecompressionBombError):
        return f"over {MAX_PIXELS // 10**6} megapixels; give a smaller copy"
    if isinstance(error, MemoryError):
        return "not enough memory to decode it; give a smaller copy"
    text = " ".join(str(error).split())[:120]
    return f"damaged or cut short ({type(error).__name__}: {text})"


def _content(source: str | os.PathLike[str] | BinaryIO) -> bytes:
    if isinstance(source, (str, os.PathLike)):
        return Path(source).read_bytes()
    source.seek(0)
    return source.read(MAX_BYTES)


def _head(source: str | os.PathLike[str] | BinaryIO) -> bytes:
    try:
        if isinstance(source, (str, os.PathLike)):
            with Path(source).open("rb") as file:
                return file.read(1024)
        source.seek(0)
        return source.read(1024)
    except (OSError, ValueError) as error:
        _log.debug("cannot be read again: %s", error)
        return b""


def _what_it_is(head: bytes) -> str:
    """Words for a file that no reader takes, by its first bytes."""
    if not head:
        return "not a picture: the file is empty"
    if b"<svg" in head.lower():
        return "not a picture but an SVG drawing; export it as PNG"
    for start, what in _OTHERS.items():
        if head.startswith(start):
            return f"not a picture but {what}; export it as JPEG"
    if head[4:8] == b"ftyp" and "HEIF" not in Image.OPEN:
        return "HEIC cannot be read here: pip install pillow-heif, or export it as JPEG"
    if head.startswith(_PICTURES) or head[8:12] == b"WEBP" or head[4:8] == b"ftyp":
        return "damaged, cut short or of an unusual kind; export it again as JPEG or PNG"
    return "not a picture; give a JPEG, PNG, HEIC, WebP or TIFF"


@functools.cache
def _register_heif() -> None:
    try:
        import pillow_heif
    except ImportError:
        _log.debug("pillow_heif is not installed: HEIC photos cannot be read")
        return
    pillow_heif.register_heif_opener()


def _exif(image: Image.Image) -> Image.Exif:
    """The EXIF of an open picture, with the block of the lens read; empty if it is damaged."""
    try:
        exif = image.getexif()
    except Exception as error:  # a broken EXIF block must not cost the photo
        _log.debug("EXIF unreadable: %s", error)
        return Image.Exif()
    try:
        exif.get_ifd(ExifTags.IFD.Exif)  # now, while the file is open
    except Exception as error:  # nor may a broken part of it cost the orientation
        _log.debug("EXIF of the lens unreadable: %s", error)
    return exif


def _upright(image: Image.Image, exif: Image.Exif) -> Image.Image:
    try:
        turn = _TURN.get(exif.get(ExifTags.Base.Orientation, 1))
    except Exception as error:  # likewise
        _log.debug("EXIF orientation unreadable: %s", error)
        return image
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), image)
    return _to_srgb(image if image.mode in ("RGB", "CMYK", "L") else image.convert("RGB"), profile)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """image: RGB, CMYK or L."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
            _log.debug("embedded ICC profile ignored: %s", error)
        else:
            if converted is not None:
                return converted
    return image.convert("RGB")
