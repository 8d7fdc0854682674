"""The report of one photo as files: a page that needs nothing else, and its numbers as JSON."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path
from typing import Any

from app import permalink
from app.networks import Networks
from app.session import Analysis
from app.sides import FIRST, SECOND
from app.views import report
from app.views.coherence_change import without
from app.views.html import plain
from mtcp.checkpoint.store import DEFAULT_CHECKPOINT
from mtcp.environment import environment
from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.inference.prediction import Prediction

ON_CARD = ("data", "date", "commit", "parameters", "dtype", "sha256", "command")
"""What a report quotes of a checkpoint's card, where it is there."""


def page(analysis: Analysis, networks: Networks, examples: list[Path]) -> bytes:
    """The report as one HTML file: no script, nothing to load."""
    return report.html_page(analysis, versions(analysis, networks, examples)).encode()


def numbers(analysis: Analysis, networks: Networks, examples: list[Path]) -> bytes:
    """What `python -m mtcp coherence --json` writes, and "versions": where it comes from.

    Raises:
        InputError: the network does not predict what is compared.
    """
    if analysis.coherence is None:
        raise InputError(plain(without(analysis)).rstrip("."))
    told = {**analysis.coherence.to_dict(), "versions": versions(analysis, networks, examples)}
    return f"{json.dumps(told)}\n".encode()


def versions(analysis: Analysis, networks: Networks, examples: list[Path]) -> dict[str, Any]:
    """Photo, networks with what their cards say, environment, and the commands that give the same numbers."""
    sides = _networks(analysis)
    return {
        "photo": analysis.name,
        "networks": {side: _checkpoint(one, networks) for side, one in sides.items()},
        "commands": [_command(analysis, side, one, examples) for side, one in sides.items()],
        "environment": environment(analysis.prediction.device.partition(" ")[0]),
    }


def _networks(analysis: Analysis) -> dict[str, Prediction]:
    """What each network says of the photo, by "A" and "B", or one by "network"."""
    pair = analysis.pair
    if pair is None:
        return {"network": analysis.prediction}
    words = analysis.words
    return {words.side(FIRST): pair.a, words.side(SECOND): pair.b}


def _checkpoint(prediction: Prediction, networks: Networks) -> dict[str, Any]:
    card = networks.card(prediction.checkpoint)
    return {"checkpoint": prediction.checkpoint, **{key: card[key] for key in ON_CARD if card.get(key)}}


def _command(analysis: Analysis, side: str, prediction: Prediction, examples: list[Path]) -> str:
    """The command line that gives one network's numbers. A camera that no field of view tells is in the `.npz` of
    "Download all maps".
    """
    camera = analysis.prediction.camera
    words = ["python", "-m", "mtcp", "coherence"]
    if _centred(camera):
        example = permalink.example_of(analysis, examples)
        words.append(_as_argument(analysis.name) if example is None else f"app/examples/{example.name}")
        if prediction.checkpoint != DEFAULT_CHECKPOINT.name:
            shipped = (DEFAULT_CHECKPOINT.parent / prediction.checkpoint).is_file()
            words += ["--checkpoint", f"{'checkpoints/' if shipped else ''}{prediction.checkpoint}"]
        if analysis.prediction.camera_from == "given":
            words += ["--fov", f"{camera.fov_deg:.10g}"]
    else:
        name = f"_{side}-{prediction.checkpoint.removesuffix('.safetensors')}" if analysis.pair else ""
        words.append(_as_argument(f"{analysis.stem}{name}.npz"))
    return shlex.join([*words, "--json", "coherence.json"])


def _as_argument(name: str) -> str:
    """A file's name that no option is."""
    return f"./{name}" if name.startswith("-") else name


def _centred(camera: Camera) -> bool:
    told = Camera.from_fov(camera.width, camera.height, camera.fov_deg)
    return all(
        math.isclose(getattr(told, name), getattr(camera, name), rel_tol=1e-6)
        for name in ("fx", "fy", "cx", "cy")
    )
