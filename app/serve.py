"""The command line of `python app.py`: arguments, loading, serving. gradio and torch are imported late."""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

# Before gradio is imported anywhere: nothing is looked up or reported on the network.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# gradio's queue sums up its last 10,000 events with pandas after every one, for a dashboard that is off here.
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**9))
# What this process does ask is itself: gradio its own page, at start. A proxy in the environment would be asked for
# that, and one of a kind that httpx does not know (socks://) would stop gradio's import.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "*"

from app.load import load_all, require_checkpoint
from app.result_cache import BUDGET, ResultCache
from mtcp.checkpoint.store import DEFAULT_CHECKPOINT
from mtcp.errors import InputError

if TYPE_CHECKING:
    import gradio as gr

    from app import ui
    from app.networks import Networks
    from mtcp.evaluation.ground_truth import Truth

EXAMPLES = Path(__file__).resolve().parent / "examples"
README = Path(__file__).resolve().parents[1] / "README.md"
PICTURES = (".jpg", ".jpeg", ".png", ".webp")
MAX_UPLOAD = "64mb"
QUEUE = 200
"""Requests that may wait at once; the next one is told to come again. A page waits with a handful at most."""
SESSIONS = 200
"""Visitors whose pages are known, the latest ones. gradio's 10,000 would be gigabytes: each call of the endpoint counts
as a visitor, and the page as it stands has 0.3 MB and more. Results of photos are bounded by bytes, in
`app.result_cache`."""
UPLOADS, UPLOADS_SECONDS = "mtcp-explorer-", 12 * 3600
"""Prefix of the folders of uploads, and when one that no server has written to is removed by the next to start."""


def parser() -> argparse.ArgumentParser:
    """The flags. Host and port default to gradio's environment variables, which hosting services set."""
    made = argparse.ArgumentParser(prog="app.py", description="Serve the MT-CP Explorer in the browser.")
    made.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        metavar="FILE",
        help="weights, NAME.safetensors with NAME.json beside it; may be given several times: the page begins with the "
        f"first, and lists the others and those in {DEFAULT_CHECKPOINT.parent.name}/ to choose from and to compare "
        f"with (default: the shipped {DEFAULT_CHECKPOINT})",
    )
    made.add_argument(
        "--port",
        type=int,
        # a text is read by `type`, which refuses it in words
        default=os.environ.get("GRADIO_SERVER_PORT", "7860"),
        help="port to listen on (default: %(default)s)",
    )
    made.add_argument(
        "--host",
        default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"),
        help="address to listen on; 0.0.0.0 lets other machines in (default: %(default)s)",
    )
    made.add_argument(
        "--root-path",
        default=os.environ.get("GRADIO_ROOT_PATH", ""),
        metavar="PATH",
        help="path or URL under which a proxy serves the page, such as /explorer (default: none)",
    )
    made.add_argument(
        "--device",
        default="auto",
        help="auto (CUDA if there is one), cpu, cuda, cuda:1 ... (default: %(default)s)",
    )
    made.add_argument(
        "--data",
        metavar="DIR",
        help="data folder with ground truth to browse in the Ground truth tab: what `python -m mtcp evaluate` reads",
    )
    made.add_argument("--split", default="val", help="of --data (default: %(default)s)")
    made.add_argument(
        "--measured",
        type=Path,
        metavar="FILE",
        help="keeps the numbers measured on the frames of --data by the first network; those of another lie beside it, "
        "with its name in the file's (default: in the user's cache folder)",
    )
    made.add_argument(
        "--runs",
        type=Path,
        action="append",
        metavar="DIR",
        help="folder of training runs for the Training tab; may be given several times (default: runs)",
    )
    made.add_argument(
        "--results-mib",
        type=_mib,
        default=BUDGET >> 20,
        metavar="N",
        help="memory for visitors' results; beyond it those not looked at for longest are dropped, 15 to 60 MiB "
        "each (default: %(default)s)",
    )
    return made


def _mib(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 2**20:
        raise argparse.ArgumentTypeError(f"{text!r}: give whole MiB, 1 to {2**20}")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Loads the network and serves until interrupted. Returns the exit code."""
    args = parser().parse_args(argv)
    try:
        require_free(args.host, args.port)
        args.checkpoint = args.checkpoint or [DEFAULT_CHECKPOINT]
        for checkpoint in args.checkpoint:
            require_checkpoint(checkpoint)
        serve(args)
    except InputError as error:
        sys.stderr.write(f"app.py: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def serve(args: argparse.Namespace) -> None:
    """Builds the page and blocks until it is interrupted."""
    if os.environ.get("SPACES_ZERO_GPU"):
        import spaces  # noqa: F401  # must come before torch

    from app import ui

    with uploads():
        networks = load_all(args.checkpoint, args.device)
        network = networks.first
        offered = sources(args, networks)
        demo = ui.build(network, offered, ResultCache(args.results_mib * 2**20), networks)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # as containers are stopped: cleans up, too
        try:
            url = launch(demo, args.host, args.port, args.root_path)
            sys.stdout.write(f"MT-CP Explorer: {url}  (Ctrl-C ends it)\n")
            sys.stdout.flush()
            if offered.opening is not None:
                offered.opening.start(network.predict, offered.truth_of, network.pace)
            demo.block_thread()
        finally:
            demo.close()


def launch(demo: gr.Blocks, host: str = "127.0.0.1", port: int | None = None, root_path: str = "") -> str:
    """Serves the page behind `app.guard` and returns its URL, while it runs on in other threads.

    What it reads beyond uploads is decided where it is built (`app.ui.Sources`); no path is opened here.
    """
    from gradio.utils import get_upload_folder
    from starlette.middleware import Middleware

    from app import theme
    from app.guard import Guard
    from app.tabs.charts import library_route

    guard = Middleware(Guard, uploads=Path(get_upload_folder()))
    demo.queue(api_open=False, max_size=QUEUE)  # nobody passes the queue
    _, url, _ = demo.launch(
        server_name=host,
        server_port=port,
        root_path=root_path,
        theme=theme.theme(),
        css_paths=theme.styles(),
        footer_links=["api", "settings"],
        run_history=False,
        share=False,
        ssr_mode=False,
        show_error=False,  # of gradio's and ours only what is meant for visitors: the rest may name paths
        enable_monitoring=False,
        max_file_size=MAX_UPLOAD,
        state_session_capacity=SESSIONS,
        num_workers=0,  # those would serve files without the guard
        app_kwargs={"middleware": [guard], "routes": [library_route()]},
        quiet=True,
        prevent_thread_lock=True,
    )
    return url


@contextmanager
def uploads() -> Iterator[Path]:
    """A folder for uploads and zips that only this user can read, gone at the end; what killed servers have left
    is removed. Where GRADIO_TEMP_DIR is set, that one, as it is."""
    given = os.environ.get("GRADIO_TEMP_DIR")
    if given:
        yield Path(given)
        return
    remove_leftovers(Path(tempfile.gettempdir()), time.time() - UPLOADS_SECONDS)
    with tempfile.TemporaryDirectory(prefix=UPLOADS, ignore_cleanup_errors=True) as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ["GRADIO_TEMP_DIR"]


def remove_leftovers(parent: Path, before: float) -> None:
    """Removes this user's folders of uploads in `parent` that were last written to `before` (Unix time)."""
    for folder in parent.glob(f"{UPLOADS}*"):
        found = folder.lstat()
        if found.st_mtime < before and folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)  # of other users: stays


def sources(args: argparse.Namespace, networks: Networks) -> ui.Sources:
    """What the page offers besides uploads.

    Raises:
        InputError: the data folder cannot be used.
    """
    from app import ui
    from app.network_frames import NetworkFrames
    from app.opening import Opening

    frames = None
    if args.data is not None:
        frames = NetworkFrames.open(networks, args.data, args.split, args.measured)
    shipped = examples()
    return ui.Sources(
        examples=shipped,
        runs=args.runs or [Path("runs")],
        logs=sorted(DEFAULT_CHECKPOINT.parent.glob("*.log.jsonl")),
        frames=frames,
        readme=README.read_text(encoding="utf-8") if README.is_file() else "",
        # a GPU is lent to visitors' calls only: there is none at start
        opening=Opening(shipped[0]) if shipped and not os.environ.get("SPACES_ZERO_GPU") else None,
        truth_of=truth_of,
    )


def truth_of(path: str | os.PathLike[str]) -> Truth | None:
    """What a copy of an example picture really shows; None for any other photo."""
    from mtcp.evaluation.ground_truth import Truth, shipped_example

    example = shipped_example(path, examples())
    return None if example is None else Truth.of_example(example)


def examples() -> list[Path]:
    """The pictures in app/examples, by name."""
    return sorted(path for path in EXAMPLES.glob("*") if path.suffix.lower() in PICTURES)


def require_free(host: str, port: int) -> None:
    """Raises InputError if nothing can listen on `host`:`port`: found out before the network is loaded."""
    if not 1 <= port <= 65535:
        raise InputError(f"port {port}: choose one from 1 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InputError(f"port {port} is already in use: give another one, --port {port + 1}") from error
        raise InputError(
            f"cannot listen on {host}:{port} ({error.strerror}): check --host, --port"
        ) from error
