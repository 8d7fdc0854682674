"""Small data sets that the data tests make: a slanted room corner in every layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from mtcp.geometry.camera import Camera


def plane_depth(camera: Camera, normal: tuple[float, float, float], distance: float) -> np.ndarray:
    """float32 (H, W) depth of the plane n . P = -distance; n is a facing normal of any length."""
    n = np.array(normal) / np.linalg.norm(normal)
    return (-distance / (camera.rays(np.float64) @ n)).astype(np.float32)


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    """uint8 (H, W, 3): smooth, so that JPEG keeps it; every channel and place differs."""
    rows, columns = np.mgrid[0:height, 0:width] / max(height, width)
    return np.stack([60 + 150 * columns, 60 + 150 * rows, 90 + 80 * columns * rows + seed], -1).astype(
        np.uint8
    )


def labels(height: int, width: int) -> np.ndarray:
    """uint8 (H, W) of classes 0..39 and 255: two halves, the last class, an unlabelled seam between."""
    result = np.zeros((height, width), np.uint8)
    result[:, width // 2 :] = 4
    result[: height // 4, : width // 4] = 39
    result[:, width // 2 - 1] = 255
    return result


def save_image(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def save_array(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


def write_lines(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def tear(path: Path) -> None:
    """Cuts a file in half."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
