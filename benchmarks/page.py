"""Server time of each interaction with the page, and how much it sends to the browser.

    python -m benchmarks.page [--photo FILE] [--repeats 5] [--no-browser] [--json FILE]

Every tab is built and drawn as the page does it, without a browser: the network and the coherence report once, then
each tab filled, the probe moved, a failure chosen, every control used. Times are medians in milliseconds after one
call that warms up; what is kept between calls is kept as for a visitor. kB is what travels: text as JSON, and files.
The first lines, which the JSON has as `network_s`, `coherence_s` and `click_to_predictions_s`, are what a visitor waits
for; the last of them is measured in headless Chromium.
"""

from __future__ import annotations

import argparse
import functools
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import postprocess_update_dict
from gradio.context import LocalContext

from app import serve, session, ui
from app.load import load
from app.scene import Scene
from app.tabs.base import Tab, Values
from benchmarks.click import click_to_predictions
from mtcp.checkpoint.store import DEFAULT_CHECKPOINT


@dataclass(frozen=True)
class Interaction:
    """One interaction."""

    interaction: str
    milliseconds: float
    kilobytes: float


def rows(photo: Path, repeats: int) -> list[Interaction]:
    """Measures every interaction on one photo."""
    network = load(DEFAULT_CHECKPOINT, "cpu")
    with gr.Blocks():
        slots = ui.build_slots(network, ui.Sources())
    tabs = [slot.tab for slot in slots]
    settings = {control.component: control.component.value for tab in tabs for control in tab.controls}

    def run() -> session.Analysis:
        return session.analyse(network.predict, photo, serve.truth_of)

    def fresh() -> Scene:
        """The same run with nothing computed yet."""
        return Scene.of(first.with_camera(first.prediction.camera))

    LocalContext.in_event_listener.set(True)  # components are updates from here on
    first = run()
    found = [measured("photo: read, network", run, repeats, sent=False)]
    found.append(measured("photo: coherence, failures", fresh, repeats, sent=False))
    scene = Scene.of(first)
    ranks = max(len(first.failures), 1)
    for tab in tabs:
        places = iter(range(10**6))

        def fill(tab: Tab = tab) -> Values:
            return tab.fill(scene, settings)

        def move(tab: Tab = tab, places: Iterator[int] = places) -> Values:
            at = (next(places) * 0.37) % 1.0
            return tab.point(scene.point(at, 1 - at), settings)

        def choose(tab: Tab = tab, places: Iterator[int] = places) -> Values:
            return tab.point(scene.choose(next(places) % ranks + 1), settings)

        found.append(measured(f"{tab.title}: opened", fill, repeats))
        found.append(measured(f"{tab.title}: probe", move, repeats))
        if first.failures:
            found.append(measured(f"{tab.title}: failure", choose, repeats))
        for control in tab.controls:
            name = getattr(control.component, "label", None) or control.component.value
            redraw = functools.partial(control.redraw, scene, settings)
            found.append(measured(f"{tab.title}: {name}", redraw, repeats))
    return found


def measured(name: str, act: Callable[[], Any], repeats: int, sent: bool = True) -> Interaction:
    """Median time of `act`, with what gradio does to send its result."""
    spent, size = [], 0
    for k in range(repeats + 1):
        begin = time.perf_counter()
        result = act()
        size = travelled(result) if sent else 0
        if k:
            spent.append(time.perf_counter() - begin)
    return Interaction(name, 1000 * statistics.median(spent), size / 1000)


def travelled(values: Values) -> int:
    """Bytes that these values send: JSON, and the files that the browser then fetches."""
    total = 0
    for component, value in values.items():
        if isinstance(value, gr.blocks.Block):
            value = {**value.constructor_args, "__type__": "update"}
        if isinstance(value, dict) and value.get("__type__") == "update":
            ready: Any = postprocess_update_dict(component, dict(value), postprocess=True)
        else:
            ready = component.postprocess(value)
        ready = ready.model_dump() if hasattr(ready, "model_dump") else ready
        total += len(json.dumps(ready, default=str)) + sum(size_of(path) for path in files(ready))
    return total


def files(value: Any) -> list[str]:
    """The files named in a message."""
    if isinstance(value, dict):
        own = [value["path"]] if isinstance(value.get("path"), str) else []
        return own + [path for inner in value.values() for path in files(inner)]
    if isinstance(value, list | tuple):
        return [path for inner in value for path in files(inner)]
    return []


def size_of(path: str) -> int:
    """Bytes of a file, 0 if it is none."""
    return Path(path).stat().st_size if Path(path).is_file() else 0


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photo", type=Path, default=serve.EXAMPLES / "bedroom.jpg")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-browser", action="store_true", help="leave out the click, which needs Chromium")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = rows(args.photo, args.repeats)
    waits = {"network_s": found[0].milliseconds / 1000, "coherence_s": found[1].milliseconds / 1000}
    waits["coherence_by_network"] = waits["coherence_s"] / waits["network_s"]
    if not args.no_browser:
        waits["click_to_predictions_s"] = statistics.median(click_to_predictions(args.repeats))
    for name, value in waits.items():
        print(f"{name:60s} {value:8.2f}")
    print(f"{'interaction':60s} {'ms':>8s} {'kB':>8s}")
    for row in found:
        print(f"{row.interaction:60s} {row.milliseconds:8.1f} {row.kilobytes:8.1f}")
    if args.json:
        record = {
            "machine": platform.platform(),
            "photo": args.photo.name,
            "repeats": args.repeats,
            **waits,
            "rows": [asdict(row) for row in found],
        }
        args.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
