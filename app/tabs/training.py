"""The Training tab: curves of logged runs, live while one is going, and LPS replayed. Listeners: `training_events`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr
from gradio.components import Component

from app.listeners import toast
from app.tabs.base import Settings, Values
from app.views import training, training_replay, training_status
from mtcp.errors import InputError
from mtcp.objective.options import FLOOR, KAPPA
from mtcp.runs.find import RunRef, Runs
from mtcp.runs.log import RunData
from mtcp.runs.replay import replay
from mtcp.runs.status import status

MOST_COMPARED = 4
TICK_SECONDS = 2.0
PATIENT_SECONDS = 3600.0
"""A run that has been silent for so long is no longer asked after until the person does."""
CHARTS = Path(__file__).with_name("training_charts.js")


@dataclass(frozen=True)
class Training:
    """The tab's components, and `runs`, which reads the logs."""

    title: ClassVar[str] = "Training"

    runs: Runs
    picked: gr.Dropdown
    refresh: gr.Button
    axis: gr.Radio
    smoothing: gr.Slider
    split: gr.Checkbox
    status: gr.HTML
    charts: gr.HTML
    replay_box: gr.Column
    replayed: gr.Dropdown
    kappa: gr.Slider
    floor: gr.Slider
    replay_text: gr.HTML
    replay_charts: gr.HTML
    timer: gr.Timer
    sent: gr.State

    @classmethod
    def build(cls, roots: Sequence[Path], shipped: Sequence[Path] = ()) -> Training:
        """Adds the tab to the page. roots: folders that runs are looked for in. shipped: logs NAME.log.jsonl."""
        runs = Runs(roots, shipped)
        with gr.Row(elem_classes="mt-training-bar"):
            picked = gr.Dropdown(
                [],
                label="Runs",
                info="Up to four. Or type a folder below one that this page reads.",
                multiselect=True,
                max_choices=MOST_COMPARED,
                allow_custom_value=True,
                scale=4,
                elem_id="training-runs",
            )
            refresh = gr.Button("Look for new runs", size="sm", scale=0, elem_id="training-refresh")
        status = gr.HTML(elem_id="training-status")
        with gr.Row(elem_classes="mt-training-bar"):
            axis = gr.Radio([("epochs", "epoch"), ("steps", "step")], value="epoch", label="Axis", scale=1)
            smoothing = gr.Slider(
                0, 0.98, 0, step=0.02, label="Smoothing of the losses (0: none)", scale=2, buttons=[]
            )
            split = gr.Checkbox(label="One chart per task", scale=1, container=True)
        charts = _charts("training-charts")
        with gr.Column(visible=False, elem_id="training-replay") as replay_box:
            gr.HTML('<h2 class="mt-h2">Replay: other weights on the same losses</h2>')
            with gr.Row(elem_classes="mt-training-bar"):
                replayed = gr.Dropdown([], label="Run", visible=False, scale=1)
                kappa = gr.Slider(
                    0,
                    20,
                    KAPPA["nyud"],
                    step=0.1,
                    label="kappa: how far ratios are exaggerated",
                    elem_id="kappa",
                )
                floor = gr.Slider(
                    0, 0.5, FLOOR, step=0.01, label="floor: least weight, of the mean ratio", elem_id="floor"
                )
            replay_text = gr.HTML(elem_id="replay-text")
            replay_charts = _charts("replay-charts")
        _how_to_train(roots, open=not runs.find())
        return cls(
            runs=runs,
            picked=picked,
            refresh=refresh,
            axis=axis,
            smoothing=smoothing,
            split=split,
            status=status,
            charts=charts,
            replay_box=replay_box,
            replayed=replayed,
            kappa=kappa,
            floor=floor,
            replay_text=replay_text,
            replay_charts=replay_charts,
            timer=gr.Timer(TICK_SECONDS, active=False),
            sent=gr.State({}),
        )

    @property
    def settings(self) -> tuple[Component, ...]:
        """What the person sets here."""
        return (self.picked, self.axis, self.smoothing, self.split, self.replayed, self.kappa, self.floor)

    @property
    def outputs(self) -> tuple[Any, ...]:
        """What the listeners may set."""
        made = (self.status, self.charts, self.replay_text, self.replay_charts, self.timer, self.sent)
        return (self.picked, self.replay_box, self.replayed, self.kappa, self.floor, *made)

    def enter(self, data: Settings) -> Values:
        """The tab is opened, or new runs are looked for: lists them, keeps what is picked or picks the newest."""
        found = [ref.id for ref in self.runs.find()]
        picked = data[self.picked] or found[:1]
        return self.pick({**data, self.picked: picked}, found)

    def pick(self, data: Settings, found: Sequence[str] | None = None) -> Values:
        """Other runs are picked: draws them, and offers them for replay at their own kappa and floor."""
        refs = self._refs(data[self.picked] or [])
        ids = [ref.id for ref in refs]
        listed = list(dict.fromkeys([*ids, *(found or [ref.id for ref in self.runs.find()])]))
        values: Values = {
            self.picked: gr.Dropdown(listed, value=ids, allow_custom_value=True),
            self.replay_box: gr.Column(visible=bool(refs)),
        }
        again = data[self.replayed] if data[self.replayed] in ids else next(iter(ids), None)
        values[self.replayed] = gr.Dropdown(ids, value=again, visible=len(ids) > 1)
        changed = {**data, self.picked: ids, self.replayed: again}
        if again is not None and again != data[self.replayed]:
            changed |= self._own_settings(next(ref for ref in refs if ref.id == again))
            values |= {self.kappa: changed[self.kappa], self.floor: changed[self.floor]}
        return values | self.draw(changed)

    def choose_replay(self, data: Settings) -> Values:
        """Another run is to be replayed: at its own kappa and floor first."""
        own = {}
        for ref in self._refs([data[self.replayed]] if data[self.replayed] else []):
            own = self._own_settings(ref)
        return own | self.draw({**data, **own})

    def draw(self, data: Settings) -> Values:
        """What differs from what the page shows already; that is remembered in `sent`."""
        refs = self._refs(data[self.picked] or [])
        read = [(ref, self.runs.read(ref)) for ref in refs]
        fresh = {**self._status(read), **self._curves(read, data), **self._replay(read, data)}
        before = data[self.sent] or {}
        values = {
            component: made()
            for component, (key, made) in fresh.items()
            if before.get(component.elem_id or "timer") != key
        }
        if not values:
            return {self.sent: gr.skip()}
        sent = {component.elem_id or "timer": key for component, (key, _) in fresh.items()}
        return {**values, self.sent: sent}

    def _refs(self, chosen: Sequence[str]) -> list[RunRef]:
        """The runs of these names, each once; what cannot be read is told in a toast and left out."""
        refs: dict[str, RunRef] = {}
        for name in list(chosen)[:MOST_COMPARED]:
            try:
                ref = self.runs.locate(str(name))
            except InputError as error:
                toast(error)
            else:
                refs[ref.id] = ref
        return list(refs.values())

    def _own_settings(self, ref: RunRef) -> Values:
        own = ref.settings()
        kappa, floor = own.get("kappa"), own.get("floor")
        return {
            self.kappa: kappa if _between(kappa, 0, 20) else KAPPA["nyud"],
            self.floor: floor if _between(floor, 0, 0.5) else FLOOR,
        }

    def _status(self, read: Sequence[tuple[RunRef, RunData]]) -> dict[Any, Any]:
        now = self.runs.clock()
        statuses = [status(data, now) for _, data in read]
        lines = "".join(
            training_status.status_line(i, ref.id, data, statuses[i], ref.settings())
            for i, (ref, data) in enumerate(read)
        )
        going = any(one.live and not one.silent > PATIENT_SECONDS for one in statuses)
        if not read:
            going = not self.runs.find()  # the first one is to appear by itself
            roots = [str(root) for root in self.runs.roots]
            lines = training_status.nothing(roots) if going else training_status.choose_one()
        return {
            self.status: (lines, lambda: lines),
            self.timer: (going, lambda: gr.Timer(active=going)),
        }

    def _curves(self, read: Sequence[tuple[RunRef, RunData]], data: Settings) -> dict[Any, Any]:
        look = training.ChartOptions(data[self.axis], data[self.smoothing], data[self.split])
        key = (look, tuple((ref.id, run.version) for ref, run in read))

        def made() -> str | None:
            runs = [training.Logged(i, ref.name, run) for i, (ref, run) in enumerate(read)]
            return _json(training.curves(runs, look)) if runs else None

        return {self.charts: (key, made)}

    def _replay(self, read: Sequence[tuple[RunRef, RunData]], data: Settings) -> dict[Any, Any]:
        ref, run = next(((r, d) for r, d in read if r.id == data[self.replayed]), (None, None))
        if ref is None or run is None:
            return {self.replay_text: (None, str), self.replay_charts: (None, lambda: None)}
        kappa, floor = float(data[self.kappa]), float(data[self.floor])
        key = (ref.id, kappa, floor, tuple((line.step, *line.log_loss.items()) for line in run.epochs))
        replayed = replay(run.epochs, kappa, floor)
        return {
            self.replay_text: (key, lambda: training_status.replay_text(replayed, ref.settings())),
            self.replay_charts: (
                key,
                lambda: _json(training_replay.chart_data(training.Logged(0, ref.name, run), replayed)),
            ),
        }


def _charts(elem_id: str) -> gr.HTML:
    """Charts that keep their zoom. The template never changes, so gradio leaves the drawing in place."""
    return gr.HTML(
        None,
        html_template='<div class="mt-charts"></div>',
        js_on_load=CHARTS.read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
    )


def _how_to_train(roots: Sequence[Path], *, open: bool) -> None:
    with gr.Accordion(
        "Train a small network on synthetic rooms, and watch", open=open, elem_id="training-how"
    ):
        gr.Textbox(
            training_status.command(roots),
            label="In a second terminal, in the project's folder (about 6 minutes on two cores). "
            'Rooms are rendered by open3d: pip install -e ".[rooms]"',
            lines=2,
            interactive=False,
            buttons=["copy"],
            elem_id="training-command",
        )


def _json(values: dict[str, Any] | None) -> str | None:
    return None if values is None else json.dumps(values, separators=(",", ":"), allow_nan=False)


def _between(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
