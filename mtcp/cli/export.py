"""`python -m mtcp export`: a checkpoint as an ONNX file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mtcp.checkpoint.store import DEFAULT_CHECKPOINT


def add_parser(subparsers: Any) -> None:
    """Adds the verb to `subparsers`."""
    parser = subparsers.add_parser(
        "export",
        help="write the network as ONNX, for any batch and size",
        description="Writes the network as ONNX: input image (B, 3, H, W), float32 RGB in 0..1, any B, H and W, not "
        "normalised; outputs TASK_initial and TASK_refined at the input's size (class logits, depth in metres, unit "
        "normals). The file is compared with torch before it is written. Its metadata hold checkpoint, tasks, "
        "classes and axes. Needs the extra onnx.",
    )
    parser.add_argument(
        "--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, help="default: the shipped one"
    )
    parser.add_argument("--onnx", type=Path, required=True, metavar="FILE", help="NAME.onnx to write")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Writes it; 0."""
    from mtcp.checkpoint.store import load_checkpoint
    from mtcp.inference.onnx import check_target, export_onnx

    check_target(args.onnx)
    model, card = load_checkpoint(args.checkpoint)
    errors = export_onnx(model, args.onnx, card=card, checkpoint=args.checkpoint.name)
    size = args.onnx.stat().st_size / 2**20
    print(f"{args.onnx}: {size:.1f} MiB; largest difference from torch, relative to the maximum:")
    for name, error in errors.items():
        print(f"  {name:<20} {error:.1e}")
    return 0
