"""`python -m mtcp predict`: photos to maps, as numbers (.npz) and pictures (.png), or many photos to one table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtcp.checkpoint.store import DEFAULT_CHECKPOINT
from mtcp.cli import predict_many as many
from mtcp.cli.full_size import add_full_size, longest_side
from mtcp.errors import InputError, one_line

if TYPE_CHECKING:
    from mtcp.inference.prediction import Prediction

FAILED = 1
EXAMPLES = """examples:
  python -m mtcp predict kitchen.jpg hall.heic --out predictions
  python -m mtcp predict photos/*.jpg --fov 75 --size 480x640
  python -m mtcp predict photos --table --out numbers
  python -m mtcp predict s3://bucket/photos --engine ray --workers 8 --out s3://bucket/numbers

For each photo: STEM.npz with TASK_initial and TASK_refined (semseg uint8, depth float32 metres, normals float32
HxWx3), semseg_classes and camera (fx, fy, cx, cy); a PNG per map, of classes and depth one with a legend and one
without (_plain), of depth one in millimetres (_mm). Camera axes: x right, y down, z forward; a wall facing the
camera has normal (0, 0, -1). Photos with the same stem get -2, -3 ...

All are at the photo's size, but of a photo over 1024 pixels on the longer side at 1024: --full-size keeps its own (a
12-megapixel photo then is 400 MB of files).

--table, and --engine ray: no maps, but for every picture in a folder or URL that fsspec reads, and in the folders in
it, a row of coherence numbers in OUT/photos/*.parquet; what could not be measured is in OUT/bad/*.parquet. The same
command again goes on where it stopped.
"""


def add_parser(subparsers: Any) -> None:
    """Adds the verb to `subparsers`."""
    parser = subparsers.add_parser(
        "predict",
        help="predict photos into a folder",
        description="Predicts every map of each photo, initial and refined.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "photos",
        nargs="+",
        metavar="PHOTO",
        help="JPEG, PNG, HEIC, WebP, TIFF ...; for a table one folder or URL",
    )
    parser.add_argument(
        "--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="default: the shipped one"
    )
    parser.add_argument(
        "--out", default="predictions", help="folder, for a table also a URL (default: predictions)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    parser.add_argument(
        "--size",
        metavar="HxW",
        help="what the network sees (default: the photo's shape, as many pixels as trained)",
    )
    parser.add_argument(
        "--fov", type=float, metavar="DEG", help="horizontal field of view (default: from EXIF, else 60)"
    )
    add_full_size(parser)
    many.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 when every photo was predicted, 1 when some could not be."""
    return many.run(args) if args.table or args.engine != "plain" else predict_maps(args)


def predict_maps(args: argparse.Namespace) -> int:
    """Writes the maps of each photo. 0, or 1 when some could not be."""
    from tqdm import tqdm

    from mtcp.geometry.camera import Camera
    from mtcp.inference.predictor import Predictor
    from mtcp.inference.sizes import parse_size
    from mtcp.inference.write import write_prediction

    if args.fov is not None:
        Camera.from_fov(4, 3, args.fov)  # refused once, not per photo
    photos, out = [Path(photo) for photo in args.photos], Path(args.out)
    size = parse_size(args.size) if args.size else None
    predictor = Predictor(args.checkpoint, args.device, size, longest_side(args))
    make_folder(out)
    if "refined" not in predictor.model.config.stages:
        print(
            f"{args.checkpoint}: trained without a refinement, so there are no refined maps", file=sys.stderr
        )
    failed = 0
    quiet = len(photos) < 2 or not sys.stderr.isatty()  # a bar in a log file is lines of rubbish
    bar = tqdm(list(zip(photos, stems(photos), strict=True)), unit="photo", disable=quiet)
    for photo, stem in bar:
        try:
            prediction = predictor(photo, args.fov)
            written = write_prediction(prediction, out, stem)
        except (InputError, OSError, MemoryError) as error:
            failed += 1
            bar.write(one_line(f"mtcp predict: {problem(photo, out, error)}"), file=sys.stderr)
        else:
            done = f"{photo} -> {written[0]}  ({summary(prediction)})"
            bar.write(one_line(done), file=sys.stdout)
    if failed:
        print(f"mtcp predict: {failed} of {len(photos)} photos failed", file=sys.stderr)
    return FAILED if failed else 0


def problem(photo: Path, out: Path, error: Exception) -> str:
    """Words for what went wrong with a photo; `error` is an InputError, MemoryError or OSError in writing."""
    if isinstance(error, InputError):  # of the network it does not name the photo
        return str(error) if str(photo) in str(error) else f"{photo}: {error}"
    if isinstance(error, MemoryError):
        return f"{photo}: not enough memory for its maps; give a smaller copy"
    return f"{photo}: cannot be written to {out} ({getattr(error, 'strerror', None) or error})"


def stems(photos: Sequence[Path]) -> list[str]:
    """A name for each photo's files: its stem, with -2, -3 ... where another photo has it (case ignored)."""
    own = {photo.stem.casefold() for photo in photos}
    taken: set[str] = set()
    result = []
    for photo in photos:
        name, number = photo.stem, 1
        while name.casefold() in taken or (number > 1 and name.casefold() in own):
            number += 1
            name = f"{photo.stem}-{number}"
        taken.add(name.casefold())
        result.append(name)
    return result


def make_folder(path: Path) -> None:
    """Makes `path`. Raises InputError when that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {path}: cannot be made ({error.strerror})") from error


def summary(prediction: Prediction) -> str:
    """Sizes, time and camera in a few words, and what else there is to know."""
    (H, W), (h, w) = prediction.size, prediction.network_size
    original = prediction.shrunk_from
    shrunk = f" of the photo's {original[0]}x{original[1]} (--full-size for all)" if original else ""
    camera = f"field of view {prediction.camera.fov_deg:.0f} degrees, {prediction.camera_words}"
    note = f"; {prediction.note}" if prediction.note else ""
    return f"{H}x{W}{shrunk}, network saw {h}x{w}, {prediction.seconds:.2f} s, {camera}{note}"
