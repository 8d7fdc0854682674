"""Photos of every kind come out upright and RGB; everything else is one line that names the file."""

import io
import logging
import warnings

import numpy as np
import pytest
from photo_corpus import TURNS
from PIL import ExifTags, Image, ImageCms

from mtcp.errors import InputError
from mtcp.io import photo
from mtcp.io.photo import check_photo, open_photo

W, H = 24, 16


def picture():
    """RGB (H, W, 3): left half red, right half blue, top row white."""
    array = np.zeros((H, W, 3), np.uint8)
    array[:, : W // 2, 0] = 255
    array[:, W // 2 :, 2] = 255
    array[0] = 255
    return array


def saved(image, format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    buffer.seek(0)
    return buffer


def exif(orientation=1, focal=None):
    block = Image.Exif()
    block[ExifTags.Base.Orientation] = orientation
    if focal is not None:
        block.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = focal
    return block


def test_png_round_trip(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(picture()).save(path)
    array, facts = open_photo(path)
    assert array.dtype == np.uint8
    assert np.array_equal(array, picture())
    assert facts.focal35_mm is None
    assert array.flags.writeable


@pytest.mark.parametrize("orientation", TURNS)
def test_exif_orientation(orientation):
    stored = Image.fromarray(np.ascontiguousarray(TURNS[orientation](picture())))
    array, _ = open_photo(saved(stored, exif=exif(orientation)))
    assert np.array_equal(array, picture())


@pytest.mark.parametrize(("written", "read"), [(26, 26.0), (0, None), (None, None), (60000, None)])
def test_focal_length(written, read):
    assert open_photo(saved(Image.fromarray(picture()), "JPEG", exif=exif(1, written)))[1].focal35_mm == read


def test_broken_exif_costs_nothing(caplog):
    block = b"Exif\x00\x00II*\x00\xff\xff\xff\x7f" + b"\xff" * 20
    with caplog.at_level(logging.DEBUG):
        array, facts = open_photo(saved(Image.fromarray(picture()), "PNG", exif=block))
    assert array.shape == (H, W, 3)
    assert facts.focal35_mm is None


def test_alpha_goes_on_white():
    rgba = np.dstack((picture(), np.full((H, W), 255, np.uint8)))
    rgba[5, 5, 3] = 0
    rgba[6, 6, 3] = 128
    array, _ = open_photo(saved(Image.fromarray(rgba)))
    assert array[5, 5].tolist() == [255, 255, 255]
    assert array[6, 6, 0] == 255
    assert abs(int(array[6, 6, 1]) - 127) <= 1
    assert array[7, 7].tolist() == [255, 0, 0]


def test_palette_with_transparency():
    image = Image.fromarray(picture()).quantize(4)
    array, _ = open_photo(saved(image, transparency=image.getpixel((2, 5))))
    assert array[5, 2].tolist() == [255, 255, 255]
    assert array[5, W - 2].tolist() == [0, 0, 255]


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA"])
def test_modes_in_png(mode):
    array, _ = open_photo(saved(Image.fromarray(picture()).convert(mode)))
    assert array.shape == (H, W, 3)
    assert array[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("values", "format"),
    [
        (np.array([0, 32768, 65535], np.uint16), "PNG"),
        (np.array([0, 32768, 65535], np.int32), "TIFF"),
        (np.array([0, 0.5, 1.0], np.float32), "TIFF"),
        (np.array([np.nan, 127.5, 255.0], np.float32), "TIFF"),
        (np.array([0.0, 500.0, 1000.0], np.float32) * 100, "TIFF"),
    ],
    ids=["16 bit", "32 bit", "float to 1", "float to 255 with nan", "float, other"],
)
def test_deep_grey_is_scaled(values, format):
    grey = np.tile(np.repeat(values, 8), (H, 1))
    array, _ = open_photo(saved(Image.fromarray(grey), format))
    assert array[0, ::8, 1].astype(int) == pytest.approx([0, 128, 255], abs=1)
    assert np.array_equal(array[..., 0], array[..., 2])


def test_cmyk_jpeg():
    array, _ = open_photo(saved(Image.fromarray(picture()).convert("CMYK"), "JPEG", quality=95))
    assert array[8, 3, 0] > 200
    assert array[8, 3, 2] < 60
    assert array[8, W - 4, 2] > 200


def test_icc_profile_becomes_srgb():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same, _ = open_photo(saved(Image.fromarray(picture()), icc_profile=lab))
    assert np.abs(same.astype(int) - picture()).max() <= 1
    broken, _ = open_photo(saved(Image.fromarray(picture()), icc_profile=b"not a profile"))
    assert np.array_equal(broken, picture())


def test_first_frame_of_an_animation():
    frames = [Image.fromarray(np.full((H, W), value, np.uint8)) for value in (200, 10)]
    array, _ = open_photo(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert array[3, 3].tolist() == [200, 200, 200]


def test_heic():
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    image = Image.fromarray(np.kron(picture(), np.ones((8, 8, 1), np.uint8)))
    array, facts = open_photo(saved(image, "HEIF", exif=exif(1, 28).tobytes(), quality=90))
    assert array.shape == (8 * H, 8 * W, 3)
    assert array[100, 20, 0] > 180 > 80 > array[100, 20, 2]
    assert facts.focal35_mm == 28.0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a picture"),
        (b"hello, this is text", "not a picture"),
        (
            saved(Image.fromarray(picture()).resize((200, 200)), "JPEG").getvalue()[:900],
            "damaged or cut short",
        ),
        (
            saved(Image.fromarray(np.arange(48000).astype(np.uint8).reshape(80, 200, 3))).getvalue()[:200],
            "damaged",
        ),
    ],
    ids=["empty", "text", "cut jpeg", "cut png"],
)
def test_bad_files_are_named_in_one_line(tmp_path, content, message):
    path = tmp_path / "bad.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        open_photo(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_folder(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        open_photo(tmp_path / "none.png")
    with pytest.raises(InputError, match="is a folder"):
        open_photo(tmp_path)


def test_sizes_are_limited(monkeypatch):
    with pytest.raises(InputError, match="7x16 is too small"):
        open_photo(saved(Image.new("RGB", (7, 16))))
    bomb = saved(Image.new("1", (9000, 9000)))
    with warnings.catch_warnings(), pytest.raises(InputError, match="9000x9000 is over 52 megapixels"):
        warnings.simplefilter("error")
        open_photo(bomb)
    bomb = saved(Image.new("1", (20000, 20000)))
    with pytest.raises(InputError, match="over 52 megapixels"):
        open_photo(bomb)
    monkeypatch.setattr(photo, "MAX_PIXELS", W * H)
    assert open_photo(saved(Image.fromarray(picture())))[0].shape == (H, W, 3)


def test_random_damage_never_escapes():
    """Whatever is flipped in a file: a picture or an InputError."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (40, 50, 3), np.uint8))
    refused = 0
    for format in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"):
        intact = np.frombuffer(saved(image, format).getvalue(), np.uint8)
        for _ in range(30):
            content = intact.copy()
            content[rng.integers(0, min(len(content), 400), 6)] = rng.integers(0, 255, 6)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    array, _ = open_photo(io.BytesIO(content[: rng.integers(30, len(content))].tobytes()))
                except InputError as error:
                    assert str(error).startswith("photo: ")
                    refused += 1
                else:
                    assert array.dtype == np.uint8
                    assert array.shape[2] == 3
    assert refused > 50


def test_check_photo():
    assert check_photo(picture()).shape == (H, W, 3)
    for wrong in (picture()[..., 0], picture().astype(float), "x", picture()[:4]):
        with pytest.raises(InputError, match="photo"):
            check_photo(wrong)
