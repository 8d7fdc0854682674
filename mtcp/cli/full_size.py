"""`--full-size`: what every verb that takes photos offers."""

from __future__ import annotations

import argparse

from mtcp.io.photo import LONGEST_SIDE


def add_full_size(parser: argparse.ArgumentParser) -> None:
    """Adds the flag."""
    parser.add_argument(
        "--full-size",
        action="store_true",
        help=f"work at a photo's own size (default: its longer side at most {LONGEST_SIDE} pixels, as on the page)",
    )


def longest_side(args: argparse.Namespace) -> int | None:
    """What the longer side is reduced to; None: nothing is."""
    return None if args.full_size else LONGEST_SIDE
