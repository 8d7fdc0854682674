"""How many frames a second the 3D view turns at, in a headless Chromium without a graphics card.

    python -m benchmarks.cloud_fps [--seconds 5] [--json FILE]

Points are counted per cloud: at the default budget "both" turns two clouds of 100,000 each. Rows:

- `both`, `one`: all points in every frame, one frame after another as fast as they get done.
- `visitor_both`: what a person gets who drags. A machine too slow for all points turns fewer; `points_turning` is the
  mean of what was drawn per cloud, `points_at_rest` what is drawn once the hand rests.

Both are measured twice: `as_served`, where the viewer draws with the processor because the browser's WebGL is
imitated, and `software_gl`, where it is made to take that imitation. The processor time of a frame is that of
the whole browser (Linux only): unlike the wall clock it says much the same on a busy machine. Needs playwright
and a Chromium (CHROMIUM names it, or one on PATH).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import time
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from app.scene import Scene
from app.session import Analysis
from app.tabs.cloud import Cloud
from benchmarks import chromium
from mtcp.geometry.camera import Camera
from mtcp.inference.prediction import Prediction

STYLES = Path(__file__).parents[1] / "app"
TAKE_ANY_WEBGL = """(() => {
  const original = WebGL2RenderingContext.prototype.getParameter;
  const names = [WebGL2RenderingContext.RENDERER, 0x9246]; // UNMASKED_RENDERER_WEBGL
  WebGL2RenderingContext.prototype.getParameter = function (name) {
    return names.includes(name) ? 'a card, it says' : original.call(this, name);
  };
})()"""
"""For the page before it loads: the viewer believes in a graphics card where a program imitates one."""
_EVERY_POINT = """async ([milliseconds, which]) => {
  const { orbit, panes } = document.querySelector('.mt-cloud').mtCloud, pixel = new Uint8Array(4);
  const shown = panes.slice(0, which), times = [], start = performance.now();
  while (performance.now() - start < milliseconds) {
    const began = performance.now();
    orbit.yaw += 0.02;
    for (const pane of shown) pane.draw();
    for (const { painter: { gl } } of shown) gl?.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel); // done
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  return { frames: times.length, frames_per_s: 1000 * times.length / (performance.now() - start),
    median_ms: times[times.length >> 1], points: shown.map((pane) => pane.scene.depths.length),
    canvas: [shown[0].painter.canvas.width, shown[0].painter.canvas.height] };
}"""
_VISITOR = """async ([milliseconds]) => {
  const root = document.querySelector('.mt-cloud'), { orbit, panes } = root.mtCloud, start = performance.now();
  const before = Number(root.dataset.frames), all = panes[0].scene.depths.length;
  let seen = before, points = 0;
  while (performance.now() - start < milliseconds) {
    orbit.turn(0.02, 0);
    await new Promise(requestAnimationFrame);
    const frames = Number(root.dataset.frames);
    points += (frames - seen) * Number(root.dataset.share) * all;
    seen = frames;
  }
  const frames = seen - before, took = performance.now() - start;
  await new Promise((done) => setTimeout(done, 1500)); // the hand rests
  return { frames, frames_per_s: 1000 * frames / took, points_turning: Math.round(points / frames),
    points_at_rest: Number(root.dataset.share) * all };
}"""
_DRAWN_BY = "() => document.querySelector('.mt-cloud').mtCloud.panes[0].painter.by"
READY = "() => document.querySelector('.mt-cloud')?.mtCloud?.panes[1]?.scene"


def made_scene(height: int = 480, width: int = 640) -> Scene:
    """A corner of a room with a box in it; trace-back moves the box and straightens the wall's normals."""
    camera = Camera.from_fov(width, height)
    x, y = camera.axes()
    floor = 1.4 / np.maximum(y[:, None] + 0 * x[None], 1e-6)
    depth = np.minimum(np.minimum(floor, 4.0), 4.0 - 1.2 * x[None]).astype(np.float32)
    on_floor = floor.astype(np.float32) <= depth

    def stage(near: float, tilt: float) -> dict[str, np.ndarray]:
        boxed = depth.copy()
        boxed[height // 2 : height * 3 // 4, width // 3 : width // 2] = near
        wall = (0.0, -np.sin(tilt), -np.cos(tilt))
        normals = np.where(on_floor[..., None], (0.0, -1.0, 0.0), wall).astype(np.float32)
        labels = np.where(on_floor, 1, 0).astype(np.uint8)
        return {"depth": boxed, "normals": normals, "semseg": labels}

    prediction = Prediction(
        tasks=("semseg", "depth", "normals"),
        task_set="nyud",
        size=(height, width),
        network_size=(240, 320),
        grid=(60, 80),
        seconds=0.1,
        device="cpu",
        checkpoint="made",
        camera=camera,
        camera_from="assumed",
        initial=stage(2.2, 0.9),
        refined=stage(2.0, 0.2),
    )
    across, down = np.meshgrid(np.linspace(60, 230, width), np.linspace(230, 60, height))
    photo = np.stack((across, down, np.full_like(across, 140)), axis=-1).astype(np.uint8)
    return Scene.of(Analysis(photo, prediction, "made.png", (height, width)))


def page(scene: Scene) -> gr.Blocks:
    """The 3D part alone on a page, wired as the Explorer wires it."""
    with gr.Blocks(analytics_enabled=False) as demo:
        kept = gr.State(lambda: scene)
        picks = gr.HTML(
            "",
            js_on_load="document.addEventListener('mt-pick', (event) => trigger('pick', event.detail));",
            visible="hidden",
        )
        part = Cloud.build()
        part.more.render()
        inputs = {kept, *(control.component for control in part.controls)}
        outputs = [kept, *part.outputs]
        said = gr.Textbox(elem_id="probe", label="probe")
        failure = gr.Number(elem_id="failure", label="failure")
        for control in part.controls:

            def redraw(data: dict[Any, Any], control: Any = control) -> dict[Any, Any]:
                return control.redraw(data[kept], data)

            getattr(control.component, control.event)(redraw, inputs, outputs)

        def choose(data: dict[Any, Any]) -> dict[Any, Any]:
            chosen = data[kept].choose(int(data[failure]))
            return {kept: chosen, **part.point(chosen, data)}

        def pick(data: dict[Any, Any], event: gr.EventData) -> dict[Any, Any]:
            pointed = data[kept].point(event.x, event.y)
            return {kept: pointed, said: "{} {}".format(*pointed.probe), **part.point(pointed, data)}

        failure.submit(choose, {failure, *inputs}, outputs)
        picks.pick(pick, inputs, [said, *outputs])
        demo.load(lambda data: part.fill(data[kept], data), inputs, outputs)
    return demo


def launched(demo: gr.Blocks) -> str:
    """Starts the page; its address."""
    css = [STYLES / "style.css", STYLES / "styles" / "cloud.css"]
    return demo.launch(prevent_thread_lock=True, quiet=True, css_paths=css, server_name="127.0.0.1")[1]


def processor_s() -> float:
    """Processor time of all processes that this one started, seconds; NaN where there is no /proc."""
    times, parents = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            fields = stat.read_text().rpartition(")")[2].split()
            parents[int(stat.parent.name)] = int(fields[1])
            times[int(stat.parent.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    started, all_of_them = {os.getpid()}, set()
    while started:
        started = {process for process, parent in parents.items() if parent in started}
        all_of_them |= started
    return sum(times[process] for process in all_of_them) if times else math.nan


def measure(seconds: float) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    demo = page(made_scene())
    address = launched(demo)
    with sync_playwright() as playwright:
        browser = chromium.launched(playwright)
        measured = {
            name: turned(browser, address, seconds, script)
            for name, script in (("as_served", ""), ("software_gl", TAKE_ANY_WEBGL))
        }
        browser.close()
    demo.close()
    return {"load": list(os.getloadavg()), "processors": os.cpu_count(), **measured}


def turned(browser: Any, address: str, seconds: float, script: str) -> dict[str, Any]:
    """All rows in a page that runs `script` before it loads."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.add_init_script(script)
    tab.goto(address, timeout=120_000)
    tab.wait_for_function(READY, timeout=120_000)
    measured: dict[str, Any] = {"drawn_by": tab.evaluate(_DRAWN_BY)}
    rows = (("both", _EVERY_POINT, 2), ("one", _EVERY_POINT, 1), ("visitor_both", _VISITOR, 2))
    for name, turn, which in rows:
        before = processor_s()
        measured[name] = tab.evaluate(turn, [1000 * seconds, which])
        measured[name]["processor_ms"] = 1000 * (processor_s() - before) / measured[name]["frames"]
    tab.close()
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    start = time.perf_counter()
    text = json.dumps(measure(asked.seconds) | {"took_s": time.perf_counter() - start}, indent=2)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
