"""The pinhole camera. Every change of the picture (crop, resize, flip) has its exact counterpart here.

Pixel (column i, row j) covers [i, i+1) x [j, j+1); its centre is (i + 0.5, j + 0.5). Camera axes: x right, y
down, z forward.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from mtcp.errors import InputError

DEFAULT_FOV_DEG = 60.0
"""Horizontal field of view assumed for a photo that does not tell its own."""

FULL_FRAME_DIAGONAL_MM = math.hypot(36.0, 24.0)


@dataclass(frozen=True)
class Camera:
    """Pinhole intrinsics in pixels of a `width` x `height` picture, without distortion.

    Raises:
        InputError: a focal length or size that is not positive, a value that is not finite.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            value = getattr(self, name)
            if int(value) != value or value < 1:
                raise InputError(f"camera {name}={value} must be a whole number of pixels, at least 1")
        for name in ("fx", "fy", "cx", "cy"):
            value = getattr(self, name)
            if not math.isfinite(value):
                raise InputError(f"camera {name}={value} is not a finite number: give it in pixels")
        for name in ("fx", "fy"):
            if getattr(self, name) <= 0:
                raise InputError(f"camera {name}={getattr(self, name)} must be positive (pixels)")

    @classmethod
    def from_fov(cls, width: int, height: int, fov_deg: float = DEFAULT_FOV_DEG) -> Camera:
        """Square pixels, centred, `fov_deg` degrees from the left to the right border (1 to 179)."""
        if not 1.0 <= fov_deg <= 179.0:
            raise InputError(f"field of view {fov_deg} degrees: give a horizontal angle from 1 to 179")
        focal = width / (2.0 * math.tan(math.radians(fov_deg) / 2.0))
        return cls(focal, focal, width / 2.0, height / 2.0, width, height)

    @classmethod
    def from_focal35(cls, width: int, height: int, focal35_mm: float) -> Camera:
        """From EXIF FocalLengthIn35mmFilm: the diagonal field of view of that lens on a 36 x 24 mm frame."""
        if not (math.isfinite(focal35_mm) and 1.0 <= focal35_mm <= 5000.0):
            raise InputError(f"35 mm equivalent focal length {focal35_mm} mm: expected 1 to 5000")
        focal = focal35_mm * math.hypot(width, height) / FULL_FRAME_DIAGONAL_MM
        return cls(focal, focal, width / 2.0, height / 2.0, width, height)

    @property
    def fov_deg(self) -> float:
        """Angle between the rays through the left and the right border at the principal row, degrees."""
        return math.degrees(math.atan(self.cx / self.fx) + math.atan((self.width - self.cx) / self.fx))

    @property
    def focal35_mm(self) -> float:
        """35 mm equivalent focal length, by the diagonal: the inverse of `from_focal35`."""
        return self.fx * FULL_FRAME_DIAGONAL_MM / math.hypot(self.width, self.height)

    def crop(self, x0: float, y0: float, width: int, height: int) -> Camera:
        """Camera of the `width` x `height` part whose top left corner is (x0, y0). Negative offsets pad."""
        return Camera(self.fx, self.fy, self.cx - x0, self.cy - y0, width, height)

    def resize(self, width: int, height: int) -> Camera:
        """Camera of the picture resampled to `width` x `height`, each axis by its own factor."""
        sx, sy = width / self.width, height / self.height
        return Camera(self.fx * sx, self.fy * sy, self.cx * sx, self.cy * sy, width, height)

    def flip(self) -> Camera:
        """Camera of the picture mirrored left to right. Normals then negate their x."""
        return Camera(self.fx, self.fy, self.width - self.cx, self.cy, self.width, self.height)

    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Normalised coordinates of the pixel centres: x (W,) and y (H,), float64."""
        x = (np.arange(self.width) + 0.5 - self.cx) / self.fx
        y = (np.arange(self.height) + 0.5 - self.cy) / self.fy
        return x, y

    def rays(self, dtype: DTypeLike = np.float32) -> np.ndarray:
        """Viewing rays (H, W, 3) through the pixel centres, scaled to z = 1 (not unit length)."""
        x, y = self.axes()
        rays = np.ones((self.height, self.width, 3), dtype=dtype)
        rays[..., 0] = x
        rays[..., 1] = y[:, None]
        return rays

    def project(self, points: np.ndarray) -> np.ndarray:
        """Continuous pixel coordinates (..., 2) = (u, v) of camera-space points (..., 3) with z > 0."""
        points = np.asarray(points)
        u = points[..., 0] / points[..., 2] * self.fx + self.cx
        v = points[..., 1] / points[..., 2] * self.fy + self.cy
        return np.stack((u, v), axis=-1)

    def backproject(self, depth: np.ndarray) -> np.ndarray:
        """Camera-space points (H, W, 3) in metres of a z-depth map (H, W). Invalid depth (0) gives (0, 0, 0).

        Raises:
            InputError: the map does not have the camera's size.
        """
        depth = np.asarray(depth)
        self.require(depth, "depth")
        dtype = np.result_type(depth.dtype, np.float32)
        return self.rays(dtype) * depth[..., None].astype(dtype)

    def require(self, array: np.ndarray, name: str) -> None:
        """Raise InputError unless `array` begins with this camera's (height, width)."""
        if array.shape[:2] != (self.height, self.width):
            found = "x".join(map(str, array.shape))
            raise InputError(
                f"{name} is {found}, the camera is for {self.height}x{self.width} (height x width)"
            )

    def to_dict(self) -> dict[str, float]:
        """JSON form: the six fields and the field of view in degrees."""
        fields = {"fx": self.fx, "fy": self.fy, "cx": self.cx, "cy": self.cy}
        return {**fields, "width": self.width, "height": self.height, "fov_deg": self.fov_deg}


NYUV2 = Camera(518.858, 519.470, 325.582, 253.736, 640, 480)
"""The Kinect of NYU Depth V2 at its full 640 x 480."""
