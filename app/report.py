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
from app.sides import FIRST, SECOND, Words
from app.views import report
from app.views.coherence_change import without
from app.views.html import plain
from mtcp.checkpoint.store import DEFAULT_CHECKPOINT
from mtcp.environment import environment
from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.inference.prediction import Prediction

KEYS = {FIRST: "a", SECOND: "b"}
"""What the JSON calls the sides where they are two networks: there is no initial and no refined then."""
ON_CARD = ("data", "date", "commit", "parameters", "dtype", "sha256", "command")
"""What a report quotes of a checkpoint's card, where it is there."""


def page(analysis: Analysis, networks: Networks, examples: list[Path]) -> bytes:
    """The report as one HTML file: no script, nothing to load."""
    return report.html_page(analysis, versions(analysis, networks, examples)).encode()


def numbers(analysis: Analysis, networks: Networks, examples: list[Path]) -> bytes:
    """What `python -m mtcp coherence --json` writes, and "versions": where it comes from. Of two networks the keys are
    those of `KEYS`, see docs/coherence.md.

    Raises:
        InputError: the network does not predict what is compared.
    """
    if analysis.coherence is None:
        raise InputError(plain(without(analysis)).rstrip("."))
    numbers = analysis.coherence.to_dict()
    if analysis.pair is not None:
        numbers = _of_two(numbers, analysis.words)
    return f"{json.dumps({**numbers, 'versions': versions(analysis, networks, examples)})}\n".encode()


def _of_two(numbers: dict[str, Any], words: Words) -> dict[str, Any]:
    """A comparison's JSON in the words of two networks: "initial", "before", "fixed" would say what is not so."""
    renamed = {"before_deg": f"{KEYS[FIRST]}_deg", "after_deg": f"{KEYS[SECOND]}_deg"}
    failures = [
        {
            **{renamed.get(key, key): value for key, value in failure.items()},
            "found_in": KEYS[failure["found_in"]],
            "status": words.statuses[failure["status"]],
        }
        for failure in numbers["failures"]
    ]
    return {**{KEYS.get(key, key): value for key, value in numbers.items()}, "failures": failures}


def versions(analysis: Analysis, networks: Networks, examples: list[Path]) -> dict[str, Any]:
    """Photo, networks with what their cards say, environment, and the commands that give the same numbers. Networks are
    by the keys of `KEYS`, with the stage that is compared; a single one by "network".
    """
    pair = analysis.pair
    if pair is None:
        found = {"network": _checkpoint(analysis.prediction, networks)}
        commands = [_command(analysis, FIRST, analysis.prediction, examples)]
    else:
        found = {
            key: {**_checkpoint(pair.part(side), networks), "stage": pair.stage(side)}
            for side, key in KEYS.items()
        }
        commands = [_command(analysis, side, pair.part(side), examples) for side in KEYS]
    return {
        "photo": analysis.name,
        "networks": found,
        "commands": commands,
        "environment": environment(analysis.prediction.device.partition(" ")[0]),
    }


def _checkpoint(prediction: Prediction, networks: Networks) -> dict[str, Any]:
    card = networks.card(prediction.checkpoint)
    return {"checkpoint": prediction.checkpoint, **{key: card[key] for key in ON_CARD if card.get(key)}}


def _command(analysis: Analysis, side: str, prediction: Prediction, examples: list[Path]) -> str:
    """The command line that gives the numbers of the network on that side. A camera that no field of view tells is in
    the `.npz` of "Download all maps".
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
        name = (
            f"_{analysis.words.side(side)}-{prediction.checkpoint.removesuffix('.safetensors')}"
            if analysis.pair
            else ""
        )
        words.append(_as_argument(f"{analysis.stem}{name}.npz"))
    return shlex.join([*words, "--json", "coherence.json"])


def _as_argument(name: str) -> str:
    """A file's name that no option is."""
    return f"./{name}" if name.startswith("-") else name


def _centred(camera: Camera) -> bool:
    by_fov = Camera.from_fov(camera.width, camera.height, camera.fov_deg)
    return all(
        math.isclose(getattr(by_fov, name), getattr(camera, name), rel_tol=1e-6)
        for name in ("fx", "fy", "cx", "cy")
    )
