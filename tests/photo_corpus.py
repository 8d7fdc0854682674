"""Photos of every kind that people have, and files that only look like photos, each with what is expected of it.

All are made here, in a second or two; only `Case.heavy` ones are large once decoded. Most show the same picture:
four quarters, red, green, blue and white, of which a reader must find the middles where an upright photo has them.
"""

from __future__ import annotations

import functools
import io
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms

Colour = tuple[int, int, int]

W, H = 48, 32
RED, GREEN, BLUE, WHITE = (230, 20, 20), (20, 200, 20), (20, 20, 230), (255, 255, 255)
QUARTERS: tuple[Colour, ...] = (RED, GREEN, BLUE, WHITE)  # top left, top right, bottom left, bottom right
SUNK = "damaged|cut short"
TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}
"""What has to be done to the upright picture (H, W, 3) to get the stored one, by EXIF orientation."""
OF_EACH_KIND = (
    *("plain.png", "exif-6.jpeg", "grey-float-nan.tif", "phone.heic", "animated.gif", "size-8x5000.png"),
    *("küche 家 🛋️.png", "-out.png", "up/../level.png", "..%2F..%2Fetc%2Fpasswd.png", "x" * 150),
    *('the "room".png', "two\nlines.png", "\x1b[31mred.png", "no\nphoto.png"),
    *("size-1x1.png", "empty.jpg", "text.jpg", "drawing.svg", "torn-5.jpg", "claims-9000.png", "scans.jpg"),
)
"""Names of the files that go through every door of the program; all others only through `open_photo`."""


@dataclass(frozen=True)
class Case:
    """A file and what is expected of it: a picture (size, quarters) or a message (says, a regular expression).

    Attributes:
        name: its path below the corpus's folder.
        size: (width, height) upright. quarters: colours in the middle of the four quarters, each within `within`.
        heavy: large once decoded.
    """

    name: str
    made: bytes | Callable[[], bytes]
    size: tuple[int, int] | None = None
    quarters: tuple[Colour, ...] = QUARTERS
    within: int = 1
    says: str = ""
    heavy: bool = False

    @property
    def content(self) -> bytes:
        """The file's bytes; heavy ones are made when they are asked for."""
        return self.made() if callable(self.made) else self.made

    def problem(self, photo: np.ndarray) -> str:
        """What is wrong with the photo (H, W, 3) that a reader made of it; empty if nothing."""
        if self.size is None:
            return f"read as {photo.shape}, expected a message: {self.says}"
        if photo.shape != (self.size[1], self.size[0], 3) or photo.dtype != np.uint8:
            return f"{photo.dtype} {photo.shape}, expected uint8 of (width, height) {self.size}"
        height, width = photo.shape[:2]
        places = [(y * height // 4, x * width // 4) for y in (1, 3) for x in (1, 3)]
        for place, expected in zip(places, self.quarters, strict=True):
            if np.abs(photo[place].astype(int) - expected).max() > self.within:
                return f"{photo[place].tolist()} at (row, column) {place}, expected {expected}"
        return ""

    def write(self, folder: Path) -> Path:
        """Puts the file below `folder`."""
        path = folder / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content)
        return path


@functools.cache
def cases() -> list[Case]:
    """The corpus. Formats that this Pillow cannot write are left out."""
    parts = (_kinds(), _greys(), _turned(), _profiles(), _moving(), _phones(), _names())
    parts += (_sizes(), _strangers(), _torn(), _liars(), _heavy())
    found = [case for part in parts for case in part]
    assert len({case.name for case in found}) == len(found)
    return found


def of_each_kind() -> list[Case]:
    """The cases of `OF_EACH_KIND` that this machine can write."""
    found = [case for case in cases() if case.name in OF_EACH_KIND]
    assert len(found) > 15
    return found


def picture() -> np.ndarray:
    """RGB uint8 (H, W, 3): the four quarters."""
    array = np.empty((H, W, 3), np.uint8)
    for i, colour in enumerate(QUARTERS):
        top, left = i // 2 * H // 2, i % 2 * W // 2
        array[top : top + H // 2, left : left + W // 2] = colour
    return array


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The image as a file of `kind`."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    """An EXIF block with an orientation and a 28 mm lens."""
    block = Image.Exif()
    block[ExifTags.Base.Orientation] = orientation
    block.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = 28
    return block


def png_that_claims(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG of one bit a pixel whose header tells this size, whatever its data."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    made = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)


def _good(name: str, content: bytes, **expected: object) -> Case:
    return Case(name, content, **{"size": (W, H), **expected})  # type: ignore[arg-type]


def _rgb() -> Image.Image:
    return Image.fromarray(picture())


def _kinds() -> Iterator[Case]:
    rgb = _rgb()
    yield _good("plain.png", encoded(rgb))
    yield _good("plain.jpg", encoded(rgb, "JPEG", quality=95, subsampling=0), within=12)
    yield _good("progressive.jpg", encoded(rgb, "JPEG", quality=95, progressive=True), within=12)
    yield _good("UPPER.JPEG", encoded(rgb, "JPEG", quality=95), within=12)
    yield _good("plain.bmp", encoded(rgb, "BMP"))
    yield _good("plain.tif", encoded(rgb, "TIFF"))
    yield _good("deflate.tiff", encoded(rgb, "TIFF", compression="tiff_adobe_deflate"))
    yield _good("plain.ppm", encoded(rgb, "PPM"))
    yield _good("lossless.webp", encoded(rgb, "WEBP", lossless=True))
    yield _good("lossy.webp", encoded(rgb, "WEBP", quality=95), within=12)
    yield _good("wrong-ending.png", encoded(rgb, "JPEG", quality=95), within=12)
    yield _good("wrong-ending.jpg", encoded(rgb, "WEBP", lossless=True))
    yield _good("no-ending", encoded(rgb))
    yield _good("cmyk.jpg", encoded(rgb.convert("CMYK"), "JPEG", quality=95), within=12)
    yield _good("cmyk.tif", encoded(rgb.convert("CMYK"), "TIFF"))
    palette = rgb.quantize(4)
    yield _good("palette.png", encoded(palette), within=4)
    yield _good("palette.gif", encoded(palette, "GIF"), within=4)
    clear = palette.getpixel((W // 4, H // 4))
    on_white = (WHITE, GREEN, BLUE, WHITE)
    yield _good("palette-clear.png", encoded(palette, transparency=clear), quarters=on_white, within=4)
    alphas = bytes(0 if i == clear else 255 for i in range(4))
    yield _good("palette-alpha.png", encoded(palette, transparency=alphas), quarters=on_white, within=4)
    rgba = np.dstack((picture(), np.full((H, W), 255, np.uint8)))
    rgba[: H // 2, : W // 2, 3] = 0
    rgba[: H // 2, W // 2 :, 3] = 128
    half = tuple(round(c * 128 / 255 + 127) for c in GREEN)
    seen = (WHITE, half, BLUE, WHITE)
    yield _good("alpha.png", encoded(Image.fromarray(rgba)), quarters=seen)
    yield _good("alpha.webp", encoded(Image.fromarray(rgba), "WEBP", lossless=True), quarters=seen)
    yield _good("alpha.tif", encoded(Image.fromarray(rgba), "TIFF"), quarters=seen)


def _greys() -> Iterator[Case]:
    shades = np.array([0.0, 0.25, 0.5, 1.0])
    shown = tuple((g, g, g) for g in (0, 64, 128, 255))
    grey = np.kron(shades.reshape(2, 2), np.ones((H // 2, W // 2)))
    bits = Image.fromarray(np.where(grey > 0.4, 255, 0).astype(np.uint8)).convert("1")
    black_white = ((0, 0, 0), (0, 0, 0), WHITE, WHITE)
    yield _good("grey-1.png", encoded(bits), quarters=black_white)
    yield _good("grey-1.tif", encoded(bits, "TIFF", compression="group4"), quarters=black_white)
    eight = Image.fromarray(np.round(grey * 255).astype(np.uint8))
    yield _good("grey-8.png", encoded(eight), quarters=shown)
    yield _good("grey-8.jpg", encoded(eight, "JPEG", quality=95), quarters=shown, within=3)
    yield _good("grey-8-alpha.png", encoded(eight.convert("LA")), quarters=shown)
    sixteen = Image.fromarray(np.round(grey * 65535).astype(np.uint16))
    yield _good("grey-16.png", encoded(sixteen), quarters=shown)
    yield _good("grey-16.tif", encoded(sixteen, "TIFF"), quarters=shown)
    millions = np.round(grey * 3e6).astype(np.int32)
    yield _good("grey-32.tif", encoded(Image.fromarray(millions), "TIFF"), quarters=shown)
    floats = grey.astype(np.float32)
    yield _good("grey-float.tif", encoded(Image.fromarray(floats), "TIFF"), quarters=shown)
    holes = floats.copy()
    holes[::5, ::5], holes[1::5, ::5], holes[2::5, ::5] = np.nan, np.inf, -np.inf
    holes[H // 4, W // 4] = np.nan
    yield _good("grey-float-nan.tif", encoded(Image.fromarray(holes), "TIFF"), quarters=shown)
    nothing = np.full((H, W), np.nan, np.float32)
    black = ((0, 0, 0),) * 4
    yield _good("grey-float-all-nan.tif", encoded(Image.fromarray(nothing), "TIFF"), quarters=black)


def _turned() -> Iterator[Case]:
    for orientation, turn in TURNS.items():
        stored = Image.fromarray(np.ascontiguousarray(turn(picture())))
        for kind, options in (("JPEG", {"quality": 95, "subsampling": 0}), ("PNG", {})):
            content = encoded(stored, kind, exif=exif(orientation), **options)
            yield _good(f"exif-{orientation}.{kind.lower()}", content, within=12)
    stored = Image.fromarray(np.ascontiguousarray(TURNS[6](picture())))
    yield _good("exif-6.webp", encoded(stored, "WEBP", lossless=True, exif=exif(6)))
    yield _good("exif-6.tif", encoded(stored, "TIFF", exif=exif(6)))
    odd = Image.Exif()
    odd[ExifTags.Base.Orientation] = 77
    yield _good("exif-77.jpg", encoded(_rgb(), "JPEG", quality=95, exif=odd), within=12)
    rubbish = b"Exif\x00\x00II*\x00\xff\xff\xff\x7f" + b"\xff" * 40
    yield _good("exif-rubbish.jpg", encoded(_rgb(), "JPEG", quality=95, exif=rubbish), within=12)
    yield _good("exif-rubbish.png", encoded(_rgb(), exif=rubbish))
    yield _good("exif-text.jpg", encoded(_rgb(), "JPEG", quality=95, exif=b"Exif\0\0not tiff"), within=12)
    intact = exif(6).tobytes()
    # the orientation is whole, what follows points nowhere: the photo must still be turned
    torn = encoded(stored, "JPEG", quality=95, subsampling=0, exif=intact[:-12] + b"\xff" * 12)
    yield _good("exif-torn-behind-orientation.jpg", torn, within=12)


def _profiles() -> Iterator[Case]:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    yield _good("icc-srgb.png", encoded(_rgb(), icc_profile=srgb), within=2)
    yield _good("icc-srgb.jpg", encoded(_rgb(), "JPEG", quality=95, icc_profile=srgb), within=12)
    yield _good("icc-rubbish.png", encoded(_rgb(), icc_profile=b"no profile"))
    yield _good("icc-cut.jpg", encoded(_rgb(), "JPEG", quality=95, icc_profile=srgb[:200]), within=12)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    yield _good("icc-of-another-kind.png", encoded(_rgb(), icc_profile=lab))
    yield _good("icc-palette.png", encoded(_rgb().quantize(4), icc_profile=srgb), within=5)
    swapped = _red_as_green(srgb)
    expected = (GREEN, RED, BLUE, WHITE)  # roughly: the two primaries change places
    yield _good("icc-swapped.png", encoded(_rgb(), icc_profile=swapped), quarters=expected, within=45)


def _red_as_green(profile: bytes) -> bytes:
    """The profile with its red and green primaries exchanged."""
    count = struct.unpack(">I", profile[128:132])[0]
    swap = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}
    table = bytearray(profile)
    for i in range(count):
        at = 132 + 12 * i
        table[at : at + 4] = swap.get(bytes(table[at : at + 4]), table[at : at + 4])
    return bytes(table)


def _moving() -> Iterator[Case]:
    frames = [_rgb(), Image.new("RGB", (W, H), (9, 9, 9))]
    for name, kind, options in (
        ("animated.gif", "GIF", {}),
        ("animated.webp", "WEBP", {"lossless": True}),
        ("animated.png", "PNG", {}),
        ("pages.tif", "TIFF", {}),
    ):
        content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        yield _good(name, content, within=6)
    pages = encoded(
        frames[0], "TIFF", save_all=True, append_images=[Image.new("L", (20, 90)), Image.new("1", (9, 9))]
    )
    yield _good("pages-of-other-sizes.tif", pages)
    yield _good(
        "two-pictures.mpo.jpg", encoded(frames[0], "MPO", save_all=True, append_images=frames[1:]), within=12
    )
    thumbnail = encoded(_rgb(), "TIFF", tiffinfo={254: 1})
    yield Case("raw-with-thumbnail.dng", thumbnail, says="thumbnail")


def _phones() -> Iterator[Case]:
    big = Image.fromarray(np.kron(picture(), np.ones((4, 4, 1), np.uint8)))
    size = (4 * W, 4 * H)
    kinds = [("AVIF", "avif")] if "AVIF" in Image.SAVE else []
    try:
        import pillow_heif
    except ImportError:
        pass
    else:
        pillow_heif.register_heif_opener()
        kinds.append(("HEIF", "heic"))
    for kind, ending in kinds:
        content = encoded(big, kind, quality=95)
        yield _good(f"phone.{ending}", content, size=size, within=14)
        yield _good(f"phone-as.{ending}.jpg", content, size=size, within=14)
        upright = encoded(big, kind, quality=95, exif=exif(1).tobytes())
        yield _good(f"phone-exif.{ending}", upright, size=size, within=14)
        turned = encoded(big.transpose(Image.Transpose.ROTATE_90), kind, quality=95, exif=exif(6).tobytes())
        yield _good(f"phone-turned.{ending}", turned, size=size, within=14)
        yield Case(f"phone-torn.{ending}", content[: len(content) // 2], says=SUNK)
        yield Case(f"phone-head.{ending}", content[:40], says=SUNK)


def _names() -> Iterator[Case]:
    content = encoded(_rgb())
    names = [
        "a photo of my room.png",
        "it's mine.png",
        "küche 家 🛋️.png",
        ".hidden.png",
        "-out.png",
        "100%.png",
    ]
    names += [
        "#1.png",
        "a;b&c$(d).png",
        "two.dots.png",
        "up/../level.png",
        "..%2F..%2Fetc%2Fpasswd.png",
        "x" * 150,
    ]
    if sys.platform != "win32":
        names += ['the "room".png', "a*b?.png", "back\\..\\slash.png", "two\nlines.png", "\x1b[31mred.png"]
    for name in names:
        yield _good(name, content)
    if sys.platform != "win32":
        yield Case("no\nphoto.png", b"text", says="not a picture")


def _sizes() -> Iterator[Case]:
    for width, height in ((1, 1), (1, 5000), (5000, 1), (7, 300)):
        content = encoded(Image.new("RGB", (width, height), RED))
        yield Case(f"size-{width}x{height}.png", content, says=f"{width}x{height} is too small")
    smallest = encoded(Image.new("RGB", (8, 8), RED))
    yield Case("size-8x8.png", smallest, size=(8, 8), quarters=(RED,) * 4)
    long = encoded(Image.new("RGB", (8, 5000), RED))
    yield Case("size-8x5000.png", long, size=(8, 5000), quarters=(RED,) * 4)


def _strangers() -> Iterator[Case]:
    yield Case("empty.jpg", b"", says="empty")
    yield Case("text.jpg", b"These are my notes, not a photo.\n" * 9, says="not a picture")
    svg = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"/>'
    yield Case("drawing.svg", svg, says="SVG")
    yield Case("drawing.svg.png", svg, says="SVG")
    yield Case("page.html.jpg", b"<!DOCTYPE html><html><body>404</body></html>", says="not a picture")
    yield Case("paper.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", says="PDF")
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EndComments\nshowpage\n%%EOF\n"
    yield Case("drawing.eps", eps, says="PostScript")
    yield Case("archive.jpg", b"PK\x03\x04" + bytes(60), says="not a picture")
    yield Case("zeros.png", bytes(5000), says="not a picture")
    yield Case("noise.jpg", np.random.default_rng(0).bytes(5000), says="not a picture")
    yield Case("clip.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(99), says="damaged|unusual")


def _torn() -> Iterator[Case]:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8))
    for kind, ending in (("JPEG", "jpg"), ("PNG", "png")):
        intact = encoded(noise, kind)
        for tenth in range(10):
            cut = intact[: max(4, len(intact) * tenth // 10)]
            yield Case(f"torn-{tenth}.{ending}", cut, says="damaged|cut short|not a picture")
    for kind in ("GIF", "WEBP", "TIFF", "BMP", "PPM"):
        intact = encoded(noise, kind)
        yield Case(f"torn.{kind.lower()}", intact[: len(intact) // 2], says=SUNK)
    flipped = bytearray(encoded(noise))
    flipped[len(flipped) // 2] ^= 0xFF
    yield Case("flipped-bit.png", bytes(flipped), says=SUNK)


def _liars() -> Iterator[Case]:
    """Small files that claim to be huge."""
    too_large = "megapixels; give a smaller copy"
    yield Case("claims-2e9.png", png_that_claims(2_000_000_000, 2_000_000_000), says=f"{too_large}|{SUNK}")
    yield Case("claims-9000.png", png_that_claims(9000, 9000), says="9000x9000 is over")
    yield Case("claims-7000.png", png_that_claims(7000, 7000, bytes(99)), says=SUNK)
    gif = b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6)
    gif += b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x02\x02\x4c\x01\x00;"
    yield Case("claims-65535.gif", gif, says=too_large)
    bmp = (
        b"BM"
        + struct.pack("<IHHI", 99, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, 90_000, 90_000, 1, 24, *[0] * 6)
    )
    yield Case("claims-90000.bmp", bmp + bytes(45), says=too_large)
    yield Case("claims-90000.ppm", b"P6 90000 90000 255\n" + bytes(99), says=too_large)
    yield Case("tiles-of-40000.tif", _huge_tile(40_000), says="tiles")
    yield Case("scans.jpg", _many_scans(5000), says="scans")


def _huge_tile(side: int) -> bytes:
    """A grey TIFF of W x H pixels in one deflated tile of side x side."""
    data = zlib.compress(bytes(1000))
    tags = {256: W, 257: H, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side, 324: 8, 325: len(data)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = struct.pack("<2sHI", b"II", 42, 8 + len(data))
    return head + data + struct.pack("<H", len(tags)) + entries + bytes(4)


def _many_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes `count` times: each costs a pass over the whole picture."""
    intact = encoded(_rgb(), "JPEG", progressive=True)
    last = intact.rindex(b"\xff\xda")
    return intact[:last] + intact[last:-2] * count + intact[-2:]


def _heavy() -> Iterator[Case]:
    """Decoded they are large: 144 megapixels, a bomb and an honest one, and the largest that may be read."""
    says, side = "12000x12000 is over 52 megapixels; give a smaller copy", 12_000
    rows = (side // 8 + 1) * side  # a filter byte and 1500 bytes of pixels each
    yield Case("bomb-12000.png", lambda: png_that_claims(side, side, bytes(rows)), says=says, heavy=True)
    yield Case("honest-12000.jpg", lambda: flat("L", (side, side), 99, "JPEG"), says=says, heavy=True)
    phone = (8160, 6120)  # 50 megapixels
    grey = {"size": phone, "quarters": ((99, 99, 99),) * 4, "within": 2, "heavy": True}
    for name, mode, colour, kind in (
        ("phone-50.jpg", "L", 99, "JPEG"),
        ("cmyk-50.jpg", "CMYK", (156, 156, 156, 0), "JPEG"),
        ("alpha-50.png", "RGBA", (99, 99, 99, 255), "PNG"),
        ("float-50.tif", "F", 99 / 255, "TIFF"),
    ):
        yield Case(name, functools.partial(flat, mode, phone, colour, kind), **grey)  # type: ignore[arg-type]


def flat(mode: str, size: tuple[int, int], colour: object, kind: str) -> bytes:
    """One colour everywhere, as a file that is quick to write."""
    options = {
        "JPEG": {"quality": 50},
        "PNG": {"compress_level": 1},
        "TIFF": {"compression": "tiff_adobe_deflate"},
    }
    return encoded(Image.new(mode, size, colour), kind, **options[kind])  # type: ignore[arg-type]
