"""What a file tells of the lens, and whether its picture is a pinhole camera's."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from mtcp.geometry.camera import Camera
from mtcp.io.photo import open_photo
from mtcp.io.photo_facts import PhotoFacts, wide_note

APS_C = {
    "FocalLength": 18.0,
    "FocalPlaneXResolution": 6000 / 2.35,
    "FocalPlaneResolutionUnit": 3,
    "ExifImageWidth": 6000,
    "ExifImageHeight": 4000,
}
"""18 mm on a sensor 23.5 mm wide, 6000 x 4000 pixels; the unit is centimetres."""
TRUE_FOV = math.degrees(2 * math.atan(23.5 / 2 / 18))


def photo(size: tuple[int, int], tags: dict[str, Any], orientation: int = 1, **options: Any) -> io.BytesIO:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base[key]: value for key, value in tags.items()})
    file = io.BytesIO()
    Image.new("RGB", size, (90, 90, 90)).save(file, options.pop("format", "JPEG"), exif=exif, **options)
    file.seek(0)
    return file


def seen(
    size: tuple[int, int], tags: dict[str, Any], orientation: int = 1
) -> tuple[Camera | None, PhotoFacts]:
    array, facts = open_photo(photo(size, tags, orientation))
    height, width = array.shape[:2]
    return facts.focal35_mm and Camera.from_focal35(width, height, facts.focal35_mm), facts


def test_18_mm_on_23_5_mm_is_66_degrees() -> None:
    assert pytest.approx(66.3, abs=0.05) == TRUE_FOV
    camera, facts = seen((600, 400), APS_C)  # resized to a tenth
    assert camera.fov_deg == pytest.approx(TRUE_FOV)
    assert facts.focal_from == "18 mm on a sensor 23.5 mm wide"


@pytest.mark.parametrize(("unit", "per"), [(2, 25.4), (3, 10.0), (4, 1.0), (5, 0.001), (None, 25.4)])
def test_units_of_the_focal_plane(unit: int | None, per: float) -> None:
    tags = {**APS_C, "FocalPlaneXResolution": 6000 / 23.5 * per, "FocalPlaneResolutionUnit": unit}
    camera, _ = seen((600, 400), {key: value for key, value in tags.items() if value is not None})
    assert camera.fov_deg == pytest.approx(TRUE_FOV, abs=1e-3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_pictures_see_the_sensors_other_side_across(orientation: int) -> None:
    camera, _ = seen((600, 400), APS_C, orientation)
    across = 23.5 if orientation < 5 else 23.5 * 2 / 3
    assert camera.fov_deg == pytest.approx(math.degrees(2 * math.atan(across / 2 / 18)))


def test_pixels_turned_by_an_editor() -> None:
    """Upright pixels and orientation 1, while the size in EXIF is still the camera's; HEIC is read so, too."""
    camera, _ = seen((400, 600), APS_C)
    assert camera.fov_deg == pytest.approx(math.degrees(2 * math.atan(23.5 / 3 / 18)))


def test_without_a_size_in_exif_the_pictures_own_counts() -> None:
    tags = {key: value for key, value in APS_C.items() if not key.startswith("ExifImage")}
    tags["FocalPlaneXResolution"] = 600 / 2.35
    assert seen((600, 400), tags)[0].fov_deg == pytest.approx(TRUE_FOV)


@pytest.mark.parametrize("size", [(600, 338), (900, 507)])
def test_a_crop_of_the_height_keeps_the_angle_across(size: tuple[int, int]) -> None:
    camera, facts = seen(size, APS_C)
    assert camera.fov_deg == pytest.approx(TRUE_FOV, abs=0.01)
    assert facts.focal_from.endswith(", cropped")


def test_a_crop_of_the_width_narrows_it() -> None:
    """The square in the middle of 3:2 is two thirds as wide."""
    expected = math.degrees(2 * math.atan(23.5 * 2 / 3 / 2 / 18))
    assert seen((400, 400), APS_C)[0].fov_deg == pytest.approx(expected)
    equivalent = {"FocalLengthIn35mmFilm": 24, "ExifImageWidth": 6000, "ExifImageHeight": 4000}
    camera, facts = seen((400, 400), equivalent)
    assert camera.fov_deg == pytest.approx(math.degrees(2 * math.atan(12 / 24)))
    assert facts.focal_from == "24 mm, 35 mm equivalent, cropped"


def test_a_size_that_cannot_be_the_originals_is_not_used() -> None:
    """A thumbnail's 160 x 120 told for a photo of 3:2."""
    wrong = {"ExifImageWidth": 160, "ExifImageHeight": 120}
    assert seen((600, 400), {**APS_C, **wrong})[1].focal35_mm is None
    assert seen((600, 400), {"FocalLengthIn35mmFilm": 24, **wrong})[1].focal35_mm == 24.0


def test_the_35_mm_equivalent_comes_first() -> None:
    _, facts = seen((600, 400), {**APS_C, "FocalLengthIn35mmFilm": 26})
    assert (facts.focal35_mm, facts.focal_from) == (26.0, "26 mm, 35 mm equivalent")


def test_digital_zoom_lengthens_the_lens() -> None:
    camera, facts = seen((600, 400), {**APS_C, "DigitalZoomRatio": 2.0})
    assert camera.fov_deg == pytest.approx(math.degrees(2 * math.atan(23.5 / 4 / 18)))
    assert facts.focal_from == "18 mm on a sensor 23.5 mm wide, 2x digital zoom"
    assert seen((600, 400), {**APS_C, "DigitalZoomRatio": 0.0})[0].fov_deg == pytest.approx(TRUE_FOV)


@pytest.mark.parametrize(
    "odd",
    [
        {"FocalLength": 0.0},
        {"FocalPlaneXResolution": 0.0},
        {"FocalPlaneXResolution": 1e6},  # a sensor 0.1 mm wide
        {"FocalPlaneXResolution": 1.0},  # 60 m
        {"FocalPlaneResolutionUnit": 9},
        {"FocalLength": 1e6},
    ],
)
def test_what_cannot_be_is_not_told(odd: dict[str, Any]) -> None:
    assert seen((600, 400), {**APS_C, **odd})[1].focal35_mm is None


def gpano(**properties: object) -> bytes:
    inside = " ".join(f'GPano:{key}="{value}"' for key, value in properties.items())
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" {inside}/></rdf:RDF></x:xmpmeta>'
    ).encode()


def with_xmp(packet: bytes, format: str = "JPEG", size: tuple[int, int] = (400, 200)) -> str:
    if format == "PNG":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
        options: dict[str, Any] = {"pnginfo": info}
    else:
        options = {"tiffinfo": {700: packet}} if format == "TIFF" else {"xmp": packet}
    file = io.BytesIO()
    Image.new("RGB", size, (90, 90, 90)).save(file, format, **options)
    file.seek(0)
    return open_photo(file)[1].geometry_note


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_xmp_tells_panoramas(format: str) -> None:
    note = with_xmp(gpano(ProjectionType="equirectangular", UsePanoramaViewer="True"), format)
    assert note.startswith("equirectangular panorama by its XMP: coherence and 3D")
    assert with_xmp(gpano(UsePanoramaViewer="True"), format) == ""


def test_partial_panoramas_tell_their_share() -> None:
    part = {"FullPanoWidthPixels": 8000, "CroppedAreaImageWidthPixels": 3000}
    assert "cylindrical panorama by its XMP, 135 degrees across" in with_xmp(
        gpano(ProjectionType="cylindrical", **part)
    )
    assert with_xmp(gpano(**part)).startswith("a panorama by its XMP, 135 degrees across")
    as_elements = b"<GPano:ProjectionType>\n equirectangular </GPano:ProjectionType>"
    assert with_xmp(as_elements).startswith("equirectangular panorama")
    assert with_xmp(gpano(ProjectionType="rectilinear")) == ""
    assert with_xmp(gpano(FullPanoWidthPixels="nan", CroppedAreaImageWidthPixels="1e9")) == ""


def test_deep_panoramas_tell_it_too() -> None:
    file = io.BytesIO()
    grey = Image.fromarray(np.linspace(0, 65535, 20000).reshape(100, 200).astype(np.uint16))
    grey.save(file, "TIFF", tiffinfo={700: gpano(ProjectionType="equirectangular")})
    file.seek(0)
    assert open_photo(file)[1].geometry_note.startswith("equirectangular")


def test_phones_own_mark() -> None:
    assert open_photo(photo((300, 200), {"CustomRendered": 6}))[1].geometry_note.startswith(
        "panorama by its EXIF"
    )
    assert open_photo(photo((300, 200), {"CustomRendered": 1}))[1].geometry_note == ""


@pytest.mark.parametrize(("width", "height"), [(660, 300), (300, 660), (640, 480), (1920, 1080)])
def test_the_formats_of_cameras_are_no_panoramas(width: int, height: int) -> None:
    assert wide_note(width, height) == ""


@pytest.mark.parametrize("orientation", [1, 6])
def test_long_pictures_either_way_round(orientation: int) -> None:
    note = open_photo(photo((670, 300), {}, orientation))[1].geometry_note
    assert note.startswith("2.23 times as wide as high: if it is a panorama")
    assert wide_note(300, 670).startswith("2.23 times as high as wide: if it is a panorama")
