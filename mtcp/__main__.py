"""The command line: `python -m mtcp VERB ...`. Each verb is a module of `mtcp.cli`."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtcp import __version__
from mtcp.errors import InputError, one_line
from mtcp.io.atomic import WriteError

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

VERBS = (
    *("predict", "evaluate", "train", "release", "typical", "data", "info", "coherence", "ablate", "branch"),
    "export",
)
EXAMPLES = """examples:
  python -m mtcp predict photo.jpg --out predictions
  python -m mtcp evaluate --data data/nyud
  python -m mtcp info checkpoints/mtcp-lite-nyud.safetensors

exit codes: 0 done, 1 some photos could not be predicted, 2 wrong input, 5 a file could not be written (a full disk),
130 interrupted, 141 nobody reads the output any more (`| head`); train has others
"""
WRONG_INPUT, NOT_WRITTEN, INTERRUPTED = 2, 5, 130
NOBODY_READS = 141
"""As shells tell of a program that SIGPIPE ended."""


class _Parser(argparse.ArgumentParser):
    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """As argparse does it, but not silent about a closed pipe, which a text longer than a buffer meets here."""
        out = file or sys.stdout
        if out is not None:
            out.write(self.format_help())


def build_parser() -> argparse.ArgumentParser:
    """The whole command line. Verbs import what is slow only when they run."""
    parser = _Parser(
        prog="mtcp",
        description="MT-CP: several dense maps of one photo at once, made to agree with each other.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mtcp {__version__}")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        importlib.import_module(f"mtcp.cli.{verb}").add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb. Wrong input is one line on standard error and exit code 2, a full disk too with 5; Ctrl-C
    is 130. Where a pipe is closed by its reader, as `head` does, it ends without a word and is 141.
    """
    try:
        try:
            return _run(arguments)
        finally:
            if sys.stdout is not None:  # also after --help, which exits: else Python complains when it ends
                sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        return NOBODY_READS


def _run(arguments: Sequence[str] | None) -> int:
    args = build_parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names hold what not every terminal can show
            stream.reconfigure(errors="backslashreplace")
    try:
        with warnings.catch_warnings():
            # Pillow warns of EXIF and sizes over several lines; what matters is an InputError anyway
            warnings.filterwarnings("ignore", module=r"PIL\.")
            return int(args.run(args))
    except InputError as error:
        sys.stderr.write(one_line(f"mtcp {args.verb}: {error}") + "\n")
        return WRONG_INPUT
    except WriteError as error:
        sys.stderr.write(f"mtcp {args.verb}: {error}\n")
        return NOT_WRITTEN
    except KeyboardInterrupt:
        sys.stderr.write(f"mtcp {args.verb}: interrupted\n")
        return INTERRUPTED


def _discard_output() -> None:
    """What is still in the buffers goes nowhere, instead of to the closed pipe when Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
