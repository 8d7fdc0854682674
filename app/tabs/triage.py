"""The Triage tab: many photos at once, ranked by how much their maps disagree. Its listeners: `triage_events`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import gradio as gr
from gradio.data_classes import FileData, ListFiles

from app.background_job import Job
from app.folders import fresh_folder
from app.tabs.base import STATE_SECONDS
from app.tabs.parts import choice, stage_choice
from app.tabs.triage_scatter import Scatter
from app.uploads import uploaded
from app.views import triage as view
from mtcp.evaluation.ranking import TriageRow, to_csv
from mtcp.geometry.quantities import RANKED, RANKED_BY_KEY, Quantity

MOST = 50
"""Photos at once, at most."""
OPEN = """element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-open]');
  if (button) trigger('click', { open: Number(button.dataset.open) });
  const turn = event.target.closest('[data-page]');
  if (turn) trigger('select', { page: Number(turn.dataset.page) });
});"""
"""What tells the server which of many buttons in one piece of HTML was pressed."""
CSV_NAME = "mtcp-triage.csv"
PICTURES = ["image", ".heic", ".heif", ".avif", ".tif", ".tiff", ".webp"]


@dataclass(frozen=True)
class Triage:
    """The components of the tab.

    entries: what is kept of each photo; tables: the files of the table that is shown in place of photos, or ().
    fov: of all photos, as typed; seen_through: the one in force, None for each photo's own. seen_by: the name of the
    network whose numbers are shown; of others, some are kept. scatter: two numbers of
    all; what is brushed there is all that the gallery lists.
    """

    title: ClassVar[str] = "Triage"

    files: gr.File
    job: Job
    number: gr.Dropdown
    of: gr.Dropdown
    fov: gr.Textbox
    note: gr.HTML
    summary: gr.HTML
    scatter: Scatter
    gallery: gr.HTML
    table: gr.DownloadButton
    entries: gr.State
    tables: gr.State
    seen_through: gr.State
    seen_by: gr.State

    @classmethod
    def build(cls, network: str = "") -> Triage:
        """Adds the tab's components to the page. network: the name of the one that visitors begin with."""
        gr.HTML(
            f'<p class="mt-headline">Drop up to {MOST} photos: those where depth and normals disagree most come '
            'first.</p><p class="mt-subdued">Each is run once through the network that is chosen (A); only its numbers '
            "and two small pictures are kept. A click on its pictures opens a photo: the network runs on it again. Or "
            "drop the <code>.parquet</code> files that <code>python -m mtcp predict --table</code> wrote of any number "
            "of photos, to see its worst rows.</p>"
        )
        files = gr.File(
            file_count="multiple",
            file_types=[*PICTURES, ".parquet"],
            label=f"Photos (up to {MOST}), or the .parquet files of one table",
            elem_id="triage-files",
            height=160,
        )
        # gradio would stop at the first file of a kind it does not know; here each is judged by its content.
        files.preprocess = _paths  # type: ignore[method-assign]
        job = Job.build(view.REST, "triage", visible=False)
        with gr.Row(elem_classes="mt-triage-keys"):
            number = choice("Rank by", "triage-number", view.choices())
            of = stage_choice("triage-of")
            fov = gr.Textbox(  # a number field shows 0 where nothing is given
                label="Field of view of all photos (degrees)",
                placeholder="each photo's own",
                max_lines=1,
                elem_id="triage-fov",
            )
            table = gr.DownloadButton(
                "Export table (CSV)", size="sm", interactive=False, elem_id="triage-csv"
            )
        return cls(
            files=files,
            job=job,
            number=number,
            of=of,
            fov=fov,
            table=table,
            note=gr.HTML(view.help_line(RANKED[0])),
            summary=gr.HTML(elem_id="triage-summary", elem_classes="mt-busy"),
            scatter=Scatter.build(),
            gallery=gr.HTML(js_on_load=OPEN, elem_id="triage-gallery"),
            entries=gr.State((), time_to_live=STATE_SECONDS),
            tables=gr.State((), time_to_live=STATE_SECONDS),
            seen_through=gr.State(None, time_to_live=STATE_SECONDS),
            seen_by=gr.State(network),
        )

    def exported(self, rows: Sequence[TriageRow]) -> gr.DownloadButton:
        """The button that saves these rows, in this order, as CSV."""
        if not rows:
            return gr.DownloadButton(value=None, interactive=False)
        path = fresh_folder(self.table.GRADIO_CACHE) / CSV_NAME
        path.write_text(to_csv(rows, RANKED), encoding="utf-8", newline="")
        return gr.DownloadButton(value=str(path), interactive=True)


def quantity(key: str) -> Quantity:
    """The number that has this key."""
    return RANKED_BY_KEY[key]


def _paths(payload: ListFiles | FileData | None) -> list[str]:
    """The uploaded files."""
    if payload is None:
        return []
    files = payload.root if isinstance(payload, ListFiles) else [payload]
    return list(dict.fromkeys(uploaded(file.path) for file in files))
