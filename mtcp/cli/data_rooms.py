"""`python -m mtcp data rooms`: procedural rooms with exact truth, as a data set."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from mtcp.errors import InputError

DESCRIPTION = """\
Renders furnished rooms from seeds, nothing downloaded, into the NYUD_MT folder layout: pictures, exact depth,
normals and the 40 classes. Finished frames are kept, so an interrupted run goes on where it stopped."""


def add_parser(subparsers: Any) -> None:
    """Adds `rooms` to the sets of the `data` verb."""
    parser = subparsers.add_parser(
        "rooms",
        help="procedural rooms into the NYUD_MT layout",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to make or to go on with")
    parser.add_argument("--count", type=int, default=200, help="number of rooms, at least 2 (default: 200)")
    parser.add_argument("--size", default="480x640", help="height x width in pixels (default: 480x640)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first room (default: 0)")
    parser.add_argument(
        "--fov", type=float, default=60.0, help="horizontal field of view, degrees (default: 60)"
    )
    parser.add_argument(
        "--quality", choices=("fast", "high"), default="fast", help="of the light (default: fast)"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Returns 0.

    Raises:
        InputError: a size that is not HEIGHTxWIDTH, or what the writers refuse.
    """
    from mtcp.data.rooms import write_nyud

    match = re.fullmatch(r"(\d+)x(\d+)", args.size)
    if match is None:
        raise InputError(f"--size {args.size!r}: give HEIGHTxWIDTH, such as 480x640")
    size = (int(match[1]), int(match[2]))
    written = write_nyud(args.out, args.count, size, args.seed, args.quality, args.fov, args.jobs)
    print(f"{args.out}: {written} rooms written, {args.count - written} already there")
    return 0
