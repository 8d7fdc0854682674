"""Many visitors at once against one process: is everybody served, with their own photo, and does memory level off?

    python -m benchmarks.load [--visitors 20] [--minutes 5] [--checkpoint FILE] [--results-mib N] [--json FILE]

Starts `python app.py` on loopback. Each visitor has a photo of a size of its own and sends it again and again, by
turns to the endpoint and to the page's own listener, through the queue as a browser does; one more visitor always
leaves in mid-run. An answer is checked: its photo's name and size, the zip's arrays, the same depth as the first time.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from app.result_cache import BUDGET
from benchmarks.photo import EXAMPLE
from benchmarks.timing import ROOT
from mtcp.checkpoint.store import DEFAULT_CHECKPOINT

MARK = {"_type": "gradio.FileData"}
START_SECONDS, ANSWER_SECONDS = 400, 600


@dataclass
class Tally:
    """What happened to the visitors. seconds: of each photo, from sending to the last byte. places: the highest
    queue position that each waiting visitor was shown.
    """

    seconds: list[float] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    left: int = 0


class Visitor:
    """One browser: a session, a photo of its own, and what its answer was the first time."""

    def __init__(self, number: int, url: str, tally: Tally) -> None:
        self.name, self.tally = f"visitor-{number}", tally
        self.size = (320 + 4 * number, 240 + 2 * number)  # (width, height)
        self.client = httpx.Client(base_url=url, timeout=ANSWER_SECONDS, trust_env=False)
        config = self.client.get("/config").json()
        photo = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "photo")
        asks = [d for d in config["dependencies"] if d["inputs"] == [photo] and d["backend_fn"]]
        self.endpoint = next(d["id"] for d in asks if d["api_name"] == "predict")
        self.page = next(d["id"] for d in asks if d["api_name"] != "predict")
        self.depth: float | None = None

    def photo(self) -> bytes:
        """The example in this visitor's size and tint."""
        tint = np.array([(37 * self.size[0]) % 60, (11 * self.size[0]) % 60, 0])
        with Image.open(EXAMPLE) as image:
            array = np.clip(np.asarray(image.resize(self.size)).astype(int) - tint, 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(array).save(file, "JPEG", quality=90)
        return file.getvalue()

    def ask(self, listener: int, leaves: bool = False) -> dict[str, Any] | None:
        """Uploads the photo and waits for the answer; None if the visitor leaves as soon as it is their turn."""
        files = {"files": (f"{self.name}.jpg", self.photo())}
        stored = self.client.post("/gradio_api/upload", files=files).raise_for_status().json()[0]
        session = f"{self.name}-{time.monotonic_ns()}"
        call = {"fn_index": listener, "data": [{"path": stored, "meta": MARK}], "session_hash": session}
        self.client.post("/gradio_api/queue/join", json=call).raise_for_status()
        place = 0
        with self.client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
            for line in stream.iter_lines():
                message = json.loads(line[5:]) if line.startswith("data:") else {}
                place = max(place, message.get("rank") or 0)
                if message.get("msg") == "process_completed":
                    self.tally.places.append(place)
                    return dict(message)
                if message.get("msg") == "process_starts" and leaves:
                    return None
        raise ValueError("no answer")

    def turn(self, listener: int) -> None:
        """One photo, checked. Raises ValueError with what is wrong."""
        start = time.perf_counter()
        answer = self.ask(listener)
        text = json.dumps(answer)
        if not answer or not answer["success"]:
            raise ValueError(f"refused: {text[:200]}")
        others = set(re.findall(r"visitor-\d+", text)) - {self.name}
        if others:
            raise ValueError(f"sees {others}")
        if listener == self.endpoint:
            self.check(*answer["output"]["data"])
        self.tally.seconds.append(time.perf_counter() - start)

    def check(self, summary: dict[str, Any], maps: dict[str, Any]) -> None:
        """The endpoint's answer, down to the arrays."""
        shape = (self.size[1], self.size[0])
        if summary["photo"] != f"{self.name}.jpg" or tuple(summary["size"]) != shape:
            raise ValueError(f"got {summary['photo']} {summary['size']}")
        packed = zipfile.ZipFile(io.BytesIO(self.client.get(maps["url"]).raise_for_status().content))
        with packed.open(f"{self.name}.npz") as file:
            depth = np.load(io.BytesIO(file.read()))["depth_refined"]
        mean = float(depth.mean())
        self.depth = self.depth or mean
        if depth.shape != shape or abs(mean - self.depth) > 1e-3:
            raise ValueError(f"depth {depth.shape} of mean {mean}, at first {self.depth}")


def visit(visitor: Visitor, until: float) -> None:
    """Photo after photo, endpoint and page by turns."""
    turn = 0
    while time.monotonic() < until:
        try:
            visitor.turn((visitor.endpoint, visitor.page)[turn % 2])
        except (ValueError, KeyError, OSError, httpx.HTTPError) as error:
            visitor.tally.errors.append(f"{visitor.name}: {type(error).__name__}: {error}"[:300])
            time.sleep(1)
        turn += 1


def leave(visitor: Visitor, until: float) -> None:
    """Closes the page as soon as the network runs on the photo, again and again."""
    while time.monotonic() < until:
        with contextlib.suppress(httpx.HTTPError, ValueError):
            visitor.tally.left += visitor.ask(visitor.page, leaves=True) is None


@contextlib.contextmanager
def server(checkpoint: Path, folder: Path, results_mib: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`python app.py` on a free port, its temporary files in `folder`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "app.py", "--port", str(port), "--checkpoint", str(checkpoint.resolve())]
    command += ["--results-mib", str(results_mib)]
    environment = {key: value for key, value in os.environ.items() if key != "GRADIO_TEMP_DIR"}
    process = subprocess.Popen(
        command, cwd=ROOT, env={**environment, "TMPDIR": str(folder)}, stdout=subprocess.DEVNULL
    )
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + START_SECONDS
    try:
        while True:
            try:
                httpx.get(f"{url}/config", timeout=10, trust_env=False).raise_for_status()
                break
            except httpx.HTTPError:
                if time.monotonic() > until or process.poll() is not None:
                    raise SystemExit("load: the server did not start") from None
                time.sleep(0.5)
        yield process, url
    finally:
        process.terminate()
        process.wait(60)


def mib(process: subprocess.Popen[bytes], name: str) -> float:
    """VmRSS (now) or VmHWM (peak) of the server."""
    text = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(text.partition(f"{name}:")[2].split()[0]) / 1024


def files(folder: Path) -> tuple[int, float]:
    """How many there are, and their MiB."""
    sizes = [path.lstat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes) / 2**20


def measure(visitors: int, minutes: float, checkpoint: Path, results_mib: int) -> dict[str, Any]:
    """Runs it; all figures. Memory in MiB, times in seconds. results_mib: of the server, for visitors' results."""
    tally, rss = Tally(), []
    with tempfile.TemporaryDirectory(prefix="load-") as place:
        folder = Path(place)
        with server(checkpoint, folder, results_mib) as (process, url):
            before, start = files(folder), time.monotonic()
            until = start + 60 * minutes
            jobs = [
                threading.Thread(target=visit, args=(Visitor(i, url, tally), until)) for i in range(visitors)
            ]
            jobs.append(threading.Thread(target=leave, args=(Visitor(visitors, url, tally), until)))
            for job in jobs:
                job.start()
            while any(job.is_alive() for job in jobs) and process.poll() is None:
                rss.append((round(time.monotonic() - start, 1), mib(process, "VmRSS")))
                time.sleep(1)
            for job in jobs:
                job.join(ANSWER_SECONDS)
            taken, during = time.monotonic() - start, files(folder)
            peak = mib(process, "VmHWM") if process.poll() is None else None
        after = files(folder)
    thirds = [statistics.median(m for t, m in rss if k <= 3 * t / taken <= k + 1) for k in range(3)]
    times = sorted(tally.seconds) or [float("nan")]
    return {
        "visitors": visitors,
        "minutes": taken / 60,
        "photos": len(tally.seconds),
        "photos_per_minute": len(tally.seconds) / taken * 60,
        "p50_s": statistics.median(times),
        "p95_s": times[min(len(times) - 1, int(0.95 * len(times)))],
        "highest_queue_position": max(tally.places, default=0),
        "left_in_mid_run": tally.left,
        "errors": tally.errors,
        "peak_mib": peak,
        "results_mib": results_mib,
        "rss_mib_by_thirds": thirds,
        "files_mib": {"before": before, "at the end": during, "server stopped": after},
        "rss_mib": rss[:: max(1, len(rss) // 100)],
    }


def main() -> int:
    """Prints the figures; 1 if anybody met with an error."""
    parser = argparse.ArgumentParser(prog="benchmarks.load", description=__doc__.split("\n")[0])
    parser.add_argument("--visitors", type=int, default=20, help="at once (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=5.0, help="(default: %(default)s)")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT, metavar="FILE")
    parser.add_argument(
        "--results-mib",
        type=int,
        default=BUDGET >> 20,
        metavar="N",
        help="what the server may keep of results: with less, memory levels off sooner (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    args = parser.parse_args()
    found = measure(args.visitors, args.minutes, args.checkpoint, args.results_mib)
    for name, value in found.items():
        if name not in ("rss_mib", "errors"):
            print(f"{name:20} {value:.4g}" if isinstance(value, float) else f"{name:20} {value}")
    print(f"{'errors':20} {len(found['errors'])}", *found["errors"][:10], sep="\n  ")
    if args.json:
        from mtcp.environment import environment
        from mtcp.inference.sizes import pick_device

        record = {"environment": environment(pick_device("auto")), **found}
        args.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 1 if found["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
