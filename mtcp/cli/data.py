"""`python -m mtcp data`: prepares data sets for training and evaluation."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from mtcp.cli import data_places, data_rooms
from mtcp.errors import InputError

DESCRIPTION = """\
Converts NYU Depth v2 into the NYUD_MT folder layout and derives surface normals and semantic boundaries.

SOURCE is one of
  nyu_depth_v2_labeled.mat   the official labelled set, with --splits splits.mat (trainNdxs, testNdxs) and
                             --class-mapping classMapping40.mat (mapClass: 894 names to 40 classes)
  a folder                   images/ID.jpg, labels40/ID.png (0..39, 255 = unlabelled; or 1..40, 0 = unlabelled),
                             depth/ID.png (uint16 millimetres), train.txt, test.txt

Which labels a source has is found by looking through all of them before anything is written; a label that neither
kind has, lists that share frames, photos of another size than the camera's and depth that cannot be metres refuse
the source.
Normals are in camera axes: x right, y down, z forward; a wall facing the camera is (0, 0, -1).
Finished frames are skipped, so an interrupted conversion goes on where it stopped; frames whose source has changed
are converted again. A missing or truncated file is named, the other frames are still converted, and the exit code is 1.
NYU Depth v2 is research data: check its terms before passing anything on."""


def add_parser(subparsers: Any) -> None:
    """Adds the verb to `subparsers`."""
    parser = subparsers.add_parser("data", help="prepare a data set", description="Prepares a data set.")
    kinds = parser.add_subparsers(dest="set", metavar="SET", required=True)
    nyud = kinds.add_parser(
        "nyud",
        help="NYU Depth v2 into the NYUD_MT layout",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    nyud.add_argument("--source", type=Path, required=True, help="the .mat file or the folder")
    nyud.add_argument("--out", type=Path, required=True, help="folder to make or to go on with")
    nyud.add_argument("--splits", type=Path, metavar="MAT", help="splits.mat (only for a .mat source)")
    nyud.add_argument(
        "--class-mapping", type=Path, metavar="MAT", help="classMapping40.mat (only for a .mat source)"
    )
    nyud.add_argument(
        "--unlabelled",
        type=int,
        choices=(0, 255),
        help="the label that means none: 0 (classes 1..40) or 255 (classes 0..39); default: found from the labels",
    )
    nyud.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)")
    nyud.set_defaults(run=run)
    data_places.add_parser(kinds)
    data_rooms.add_parser(kinds)


def run(args: argparse.Namespace) -> int:
    """Returns 0, or 1 when a frame failed.

    Raises:
        InputError: the source as a whole cannot be used.
    """
    from mtcp.data.nyud_convert import convert, open_source

    if args.jobs < 1:
        raise InputError(f"--jobs {args.jobs}: give at least 1 process")
    source = open_source(args.source, args.splits, args.class_mapping, args.unlabelled)
    report = convert(source, args.out, args.jobs)
    for line in report.failures:
        print(line)
    failed = f", {len(report.failures)} failed (repair them and run again)" if report.failures else ""
    print(f"{args.out}: {report.written} frames converted, {report.skipped} already there{failed}")
    return 1 if report.failures else 0
