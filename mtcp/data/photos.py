"""A folder of photos without labels."""

from __future__ import annotations

from pathlib import Path

from mtcp.data.sample import DataSet, Sample, camera_tensor, image_tensor
from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.io.photo import is_picture, open_photo


class Photos(DataSet):
    """The photos in `root` and the folders in it, as samples without a single map. The camera is EXIF's, or 60 degrees
    horizontally.

    Raises:
        InputError: there is none.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        names = (path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())
        self.ids = sorted(name for name in names if is_picture(name))
        if not self.ids:
            raise InputError(f"{self.root}: no photo is in it")

    def stored(self, index: int) -> Sample:
        """One photo. Raises InputError as `mtcp.io.photo.open_photo`."""
        image, facts = open_photo(self.root / self.ids[index])
        height, width = image.shape[:2]
        focal = facts.focal35_mm
        camera = (
            Camera.from_fov(width, height) if focal is None else Camera.from_focal35(width, height, focal)
        )
        return {"image": image_tensor(image), "camera": camera_tensor(camera)}
