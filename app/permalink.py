"""Addresses of what is seen: `?example=bedroom&tab=coherence&probe=120,200&failure=3` and, where it is not as the page
begins, `fov`, `a` and `b`. Only an example can be linked: anybody's own photo stays where it is.

The server knows all of it but the open tab, which `permalink.js` adds; see there for how the address bar follows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from app.networks import chosen
from app.scene import Scene, check_fov
from app.session import Analysis
from app.tabs.base import slug
from mtcp.errors import InputError
from mtcp.io.photo import LONGEST_SIDE, open_photo, shrink

LONGEST = 60
"""Characters of a refused value that are repeated."""


@dataclass(frozen=True)
class Link:
    """What an address asks for. None, or an empty name: nothing. example: a photo's name without its ending. tab: its
    title. probe: pixel (x, y). failure: rank. fov: degrees. a, b: names of networks.
    """

    example: str = ""
    tab: str = ""
    probe: tuple[int, int] | None = None
    failure: int | None = None
    fov: float | None = None
    a: str = ""
    b: str = ""

    def apply(self, scene: Scene) -> tuple[Scene, list[str]]:
        """`scene` as the address has it, and what of it is not possible there, one line each."""
        refused = []
        if self.fov is not None:
            scene = scene.see_through(self.fov).worst()
        if self.probe is not None:
            try:
                scene = scene.enter(*self.probe)
            except InputError as error:
                refused.append(f"probe={self.probe[0]},{self.probe[1]} in the address: {error}")
        if self.failure is not None and self.failure != scene.failure:
            try:
                scene = scene.choose(self.failure)
            except InputError as error:
                refused.append(f"failure={self.failure} in the address: {error}")
        return scene, refused


def read(
    query: Mapping[str, str], examples: Sequence[Path], tabs: Sequence[str], networks: Sequence[str]
) -> tuple[Link, list[str]]:
    """What an address asks for, and what of it cannot be, one line each. tabs: their titles. Other keys are others'."""
    found: dict[str, object] = {}
    refused = []
    by_name = {"example": [path.stem for path in examples], "tab": tabs, "a": networks, "b": networks}
    for key, names in by_name.items():
        value = query.get(key, "")
        known = next((name for name in names if value.lower() in (name.lower(), slug(name))), "")
        if value and not known:
            refused.append(f"{_given(key, value)}: there is none; choose {', '.join(names)}")
        found[key] = known
    forms = {
        "probe": (r"\d{1,6},\d{1,6}", "two whole numbers of pixels, such as 120,200"),
        "failure": (r"[1-9]\d{0,5}", "the number of a failure, from 1"),
        "fov": (r"\d{1,3}(\.\d{1,6})?", "degrees, such as 60"),
    }
    for key, (form, wanted) in forms.items():
        value = query.get(key, "")
        if value and not re.fullmatch(form, value, re.ASCII):
            refused.append(f"{_given(key, value)}: give {wanted}")
        elif value and key == "probe":
            x, y = value.split(",")
            found[key] = int(x), int(y)
        elif value and key == "failure":
            found[key] = int(value)
        elif value:
            try:
                found[key] = check_fov(float(value))
            except InputError as error:
                refused.append(f"{_given(key, value)}: {error}")
    return Link(**found), refused  # type: ignore[arg-type]


def query(scene: Scene, examples: Sequence[Path], first: str) -> str:
    """The part of the address that tells the scene, empty where its photo is no example. first: the network that every
    visitor begins with.
    """
    analysis = scene.analysis
    example = example_of(analysis, examples)
    if example is None:
        return ""
    asked: dict[str, object] = {"example": example.stem, "probe": "{},{}".format(*scene.probe)}
    if scene.failure is not None:
        asked["failure"] = scene.failure
    given, prediction = analysis.given, analysis.prediction
    known = given is not None and given.calibrated and given.camera == prediction.camera
    if prediction.camera_from == "given" and not known:
        asked["fov"] = f"{prediction.camera.fov_deg:.4f}"
    a, b = chosen(analysis)
    asked |= {key: name for key, name in (("a", a), ("b", b)) if name and (key, name) != ("a", first)}
    return urlencode(asked, safe=",")


def example_of(analysis: Analysis, examples: Sequence[Path]) -> Path | None:
    """The example that the photo is, told by name and pixels, or None; kept with the run."""
    if "example" not in analysis.cache:
        analysis.cache["example"] = next(
            (path for path in examples if path.name == analysis.name and _shows(path, analysis.photo)), None
        )
    return analysis.cache["example"]


def _shows(path: Path, photo: np.ndarray) -> bool:
    return np.array_equal(shrink(open_photo(path, name=path.name)[0], LONGEST_SIDE), photo)


def _given(key: str, value: str) -> str:
    return f"{key}={value if len(value) <= LONGEST else value[:LONGEST] + '...'} in the address"
