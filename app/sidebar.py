"""The left column: the photo, the probe, the camera, the download. It is the state of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData, ImageData

from app import maps, permalink
from app.networks import chosen
from app.scene import Scene
from app.served_files import cached_file, saver, served
from app.session import Analysis
from app.tabs.base import Values
from app.uploads import uploaded
from app.views import about, hover, page, probe
from app.views import permalink as address

DOWNLOAD = "Download all maps (zip)"
REPORT, NUMBERS = "Report (HTML)", "Numbers (JSON)"
HERE = Path(__file__).parent
NO_OTHER = ("none", "")
"""Words and value where no second network is chosen."""
ABOUT_TRUTH = (
    "Of the photo's shape, at any size. <b>Depth</b> along the camera's axis: 16-bit PNG in millimetres, or NPY (H, W) "
    "of floats in metres; 0 is unknown. <b>Normals</b>: NPY (H, W, 3); x right, y down, z forward. <b>Labels</b>: "
    "8-bit PNG or NPY (H, W) of whole numbers, the network's classes from 0; 255 is unknown."
)
EXAMPLE = {"path": "room.jpg", "orig_name": "room.jpg", "meta": {"_type": "gradio.FileData"}}
"""What stands for a photo in the description of the API."""


@dataclass(frozen=True)
class Sidebar:
    """The components of the left column. `picker` reports clicks on any picture of the page, `hover` tells values
    under the cursor, `divided` where the divider of a comparison was dragged to; `saver` saves a file that it is given.
    shipped: the examples' files. names: of the networks that can be chosen.
    """

    photo: gr.Image
    a: gr.Dropdown
    b: gr.Dropdown
    own: gr.Accordion
    truth: gr.File
    examples: gr.Dataset | None
    probe: gr.Column
    readout: gr.HTML
    x: gr.Number
    y: gr.Number
    fov: gr.Number
    facts: gr.HTML
    download: gr.Button
    report: gr.Button
    numbers: gr.Button
    address: gr.HTML
    saver: gr.HTML
    marker: gr.HTML
    picker: gr.HTML
    hover: gr.HTML
    divided: gr.HTML
    shipped: Sequence[Path]
    names: Sequence[str]

    @classmethod
    def build(cls, examples: Sequence[Path], networks: Sequence[str]) -> Sidebar:
        """Adds the column to the page. networks: names of those that can be chosen, the one in use first."""
        with gr.Column(elem_id="left"):
            photo = photo_input()
            with gr.Row(elem_id="networks", visible=len(networks) > 1):
                a = _choice("Network (A)", "network-a", list(networks), networks[0])
                b = _choice("Compare with (B)", "network-b", [NO_OTHER, *networks], NO_OTHER[1])
            with gr.Column(visible=False, elem_id="probe") as column:
                gr.HTML("<h2>Probe</h2>")
                with gr.Row(elem_id="probe-at"):
                    x, y = (
                        _number("x (px from the left)", "probe-x"),
                        _number("y (px from the top)", "probe-y"),
                    )
                readout = gr.HTML(elem_id="readout")
                fov = _number("Field of view across (degrees)", "fov")
            with gr.Accordion("Ground truth of this photo", open=False, elem_id="own-truth") as own:
                truth = truth_input()
            return cls(
                photo=photo,
                a=a,
                b=b,
                own=own,
                truth=truth,
                probe=column,
                readout=readout,
                x=x,
                y=y,
                fov=fov,
                examples=_examples(examples),
                facts=gr.HTML(elem_id="photo-facts"),
                download=gr.Button(DOWNLOAD, interactive=False, elem_id="download"),
                **_report(),
                marker=gr.HTML(probe.marker(None)),
                picker=maps.picker(),
                hover=maps.hover(),
                divided=maps.divider(),
                shipped=examples,
                names=networks,
            )

    @property
    def saving(self) -> tuple[gr.Button, ...]:
        """The buttons that need a result."""
        return self.download, self.report, self.numbers

    @property
    def outputs(self) -> list[Any]:
        """Everything that `fill`, `point` and `clear` may set. The photo is not among it: see `shown`."""
        places = [self.facts, *self.saving, self.address, self.marker]
        return [*places, self.a, self.b, self.probe, self.readout, self.x, self.y, self.fov, self.hover]

    def fill(self, scene: Scene) -> Values:
        """The column for a new run."""
        analysis = scene.analysis
        filled: Values = {self.facts: page.photo_facts(analysis), self.probe: gr.Column(visible=True)}
        filled |= self.in_force(scene)
        filled[self.hover] = None  # of another photo
        filled |= {button: gr.Button(interactive=True) for button in self.saving}
        return filled | self.networks_of(analysis) | self.point(scene)

    def networks_of(self, analysis: Analysis) -> Values:
        """The networks that a run is of."""
        return dict(zip((self.a, self.b), chosen(analysis), strict=True))

    def shown(self, analysis: Analysis, path: str) -> Values:
        """The photo as the browser can draw it. path: of its file."""
        return {self.photo: path if analysis.browser_knows else analysis.photo}

    def point(self, scene: Scene) -> Values:
        """What follows the probe, but for the fields that it is typed into: see `at`."""
        link = address.note(permalink.query(scene, self.shipped, self.names[0]))
        return {
            self.marker: probe.marker(scene),
            self.readout: probe.readout(scene),
            self.address: link,
        }

    def at(self, scene: Scene) -> Values:
        """The probe in its two fields, for what moves it other than by typing: an answer that sets a field while
        somebody types in it mixes both numbers.
        """
        x, y = scene.probe
        return {self.x: x, self.y: y}

    def in_force(self, scene: Scene) -> Values:
        """What the fields that can be typed into stand for."""
        return {**self.at(scene), self.fov: round(scene.analysis.prediction.camera.fov_deg, 1)}

    def refocus(self, scene: Scene) -> Values:
        """What follows the camera, and the probe."""
        return {self.facts: page.photo_facts(scene.analysis), **self.values(scene)}

    def values(self, scene: Scene) -> Values:
        """All that tells values: of every pixel for the browser, and of the probe."""
        analysis = scene.analysis
        made = {"hover.maps": hover.maps_file}
        if analysis.coherence is not None:
            made["camera.coherence.hover"] = hover.angles_file
        files = [
            cached_file(analysis.cache, key, self.hover.GRADIO_CACHE, "values.bin", partial(make, analysis))
            for key, make in made.items()
        ]
        return {self.hover: [served(path, self.hover) for path in files], **self.point(scene)}

    def clear(self) -> Values:
        """The column without a result. The photo stays as the person left it."""
        return {
            self.facts: "",
            **{button: gr.Button(interactive=False) for button in self.saving},
            self.address: address.none(),
            self.probe: gr.Column(visible=False),
            self.marker: probe.marker(None),
            self.hover: None,
        }


def _report() -> dict[str, Any]:
    """The buttons that make a report of what is seen, by the names of their fields."""
    with gr.Row(elem_id="report"):
        report = gr.Button(REPORT, interactive=False, min_width=0, elem_id="report-html")
        numbers = gr.Button(NUMBERS, interactive=False, min_width=0, elem_id="report-json")
    follow = (HERE / "permalink.js").read_text(encoding="utf-8")
    return {
        "report": report,
        "numbers": numbers,
        "address": gr.HTML("", js_on_load=follow, elem_id="permalink"),
        "saver": saver("saver"),
    }


def _choice(label: str, elem_id: str, choices: list[str | tuple[str, str]], value: str) -> gr.Dropdown:
    return gr.Dropdown(choices, value=value, label=label, filterable=False, elem_id=elem_id, min_width=120)


def truth_input() -> gr.File:
    """Upload of what a photo really shows; a listener gets the paths of the files."""
    files = gr.File(
        file_count="multiple",
        type="filepath",
        label="Depth, normals, labels: PNG or NPY",
        height=110,
        elem_id="truth-files",
    )
    gr.HTML(f'<p class="mt-subdued mt-fine">{ABOUT_TRUTH}</p>')
    return files


def _number(label: str, name: str) -> gr.Number:
    """Without limits of its own: gradio would refuse whatever else is done on the page while it is beyond them."""
    return gr.Number(label=label, elem_id=name, min_width=100, step=1)


def photo_input() -> gr.Image:
    """Upload, webcam or clipboard; a listener gets the path of the file as it was given."""
    photo = gr.Image(
        type="filepath",
        sources=["upload", "webcam", "clipboard"],
        buttons=["fullscreen"],
        label="Photo",
        placeholder="Drop a photo of a room here\nor click to choose one",
        elem_id="photo",
        elem_classes="mt-pick",
        height=260,
    )
    # gradio would open the file itself, turn it, drop its EXIF and fail in its own words on a file that is no
    # picture. Replaced on the object: gradio writes a .pyi file beside every module that has a subclass.
    photo.preprocess = _uploaded  # type: ignore[method-assign]
    # the API's description would promise to fetch addresses, and give one as the example
    photo.api_info = _described  # type: ignore[method-assign]
    photo.example_payload = lambda: dict(EXAMPLE)  # type: ignore[method-assign]
    return photo


def _described() -> dict[str, Any]:
    schema = FileData.model_json_schema()
    del schema["description"]
    return {**schema, "additional_description": 'An uploaded picture: handle_file("room.jpg"). No address.'}


def _uploaded(payload: ImageData | None) -> str | None:
    """The file as it was uploaded."""
    return None if payload is None or payload.path is None else uploaded(payload.path)


def _examples(paths: Sequence[Path]) -> gr.Dataset | None:
    if not paths:
        return None
    gr.HTML(about.captions(paths), elem_classes="mt-unseen")
    return gr.Dataset(
        components=["image"],
        samples=[[str(path)] for path in paths],
        type="index",
        label="Examples",
        elem_id="examples",
    )
