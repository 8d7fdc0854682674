"""The Training tab: curves of logged runs, live while one is going, and LPS replayed. Listeners: `training_events`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr
from gradio.components import Component

from app.listeners import toast
from app.tabs.base import Settings, Values
from app.tabs.charts import chart, drawn
from app.tabs.parts import offered
from app.views import training, training_compare, training_replay, training_status
from app.views.training_axis import Logged
from mtcp.errors import InputError
from mtcp.objective.options import FLOOR, KAPPA
from mtcp.runs.find import RunRef, Runs
from mtcp.runs.log import RunData
from mtcp.runs.replay import replay
from mtcp.runs.status import status

MOST_COMPARED = 4
LIVE_SECONDS, IDLE_SECONDS = 2.0, 8.0
"""How often runs are looked for and at: while one is going on, and while none is."""
PATIENT_SECONDS = 3600.0
"""A run that has been silent for so long is no longer going on."""
REPLAYED = "replayed"
"""Key of `sent` under which the run stands whose kappa and floor the sliders have."""
AXES = (("epochs", "epoch"), ("steps", "step"), ("wall time", "time"))


@dataclass(frozen=True)
class Training:
    """The tab's components, and `runs`, which reads the logs."""

    title: ClassVar[str] = "Training"

    runs: Runs
    picked: gr.Dropdown
    axis: gr.Radio
    smoothing: gr.Slider
    split: gr.Checkbox
    log: gr.Checkbox
    status: gr.HTML
    differences: gr.HTML
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
        picked = gr.Dropdown(
            [],
            label="Runs",
            info="Up to four. New ones are listed by themselves. Or type a folder below one that this page reads.",
            multiselect=True,
            max_choices=MOST_COMPARED,
            allow_custom_value=True,
            elem_id="training-runs",
        )
        status = gr.HTML(elem_id="training-status")
        differences = gr.HTML(elem_id="training-differences")
        with gr.Row(elem_classes="mt-training-bar"):
            axis = gr.Radio(list(AXES), value="epoch", label="Axis", scale=1, elem_id="training-axis")
            smoothing = gr.Slider(
                0, 0.98, 0, step=0.02, label="Smoothing of the losses (0: none)", scale=2, buttons=[]
            )
            with gr.Column(min_width=200):
                split = gr.Checkbox(label="One chart per task", container=True)
                log = gr.Checkbox(label="Logarithmic vertical axes", container=True, elem_id="training-log")
        charts = chart("training-charts")
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
            replay_charts = chart("replay-charts")
        _how_to_train(roots, open=not runs.find())
        return cls(
            runs=runs,
            picked=picked,
            axis=axis,
            smoothing=smoothing,
            split=split,
            log=log,
            status=status,
            differences=differences,
            charts=charts,
            replay_box=replay_box,
            replayed=replayed,
            kappa=kappa,
            floor=floor,
            replay_text=replay_text,
            replay_charts=replay_charts,
            timer=gr.Timer(LIVE_SECONDS, active=False),
            sent=gr.State({}),
        )

    @property
    def settings(self) -> tuple[Component, ...]:
        """What the person sets here."""
        drawing = (self.axis, self.smoothing, self.split, self.log)
        return (self.picked, *drawing, self.replayed, self.kappa, self.floor)

    @property
    def outputs(self) -> tuple[Any, ...]:
        """What the listeners may set."""
        made = (self.status, self.differences, self.charts, self.replay_text, self.replay_charts)
        own = (self.picked, self.replay_box, self.replayed, self.kappa, self.floor)
        return (*own, *made, self.timer, self.sent)

    def enter(self, data: Settings) -> Values:
        """The tab is opened: keeps what is picked, or picks the newest run."""
        newest = [ref.id for ref in self.runs.find()[:1]]
        return self.pick({**data, self.picked: data[self.picked] or newest})

    def look(self, data: Settings) -> Values:
        """Some time has passed: what is new, runs among it. The first run that there is at all is picked."""
        return self.draw(data) if data[self.picked] else self.enter(data)

    def pick(self, data: Settings) -> Values:
        """Other runs are picked: draws them, and offers them for replay at their own kappa and floor."""
        refs = self._refs(data[self.picked] or [])
        ids = [ref.id for ref in refs]
        again = self._replayed(data, ids)
        changed = {**data, self.picked: ids, self.replayed: again}
        values: Values = {
            self.picked: gr.Dropdown(_listed(refs, self.runs.find()), value=ids, allow_custom_value=True),
            self.replay_box: gr.Column(visible=bool(refs)),
            self.replayed: offered(gr.Dropdown, [(id, id) for id in ids], again or "", visible=len(ids) > 1),
        }
        if again is not None and again != (data[self.sent] or {}).get(REPLAYED):
            changed |= self._own_settings(next(ref for ref in refs if ref.id == again))
            values |= {self.kappa: changed[self.kappa], self.floor: changed[self.floor]}
        return {**self.draw(changed), **values}

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
        found = self.runs.find()
        fresh = {
            **self._list(refs, found),
            **self._status(read, found),
            **self._differences(refs),
            **self._curves(read, data),
            **self._replay(read, data),
        }
        before = data[self.sent] or {}
        values = {
            component: made()
            for component, (key, made) in fresh.items()
            if before.get(component.elem_id or "timer") != key
        }
        if not values:
            return {self.sent: gr.skip()}
        sent = {component.elem_id or "timer": key for component, (key, _) in fresh.items()}
        return {**values, self.sent: {**sent, REPLAYED: self._replayed(data, [ref.id for ref in refs])}}

    def _list(self, refs: Sequence[RunRef], found: Sequence[RunRef]) -> dict[Any, Any]:
        listed = _listed(refs, found)
        return {self.picked: (tuple(sorted(listed)), lambda: gr.Dropdown(listed, allow_custom_value=True))}

    def _replayed(self, data: Settings, ids: Sequence[str]) -> str | None:
        """The run to replay; the hidden dropdown of a single run may still hold another."""
        return data[self.replayed] if data[self.replayed] in ids else next(iter(ids), None)

    def _differences(self, refs: Sequence[RunRef]) -> dict[Any, Any]:
        table = training_compare.table([(ref.id, ref.configuration()) for ref in refs])
        return {self.differences: (table, lambda: table)}

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

    def _status(self, read: Sequence[tuple[RunRef, RunData]], found: Sequence[RunRef]) -> dict[Any, Any]:
        now = self.runs.clock()
        statuses = [status(data, now, ref.preparing()) for ref, data in read]
        lines = "".join(
            training_status.status_line(i, ref.id, data, statuses[i], ref.settings())
            for i, (ref, data) in enumerate(read)
        )
        picked = [ref.id for ref, _ in read]
        others = self._others([ref for ref in found if ref.id not in picked], now)
        if not read:
            roots = [str(root) for root in self.runs.roots]
            lines = training_status.choose_one() if found else training_status.nothing(roots)
        lines += others
        live = bool(others) or any(one.live and not one.silent > PATIENT_SECONDS for one in statuses)
        seconds = LIVE_SECONDS if live or not read else IDLE_SECONDS
        return {
            self.status: (lines, lambda: lines),
            self.timer: (seconds, lambda: gr.Timer(seconds, active=True)),
        }

    def _others(self, refs: Sequence[RunRef], now: float) -> str:
        """Lines of those runs that read their data just now."""
        lines = []
        for ref in refs:
            if not ref.log.is_file() and (reading := ref.preparing()):
                known = status(self.runs.read(ref), now, reading)
                if known.state == "starting":
                    lines.append(training_status.other_line(ref.id, known))
        return "".join(lines)

    def _curves(self, read: Sequence[tuple[RunRef, RunData]], data: Settings) -> dict[Any, Any]:
        look = training.ChartOptions(data[self.axis], data[self.smoothing], data[self.split], data[self.log])
        key = (look, tuple((ref.id, run.version) for ref, run in read))

        def made() -> str | None:
            runs = [Logged(i, ref.name, run, *ref.measured()) for i, (ref, run) in enumerate(read)]
            return drawn(training.curves(runs, look))

        return {self.charts: (key, made)}

    def _replay(self, read: Sequence[tuple[RunRef, RunData]], data: Settings) -> dict[Any, Any]:
        again = self._replayed(data, [ref.id for ref, _ in read])
        ref, run = next(((r, d) for r, d in read if r.id == again), (None, None))
        if ref is None or run is None:
            return {self.replay_text: (None, str), self.replay_charts: (None, lambda: None)}
        kappa, floor = float(data[self.kappa]), float(data[self.floor])
        key = (ref.id, kappa, floor, tuple((line.step, *line.log_loss.items()) for line in run.epochs))
        replayed = replay(run.epochs, kappa, floor)
        return {
            self.replay_text: (key, lambda: training_status.replay_text(replayed, ref.settings())),
            self.replay_charts: (
                key,
                lambda: drawn(training_replay.chart(Logged(0, ref.name, run), replayed)),
            ),
        }


def _listed(picked: Sequence[RunRef], found: Sequence[RunRef]) -> list[str]:
    """What the list offers: what is picked, typed folders among it, then all others."""
    return list(dict.fromkeys(ref.id for ref in (*picked, *found)))


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


def _between(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
