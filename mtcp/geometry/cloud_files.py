"""Point clouds as files that other programs read: PLY and GLB (binary glTF 2.0)."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mtcp.errors import InputError

_FLOAT = 5126  # glTF's component type
_POINTS, _ARRAY_BUFFER = 0, 34962
_GLB, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942
_TO_GLTF = np.array([1, -1, -1], np.float32)


@dataclass(frozen=True)
class Cloud:
    """points: float32 (N, 3), metres, camera axes x right, y down, z forward. colours: uint8 (N, 3), sRGB.
    normals: float32 (N, 3), unit, in the same axes; zeros where unknown.
    """

    points: np.ndarray
    colours: np.ndarray
    normals: np.ndarray


def write_ply(path: str | os.PathLike[str], cloud: Cloud) -> None:
    """Binary PLY with positions, normals and colours, in the camera's axes: x right, y down, z forward."""
    kinds = (("position", "<f4"), ("normal", "<f4"), ("colour", "u1"))
    made = np.zeros(len(cloud.points), [(name, kind, 3) for name, kind in kinds])
    made["position"], made["normal"], made["colour"] = cloud.points, cloud.normals, cloud.colours
    names = [*(f"float {name}" for name in ("x", "y", "z", "nx", "ny", "nz"))]
    names += [f"uchar {name}" for name in ("red", "green", "blue")]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(made)}"]
    header += [*(f"property {name}" for name in names), "end_header", ""]
    Path(path).write_bytes("\n".join(header).encode() + made.tobytes())


def write_glb(path: str | os.PathLike[str], clouds: Mapping[str, Cloud]) -> None:
    """A GLB whose scene has one node of points for each of the named clouds.

    In glTF's axes (y up, z backwards): y and z are negated. Several clouds stand side by side, by their
    nodes' translation; the points themselves keep the camera as their origin. Colours are linear, as glTF
    wants them (2.0, section 3.7.2.1), in float32, and shown without light.
    Unknown normals point to the camera, because glTF has no unknown.

    Raises:
        InputError: a cloud without points, which glTF cannot hold.
    """
    for name, cloud in clouds.items():
        if not len(cloud.points):
            raise InputError(f"cloud {name!r} has no points: loosen the filter")
    chunks: list[bytes] = []
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "MT-CP Explorer"},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": list(range(len(clouds)))}],
        "nodes": [],
        "meshes": [],
        "materials": [{"extensions": {"KHR_materials_unlit": {}}}],
        "accessors": [],
        "bufferViews": [],
    }
    at = 0.0
    for k, (name, cloud) in enumerate(clouds.items()):
        points = cloud.points.astype(np.float32) * _TO_GLTF
        attributes = {
            "POSITION": _add(document, chunks, points, bounds=True),
            "NORMAL": _add(document, chunks, _known_normals(cloud) * _TO_GLTF),
            "COLOR_0": _add(document, chunks, _linear(cloud.colours)),
        }
        document["meshes"].append(
            {"name": name, "primitives": [{"attributes": attributes, "mode": _POINTS, "material": 0}]}
        )
        document["nodes"].append({"name": name, "mesh": k, "translation": [round(at, 4), 0.0, 0.0]})
        at += 1.1 * float(np.ptp(points[:, 0]))
    binary = b"".join(chunks)
    document["buffers"] = [{"byteLength": len(binary)}]
    Path(path).write_bytes(_container(document, binary))


def _add(document: dict[str, Any], chunks: list[bytes], values: np.ndarray, bounds: bool = False) -> int:
    """Appends an attribute, float32 (N, 3); the index of its accessor."""
    start = sum(map(len, chunks))
    data = np.ascontiguousarray(values).tobytes()
    chunks.append(data)
    accessor = {
        "bufferView": len(document["bufferViews"]),
        "componentType": _FLOAT,
        "count": len(values),
        "type": "VEC3",
    }
    if bounds:
        accessor |= {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()}
    view = {"buffer": 0, "byteOffset": start, "byteLength": len(data), "target": _ARRAY_BUFFER}
    document["bufferViews"].append(view)
    document["accessors"].append(accessor)
    return len(document["accessors"]) - 1


def _linear(colours: np.ndarray) -> np.ndarray:
    """sRGB uint8 (N, 3) -> linear float32 (N, 3) in 0..1.

    Eight bits would leave steps in the shadows, and some readers (trimesh) take 16 for eight.
    """
    srgb = np.arange(256) / 255
    curve = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return curve.astype(np.float32)[colours]


def _known_normals(cloud: Cloud) -> np.ndarray:
    """Unit normals float32 (N, 3); where there is none, the direction to the camera."""
    unknown = ~np.any(cloud.normals, axis=1)
    normals = np.where(unknown[:, None], -cloud.points, cloud.normals).astype(np.float32)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def _container(document: dict[str, Any], binary: bytes) -> bytes:
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    length = 12 + 8 + len(text) + 8 + len(binary)
    head = struct.pack("<III", _GLB, 2, length) + struct.pack("<II", len(text), _JSON)
    return head + text + struct.pack("<II", len(binary), _BIN) + binary
