"""`python -m mtcp data places`: room photos with pseudo-labels, as a data set."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mtcp.errors import InputError

DESCRIPTION = """\
Unpacks room photos and their pseudo-labels (150 ADE20K classes, depth up to a factor) into a folder to train on
with --task-set places --tasks semseg,relative_depth.

SOURCE is a folder with list.tsv (number, room, path of the photo), ade150.txt (names of the classes), ade150.zip,
depth.zip (NUMBER.png) and photos.zip (NUMBER.jpg, as many as it has). The photos that photos.zip lacks are taken from
--photos, a folder that has them under the paths in list.tsv or as NUMBER.jpg. Those that are nowhere are left out.

Finished photos are kept, so an interrupted run, or a later one with more photos, goes on where the last one stopped."""


def add_parser(subparsers: Any) -> None:
    """Adds `places` to the sets of the `data` verb."""
    parser = subparsers.add_parser(
        "places",
        help="room photos with pseudo-labels",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--source", type=Path, required=True, help="the folder with list.tsv and the archives"
    )
    parser.add_argument("--photos", type=Path, help="folder of the photos that photos.zip lacks")
    parser.add_argument("--out", type=Path, required=True, help="folder to make or to go on with")
    parser.add_argument(
        "--val", type=int, default=300, help="the last so many photos are held out (default: 300)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Returns 0.

    Raises:
        InputError: the source, the photos or the output folder cannot be used.
    """
    from mtcp.data.places_convert import Source, convert

    if args.val < 1:
        raise InputError(f"--val {args.val}: hold at least 1 photo out")
    source = Source(args.source, args.photos)
    report = convert(source, args.out, args.val)
    if report.left_out:
        hint = "" if args.photos else "; --photos FOLDER adds them"
        print(f"{report.left_out} of {len(source.numbers)} listed photos have no file and are left out{hint}")
    print(
        f"{args.out}: {report.written} photos written, {report.skipped} already there; "
        f"{report.train} to train on, {report.val} in val"
    )
    return 0
