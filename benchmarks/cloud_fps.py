"""How many frames a second the 3D view turns at, in a headless Chromium without a graphics card.

    python -m benchmarks.cloud_fps [--seconds 5] [--json FILE]

Two clouds at the default budget are turned as fast as the browser draws them; every frame is read back, so
that it counts only when it is done. The processor time of a frame is that of the whole browser (Linux only):
unlike the wall clock it says much the same on a busy machine. Needs playwright and a Chromium (CHROMIUM names
it, or one on PATH).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import shutil
import time
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from app.scene import Scene
from app.session import Run
from app.tabs.cloud import Cloud
from mtcp.geometry.camera import Camera
from mtcp.prediction import Prediction

STYLES = Path(__file__).parents[1] / "app"
_TURN = """async ([milliseconds, which]) => {
  const { orbit, panes } = document.querySelector('.mt-cloud').mtCloud, pixel = new Uint8Array(4);
  const shown = panes.filter((pane) => !pane.figure.hidden).slice(0, which), times = [];
  const start = performance.now();
  while (performance.now() - start < milliseconds) {
    const began = performance.now();
    orbit.yaw += 0.02;
    for (const pane of shown) pane.draw();
    for (const { gl } of shown) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  return { frames: times.length, frames_per_s: 1000 * times.length / (performance.now() - start),
    median_ms: times[times.length >> 1],
    canvas: [shown[0].canvas.width, shown[0].canvas.height], points: shown.map((pane) => pane.scene.depths.length) };
}"""
_RENDERER = """() => {
  const { gl } = document.querySelector('.mt-cloud').mtCloud.panes[0];
  const asked = gl.getExtension('WEBGL_debug_renderer_info');
  return asked ? gl.getParameter(asked.UNMASKED_RENDERER_WEBGL) : gl.getParameter(gl.RENDERER);
}"""


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
        data="nyud",
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
    return Scene.of(Run(photo, prediction, "made.png", (height, width)))


def page(scene: Scene) -> gr.Blocks:
    """The 3D part alone on a page, wired as the Explorer wires it."""
    with gr.Blocks(analytics_enabled=False) as demo:
        held = gr.State(lambda: scene)
        picks = gr.HTML(
            "",
            js_on_load="document.addEventListener('mt-pick', (event) => trigger('pick', event.detail));",
            visible="hidden",
        )
        part = Cloud.build()
        inputs = {held, *(control.component for control in part.controls)}
        outputs = [held, *part.outputs]
        said = gr.Textbox(elem_id="probe", label="probe")
        failure = gr.Number(elem_id="failure", label="failure")
        for control in part.controls:

            def redraw(data: dict[Any, Any], control: Any = control) -> dict[Any, Any]:
                return control.redraw(data[held], data)

            getattr(control.component, control.event)(redraw, inputs, outputs)

        def choose(data: dict[Any, Any]) -> dict[Any, Any]:
            chosen = data[held].choose(int(data[failure]))
            return {held: chosen, **part.point(chosen, data)}

        def pick(data: dict[Any, Any], event: gr.EventData) -> dict[Any, Any]:
            pointed = data[held].point(event.x, event.y)
            return {held: pointed, said: "{} {}".format(*pointed.probe), **part.point(pointed, data)}

        failure.submit(choose, {failure, *inputs}, outputs)
        picks.pick(pick, inputs, [said, *outputs])
        demo.load(lambda data: part.fill(data[held], data), inputs, outputs)
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

    scene = made_scene()
    demo = page(scene)
    address = launched(demo)
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.goto(address, timeout=120_000)
        tab.wait_for_function(
            "() => document.querySelector('.mt-cloud')?.mtCloud?.panes[1]?.scene", timeout=120_000
        )
        told: dict[str, Any] = {"renderer": tab.evaluate(_RENDERER)}
        for which, name in ((2, "both"), (1, "one")):
            before = processor_s()
            told[name] = tab.evaluate(_TURN, [1000 * seconds, which])
            told[name]["processor_ms"] = 1000 * (processor_s() - before) / told[name]["frames"]
        browser.close()
    demo.close()
    return {"load": list(os.getloadavg()), "processors": os.cpu_count(), **told}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    start = time.perf_counter()
    told = json.dumps(measure(asked.seconds) | {"took_s": time.perf_counter() - start}, indent=2)
    print(told)
    if asked.json:
        asked.json.write_text(told + "\n")


if __name__ == "__main__":
    main()
