"""Runs on disk, found below the folders that may be read and nowhere else. Knows nothing of torch."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtcp.errors import InputError
from mtcp.io.safe_read import parse_object, read_bytes
from mtcp.runs.log import RunData, Tail
from mtcp.runs.preparing import NAME as PREPARING
from mtcp.runs.preparing import Preparing, read_preparing

LOG, CONFIG = "log.jsonl", "config.json"
SHIPPED = "shipped"
SHIPPED_LOG, SHIPPED_CONFIG, SHIPPED_CARD = ".log.jsonl", ".run.json", ".json"
DEPTH = 3
MOST_RUNS = 500
OPEN_LOGS = 12
CONFIG_BYTES = 2**20
"""No run's configuration is larger. Those of all runs are read whenever the list is drawn."""


@dataclass(frozen=True)
class RunRef:
    """One run. `id` names it without a path of this machine: the root's name and the path below it.

    log: its log, which may not exist yet (the run still prepares its data). config: its configuration, which
    may be missing. root: what both must lie in, symbolic links followed. card: of a shipped run's checkpoint, which
    may be missing too.
    """

    id: str
    log: Path
    config: Path
    root: Path
    card: Path | None = None

    @property
    def name(self) -> str:
        """What the person called the run."""
        return self.id.rpartition("/")[2]

    def settings(self) -> dict[str, Any]:
        """The `train` part of the run's configuration; empty where it is missing or damaged."""
        train = self.configuration().get("train")
        return train if isinstance(train, dict) else {}

    def configuration(self) -> dict[str, Any]:
        """The run's whole configuration, {"model", "train", "command"}; empty where it is missing or damaged."""
        return _object(self.config) if _inside(self.config, self.root) else {}

    def preparing(self) -> Preparing | None:
        """How far the run is with reading its data, if it has said so."""
        folder = self.log.parent
        return read_preparing(folder) if self.card is None and _inside(folder / PREPARING, self.root) else None

    def measured(self) -> tuple[dict[str, Any], str]:
        """Metrics on the shipped checkpoint's card, {stage: {task: {metric: value}}}, and what they were measured
        on; nothing for any other run.
        """
        card = _object(self.card) if self.card is not None and _inside(self.card, self.root) else {}
        metrics, on = card.get("metrics"), card.get("measured_on")
        if not isinstance(metrics, dict):
            return {}, ""
        on = on if isinstance(on, dict) else {}
        return metrics, f"the shipped network on {on.get('frames', 'the')} frames of {on.get('split', 'val')}"


def find_runs(roots: Sequence[Path], shipped: Sequence[Path] = ()) -> list[RunRef]:
    """The runs below `roots`, the one written to last first, then the shipped logs.

    A run is a folder with a log.jsonl, or with the config.json of a run that has logged nothing yet. Folders
    are searched three levels deep; hidden ones, and those that a symbolic link puts outside their root, are
    left out. A root that does not exist has no runs. shipped: logs NAME.log.jsonl with NAME.run.json beside.
    """
    found: dict[Path, tuple[float, RunRef]] = {}
    for label, root in _labelled(roots):
        for folder in _folders(root, DEPTH):
            ref = _ref(label, root, folder)
            if ref.log.resolve() not in found and _is_run(ref):
                found[ref.log.resolve()] = _written(ref), ref
            if len(found) >= MOST_RUNS:
                break
    newest_first = sorted(found.values(), key=lambda item: -item[0])
    return [ref for _, ref in newest_first] + [_shipped_ref(path) for path in shipped if path.is_file()]


class Runs:
    """The runs below `roots` and the shipped logs, with what has been read of them. Shared by all visitors."""

    def __init__(
        self, roots: Sequence[Path], shipped: Sequence[Path] = (), clock: Callable[[], float] = time.time
    ) -> None:
        self.roots, self.shipped, self.clock = tuple(roots), tuple(shipped), clock
        self._tails: OrderedDict[Path, Tail] = OrderedDict()
        self._lock = threading.Lock()

    def find(self) -> list[RunRef]:
        """See `find_runs`."""
        return find_runs(self.roots, self.shipped)

    def locate(self, typed: str) -> RunRef:
        """The run that `typed` names: an id, or a folder, absolute or relative to a root.

        Raises:
            InputError: outside the roots, or no run. Names the folder as it was typed, and no other path.
        """
        for path in self.shipped:
            ref = _shipped_ref(path)
            if typed == ref.id:
                return ref
        allowed = False
        for label, root in _labelled(self.roots):
            for folder in _meant(typed, label, root):
                if not _inside(folder, root):
                    continue
                allowed = True
                ref = _ref(label, root, folder)
                if _is_run(ref) or ref.log in self._tails:
                    return ref
        if allowed:
            raise InputError(f"{typed!r} holds no run: pick a folder with a {LOG} in it")
        raise InputError(
            f"{typed!r} is outside the folders that this page reads: pick one of the runs listed, or start "
            "the page with --runs DIR"
        )

    def read(self, ref: RunRef) -> RunData:
        """What the run has logged by now; reads only what is new. Safe to call from several threads."""
        with self._lock:
            tail = self._tails.pop(ref.log, None) or Tail(ref.log)
            self._tails[ref.log] = tail
            while len(self._tails) > OPEN_LOGS:
                self._tails.popitem(last=False)
        # A named pipe in the log's place would be waited for without end.
        return tail.poll(readable=_inside(ref.log, ref.root) and ref.log.is_file())


def _labelled(roots: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Each root with a name of its own: its last part, numbered where two are alike."""
    seen: dict[str, int] = {}
    for root in roots:
        name = root.resolve().name or "root"
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name}-{seen[name]}"), root


def _meant(typed: str, label: str, root: Path) -> Iterator[Path]:
    """The folders that `typed` may mean, as far as this root goes."""
    if not typed.strip() or "\0" in typed:
        return
    if typed == label or typed.startswith(f"{label}/"):
        yield root / typed[len(label) + 1 :]
    path = Path(typed)
    yield path if path.is_absolute() else root / path
    if not path.is_absolute():
        yield Path.cwd() / path


def _ref(label: str, root: Path, folder: Path) -> RunRef:
    inner = folder.resolve().relative_to(root.resolve()) if _inside(folder, root) else Path(folder.name)
    name = label if inner == Path() else f"{label}/{inner.as_posix()}"
    return RunRef(name, folder / LOG, folder / CONFIG, root)


def _shipped_ref(path: Path) -> RunRef:
    stem = path.name.removesuffix(SHIPPED_LOG)
    config, card = path.with_name(stem + SHIPPED_CONFIG), path.with_name(stem + SHIPPED_CARD)
    return RunRef(f"{SHIPPED}/{stem}", path, config, path.parent, card)


def _is_run(ref: RunRef) -> bool:
    if ref.log.is_file():
        return _inside(ref.log, ref.root)
    return bool(ref.settings())


def _object(path: Path) -> dict[str, Any]:
    try:
        return parse_object(path, read_bytes(path, CONFIG_BYTES))
    except InputError:  # missing, damaged, endless or no ordinary file: as good as none
        return {}


def _inside(path: Path, root: Path) -> bool:
    """Whether `path` lies in `root` once every symbolic link is followed."""
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # a loop of links, or a name that no file can have
        return False


def _folders(root: Path, depth: int) -> Iterator[Path]:
    """`root` and the folders below it that are really in it."""
    yield root
    if depth == 0:
        return
    try:
        with os.scandir(root) as entries:
            inner = sorted(entry.name for entry in entries if entry.is_dir() and entry.name[0] != ".")
    except OSError:  # it does not exist, or vanished, or may not be read: no runs
        return
    for name in inner:
        if _inside(root / name, root):
            yield from _folders(root / name, depth - 1)


def _written(ref: RunRef) -> float:
    for path in (ref.log, ref.config):
        try:
            return path.stat().st_mtime
        except OSError:
            continue
    return 0.0
