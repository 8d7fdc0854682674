"""Deep pictures, 16-bit and float, grey and colour: mid grey comes out as mid grey, and HDR is refused in words."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from mtcp.errors import InputError
from mtcp.io import deep
from mtcp.io.photo import open_photo
from mtcp.io.photo_facts import PhotoFacts

H, W = 64, 80
MIDDLE = (H // 2, W // 2)


def ramp(white: float) -> np.ndarray:
    """Float64 (H, W): every shade from black to `white`, half of it in the middle of the picture."""
    values = np.linspace(0, white, H * W).reshape(H, W)
    values[H // 2 - 4 : H // 2 + 4, W // 2 - 4 : W // 2 + 4] = white / 2
    return values


def tiff(values: np.ndarray) -> bytes:
    """RGB or RGBA (H, W, C), or grey (H, W)."""
    order = [2, 1, 0, 3][: values.shape[2]] if values.ndim == 3 else None
    return cv2.imencode(".tif", values if order is None else values[..., order])[1].tobytes()


def png16(values: np.ndarray) -> bytes:
    return cv2.imencode(".png", values[..., [2, 1, 0, 3][: values.shape[2]]])[1].tobytes()


def colours(grey: np.ndarray) -> np.ndarray:
    return np.dstack((grey, grey, grey))


def read(content: bytes) -> tuple[np.ndarray, PhotoFacts]:
    return open_photo(io.BytesIO(content), "a.tif")


@pytest.mark.parametrize("shape", [np.asarray, colours], ids=["grey", "colour"])
@pytest.mark.parametrize("outlier", [None, 1.01, 1e6, np.nan, np.inf, -np.inf, -0.02])
@pytest.mark.parametrize("scale", [1.0, 255.0, 4095.0, 65535.0])
def test_one_odd_pixel_does_not_move_the_median_of_floats(shape, outlier, scale) -> None:  # type: ignore[no-untyped-def]
    values = shape(ramp(scale)).astype(np.float32)
    if outlier is not None:
        values[3, 5] = outlier * scale
    array, _ = read(tiff(values))
    assert np.median(array) == pytest.approx(128, abs=1)
    assert array[MIDDLE].tolist() == [128, 128, 128]
    if outlier is not None:
        assert array[3, 5].tolist() == ([255] * 3 if outlier > 1 else [0] * 3)


def test_an_overshoot_at_every_edge_is_clipped() -> None:
    values = ramp(1.0).astype(np.float32)
    values[:, ::8] = 1.06  # an eighth of the picture, as a sharpened one has at its edges
    array, _ = read(tiff(values))
    assert array[MIDDLE[0], MIDDLE[1] + 1].tolist() == [128] * 3
    assert array[0, 0].tolist() == [255] * 3


def test_float_colours_keep_their_order_and_alpha() -> None:
    values = np.zeros((H, W, 4), np.float32)
    values[..., 0], values[..., 1], values[..., 3] = 1.0, 0.25, 1.0
    values[:8, :8, 3] = 0.0
    array, _ = read(tiff(values))
    assert array[MIDDLE].tolist() == [255, 64, 0]
    assert array[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("shape", [np.asarray, colours], ids=["grey", "colour"])
def test_hdr_is_refused_in_words(shape) -> None:  # type: ignore[no-untyped-def]
    values = ramp(1.0) * 0.4
    values[:10] = 30.0  # a window, a seventh of the picture
    with pytest.raises(InputError, match=r"^a.tif: its values reach 30 .* HDR .* tone-map") as caught:
        read(tiff(shape(values).astype(np.float32)))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("values", [ramp(2.0) - 1, (ramp(2000) - 1000)], ids=["to 1", "to 1000"])
def test_pictures_around_zero_are_refused(values: np.ndarray) -> None:
    for kind in (np.float32, np.int32) if values.max() > 2 else (np.float32,):
        content = io.BytesIO()
        Image.fromarray(values.astype(kind)).save(content, "TIFF")
        with pytest.raises(InputError, match=r"negative|HDR"):
            read(content.getvalue())


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["grey tiff", "grey png", "rgb tiff", "rgb png", "rgba png", "int32 tiff"])
def test_unused_upper_bits_are_recognised_and_said(kind: str, bits: int) -> None:
    white = 2**bits - 1
    grey = np.round(ramp(white)).astype(np.uint16)
    hot = grey.copy()
    hot[2, 2] = 65535  # a hot pixel
    if kind.startswith("grey"):
        content = io.BytesIO()
        Image.fromarray(hot).save(content, kind.split()[1].upper())
    elif kind == "int32 tiff":
        content = io.BytesIO()
        Image.fromarray(hot.astype(np.int32)).save(content, "TIFF")
    elif kind == "rgba png":
        content = io.BytesIO(png16(np.dstack((colours(hot), np.full((H, W), 65535, np.uint16)))))
    else:
        content = io.BytesIO((tiff if "tiff" in kind else png16)(colours(hot)))
    array, facts = read(content.getvalue())
    assert array[MIDDLE] == pytest.approx([128] * 3, abs=1)
    assert array[-1, -1].tolist() == [255] * 3
    assert facts.reading_note == (
        f"its values use {bits} of 16 bits, so {white} is taken as white" if bits < 16 else ""
    )


def test_twelve_bit_colours_are_not_mixed_up() -> None:
    values = np.zeros((H, W, 3), np.uint16)
    values[..., 0] = np.linspace(1, 4095, W)
    values[..., 1] = 1000
    array, _ = read(png16(values))
    assert array[5, -1].tolist() == [255, 62, 0]


def test_dark_photos_are_not_blown_up() -> None:
    """An 8-bit photo saved with 16, of which only the dark third is used; and one that is almost black."""
    dim = np.round(ramp(50)).astype(np.uint16) * 257
    array, facts = read(tiff(dim))
    assert (array.max(), facts.reading_note) == (50, "")
    array, facts = read(tiff(colours(dim)))
    assert (array.max(), facts.reading_note) == (50, "")
    unlit = np.random.default_rng(0).integers(90, 130, (H, W)).astype(np.uint16)
    array, facts = read(tiff(unlit))
    assert array.max() == 1
    assert facts.reading_note.startswith("almost black")


def test_whole_numbers_of_other_types() -> None:
    """Pillow calls unsigned 32 and signed 16 bits int32 too."""
    big = np.round(ramp(2**32 - 1)).astype(np.uint32)
    assert deep._as_stored(big.view(np.int32), {339: (1,), 258: (32,)})[-1, -1] == 2**32 - 1
    content = raw_tiff(big, sample_format=1)
    assert read(content)[0][MIDDLE].tolist() == [128] * 3
    signed = np.round(ramp(32767)).astype(np.int16)
    assert read(raw_tiff(signed, sample_format=2))[0][MIDDLE] == pytest.approx([128] * 3, abs=1)


def raw_tiff(values: np.ndarray, sample_format: int) -> bytes:
    """An uncompressed grey TIFF of one strip, little-endian."""
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    tags = {256: W, 257: H, 258: 8 * values.itemsize, 259: 1, 262: 1, 273: 8, 277: 1, 278: H, 279: len(data)}
    tags[339] = sample_format
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    head = struct.pack("<2sHI", b"II", 42, 8 + len(data))
    return head + data + struct.pack("<H", len(tags)) + entries + bytes(4)


def test_torn_float_tiffs_are_named() -> None:
    """Tags first, then the data, as cameras write it; OpenCV alone would show a black lower half."""
    values = colours(ramp(1.0)).astype(np.float32)
    data = values.tobytes()
    tags = {256: W, 257: H, 259: 1, 262: 2, 277: 3, 278: H, 279: len(data)}
    at = 8 + 2 + 12 * (len(tags) + 3) + 4
    triples = struct.pack("<3H3H", 32, 32, 32, 3, 3, 3)
    entries = {tag: struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items()}
    entries[258] = struct.pack("<HHII", 258, 3, 3, at)
    entries[339] = struct.pack("<HHII", 339, 3, 3, at + 6)
    entries[273] = struct.pack("<HHII", 273, 4, 1, at + 12)
    listed = struct.pack("<H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries)) + bytes(4)
    content = struct.pack("<2sHI", b"II", 42, 8) + listed + triples + data
    assert read(content)[0][MIDDLE].tolist() == [128] * 3
    with pytest.raises(InputError, match=r"^a.tif: damaged or cut short"):
        read(content[: len(content) // 2])


def test_white_of_large_pictures_is_found_from_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep, "_SAMPLE", 2000)
    assert deep.find_white(colours(ramp(1.0)).astype(np.float32)).level == 1.0
    assert deep.find_white(np.round(ramp(4095)).astype(np.uint16)).level == 4095
