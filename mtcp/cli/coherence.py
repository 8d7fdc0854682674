"""`python -m mtcp coherence`: do a photo's predicted depth, normals and classes describe one room?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from mtcp.checkpoint.store import DEFAULT_CHECKPOINT
from mtcp.cli.full_size import add_full_size, longest_side
from mtcp.drawing import shown
from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.geometry.cause_shares import cause_shares
from mtcp.geometry.coherence import coherence
from mtcp.geometry.quantities import COHERENCE, STAGES, Quantity
from mtcp.geometry.report import Coherence, Failure
from mtcp.io.photo import MAX_PIXELS
from mtcp.io.photo_facts import wide_note
from mtcp.io.safe_read import read_npz as read_arrays
from mtcp.tasks import DEPTH, NORMALS, SEMSEG, lacking, task_named

EXAMPLES = """examples:
  python -m mtcp coherence room.jpg
  python -m mtcp coherence out/room.npz --fov 70 --json room.json

The camera: --fov, else what the file tells (camera in the .npz, focal length in EXIF), else 60 degrees.
Angles are between predicted normals and normals from predicted depth. Every number: docs/coherence.md; the JSON:
mtcp/geometry/report.py.
"""
TASKS = (SEMSEG, DEPTH, NORMALS)
SHOWN = 8
WIDTH = 50
"""Of the numbers' titles."""
_NUMBERS = {SEMSEG: "u", DEPTH: "fiu", NORMALS: "f"}  # kinds that each map may be stored as

Maps = dict[str, np.ndarray]


def add_parser(subparsers: Any) -> None:
    """Adds the verb to `subparsers`."""
    parser = subparsers.add_parser(
        "coherence",
        help="measure whether a photo's predictions agree with each other",
        description="Measures, without ground truth, whether predicted depth, normals and classes describe "
        "one room: initial, refined and the change.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "input", type=Path, metavar="PHOTO|NPZ", help="a photo, or an .npz as `predict` writes it"
    )
    parser.add_argument(
        "--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="for a photo (default: the shipped one)"
    )
    parser.add_argument("--fov", type=float, metavar="DEG", help="horizontal field of view, 1 to 179 degrees")
    parser.add_argument("--device", default="auto", help="for a photo: auto, cpu, cuda (default: auto)")
    add_full_size(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the whole report here")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the scoreboard; 0. What is wrong with the input is an `InputError`."""
    if args.input.suffix.lower() == ".npz":
        stages, camera = read_npz(args.input, args.fov)
        note = npz_note(args.input, camera)
        report = coherence(stages["initial"], stages["refined"], camera, note=note)
    else:
        report = _of_photo(args)
    if args.json:
        _write_json(args.json, report)
    print(scoreboard(report))
    return 0


def read_npz(path: Path, fov_deg: float | None = None) -> tuple[dict[str, Maps], Camera]:
    """The maps by stage and the camera of an .npz with TASK_initial, TASK_refined and, maybe, camera (4,).

    Raises:
        InputError: not such a file, depth or normals missing, a camera that is none.
    """
    wanted = [f"{task}_{stage}" for task in TASKS for stage in STAGES]
    arrays = read_arrays(path, [*wanted, "camera"])
    stages = {
        stage: {task: arrays[f"{task}_{stage}"] for task in TASKS if f"{task}_{stage}" in arrays}
        for stage in STAGES
    }
    if missing := lacking(stages["initial"]):
        raise InputError(f"{path}: no {missing[0]}_initial; it has {', '.join(sorted(arrays)) or 'nothing'}")
    depth = stages["initial"][DEPTH]
    if depth.ndim != 2 or not 0 < depth.size <= MAX_PIXELS:
        raise InputError(f"{path}: depth_initial has shape {depth.shape}, expected (H, W)")
    height, width = depth.shape
    for stage, maps in stages.items():
        for task, values in maps.items():
            _check_map(f"{path}: {task}_{stage}", task, values, (height, width))
    if fov_deg is not None or "camera" not in arrays:
        return stages, Camera.from_fov(width, height, *([] if fov_deg is None else [fov_deg]))
    values = arrays["camera"]
    if values.shape != (4,) or values.dtype.kind not in "fiu":
        raise InputError(f"{path}: camera is {values.dtype} {values.shape}, expected fx, fy, cx, cy")
    fx, fy, cx, cy = (float(v) for v in values)
    try:
        return stages, Camera(fx, fy, cx, cy, width, height)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def npz_note(path: Path, camera: Camera) -> str:
    """Why geometry does not hold for the photo of an .npz as `predict` writes it; empty where it does.

    Raises:
        InputError: `pinhole` in it is not one true or false.
    """
    pinhole = read_arrays(path, ["pinhole"]).get("pinhole", np.array(True))
    if pinhole.shape != () or pinhole.dtype.kind != "b":
        raise InputError(f"{path}: pinhole is {pinhole.dtype} {pinhole.shape}, expected one true or false")
    if pinhole:
        return wide_note(camera.width, camera.height)
    return "no pinhole picture, says its `pinhole`: coherence and 3D take it for one and do not hold"


def _check_map(name: str, task: str, values: np.ndarray, size: tuple[int, int]) -> None:
    """Raises InputError unless it is what `predict` writes: of this size, and a kind of number that fits."""
    as_written = task_named(task).empty_map(size)
    wide = as_written.itemsize == 1 < values.itemsize
    if values.shape != as_written.shape or values.dtype.kind not in _NUMBERS[task] or wide:
        found, wanted = ("x".join(map(str, sides)) for sides in (values.shape, as_written.shape))
        raise InputError(f"{name} is {values.dtype} {found}; expected {as_written.dtype} {wanted}")


def scoreboard(report: Coherence) -> str:
    """The numbers as a text table, then the worst failures."""
    camera = report.camera
    lines = [
        f"camera {camera.width}x{camera.height}, field of view {camera.fov_deg:.1f} degrees",
        *([f"note: {report.note}"] if report.note else []),
        *([f"note: the photo is unlike those of training: {report.unlike}"] if report.unlike else []),
        f"{'':{WIDTH}}{'initial':>10}{'refined':>10}{'change':>10}",
    ]
    for one in COHERENCE:
        before, after = one.read(report.initial), one.read(report.refined) if report.refined else None
        title = f"{one.short} ({one.unit})"
        lines.append(f"{title:{WIDTH}}{_cell(before, one)}{_cell(after, one)}{_change(before, after, one)}")
    lines += [f"  {reason}" for reason in _reasons(report)]
    lines.append(f"failures (over 30 degrees): {len(report.failures)}")
    lines += [_failure(f) for f in report.failures[:SHOWN]]
    if shares := cause_shares(report.failures):
        listed = ", ".join(f"{name} {share:.1f} %" for name, share in shares.items())
        lines.append(f"causes, by their share of the picture: {listed}")
    return "\n".join(lines)


def _failure(f: Failure) -> str:
    x, y = f.pixel
    angle = " -> ".join(f"{deg:.0f}" for deg in (f.before_deg, f.after_deg) if deg is not None) + " deg"
    where = f"{f.label or '?':16} {f.share_pct:5.1f} % of the picture"
    return f"  {f.rank:2}. {where}  {angle:14} {f.status:11}at x={x}, y={y}\n      {f.cause.name}: {f.cause.sentence}"


def _reasons(report: Coherence) -> list[str]:
    """Why numbers are missing, each reason once."""
    stages = [stage for stage in (report.initial, report.refined) if stage is not None]
    found = [one.reason(stage) for stage in stages for one in COHERENCE]
    return list(dict.fromkeys(reason for reason in found if reason))


def _cell(value: float | None, quantity: Quantity, sign: str = "") -> str:
    if value is None:
        return f"{'-':>10}"
    return f"{shown.rounded(value, quantity.digits):{sign}10.{quantity.digits}f}"


def _change(before: float | None, after: float | None, quantity: Quantity) -> str:
    change = shown.change(before, after, quantity.digits)
    return f"{shown.EQUAL:>10}" if change == 0 else _cell(change, quantity, "+")


def _of_photo(args: argparse.Namespace) -> Coherence:
    from mtcp.inference.prediction import coherence_of
    from mtcp.inference.predictor import Predictor

    predictor = Predictor(args.checkpoint, args.device, longest_side=longest_side(args))
    return coherence_of(predictor(args.input, args.fov))


def _write_json(path: Path, report: Coherence) -> None:
    try:
        path.write_text(json.dumps(report.to_dict()) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error
