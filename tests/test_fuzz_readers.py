"""Rubbish, mutated and cut files through every reader of what people give: `InputError` or a right result."""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import tempfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mtcp.checkpoint.store import DEFAULT_CHECKPOINT, FORMAT, load_checkpoint, read_card
from mtcp.cli.coherence import read_npz
from mtcp.config import ModelConfig
from mtcp.data.files import read_image, read_lines
from mtcp.data.nyud import NYUD, read_depth, read_edge, read_normals, read_semseg
from mtcp.errors import InputError
from mtcp.io import safe_read as reading
from mtcp.io.photo import MAX_PIXELS
from mtcp.runs.log import Tail
from mtcp.training.run_folder import LONGEST_LINE, RunFolder, read_log

ROOT = Path(__file__).parents[1]
MOST_MEMORY = 32 * 2**20  # of Python and numpy, for files of some hundred bytes
quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
H, W = 6, 8

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def read(reader: Callable[[Path], Any], name: str, content: bytes, most: int = MOST_MEMORY) -> Any:
    """What `reader` makes of a file, or None where it says in one line, naming the file, that it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        tracemalloc.start()
        try:
            return reader(path)
        except InputError as error:
            assert folder in str(error)
            assert len(str(error).splitlines()) == 1
            return None
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < most + 4 * len(content)


@st.composite
def mutated(draw: st.DrawFn, valid: bytes) -> bytes:
    """`valid` with some bytes changed, cut somewhere, or with something put in; or only rubbish."""
    content = bytearray(valid)
    kind = draw(st.sampled_from(("flip", "cut", "insert", "rubbish")))
    if kind == "rubbish":
        return draw(st.binary(max_size=300))
    at = st.integers(0, len(content) - 1)
    if kind == "cut":
        return bytes(content[: draw(at)])
    if kind == "insert":
        place = draw(at)
        content[place:place] = draw(st.binary(max_size=20))
    for place, value in draw(st.lists(st.tuples(at, st.integers(0, 255)), max_size=6)):
        content[place] = value
    return bytes(content)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npy_that_claims(shape: str, descr: str = "'<f4'", data: bytes = bytes(64)) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def maps() -> dict[str, np.ndarray]:
    return {
        "depth_initial": np.ones((H, W), np.float32),
        "normals_initial": np.tile(np.float32([0, 0, -1]), (H, W, 1)),
        "semseg_initial": np.zeros((H, W), np.uint8),
        "camera": np.array([9.0, 9.0, 4.0, 3.0]),
    }


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


NPZ = npz(**maps())
LINES = b"".join(
    json.dumps({"kind": kind, "step": step, "epoch": 0, "loss": {"depth": 0.5}, "time": 1.0}).encode() + b"\n"
    for step, kind in enumerate(("start", "step", "epoch", "end"))
)

# ---- run folders ----


@quick
@given(mutated(LINES))
def test_logs(content: bytes) -> None:
    entries = read(lambda path: list(read_log(path)), "log.jsonl", content)
    assert all(isinstance(entry, dict) for entry in entries)
    read(lambda path: Tail(path).poll(), "log.jsonl", content)


@quick
@given(st.lists(json_values, max_size=5), st.integers(0, 3))
def test_log_lines_of_any_kind(values: list[Any], step: int) -> None:
    lines = [json.dumps(value).encode() for value in values]
    lines += [json.dumps({"kind": kind, "step": v, "loss": v, "epoch": v, "time": v}).encode()
              for v in values for kind in ("step", "epoch", "start")]  # fmt: skip
    content = b"\n".join(lines) + b"\n"
    entries = read(lambda path: list(read_log(path)), "log.jsonl", content)
    assert len(entries) == sum(isinstance(value, dict) for value in values) + 3 * len(values)
    read(lambda path: Tail(path).poll(), "log.jsonl", content)
    read(lambda path: RunFolder(path.parent).drop_lines_after(step), "log.jsonl", content)


def test_endless_and_deep_log_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    endless = b'{"a": "' + b"x" * (2 * LONGEST_LINE) + b'"}\n'
    path.write_bytes(endless + b"[" * 10**6 + b"\n" + b'{"kind": "end"}\n' + endless[:-1])
    assert list(read_log(path)) == [{"kind": "end"}]
    with pytest.raises(InputError, match="cannot be read"):
        list(read_log(tmp_path / "none.jsonl"))


@quick
@given(mutated(json.dumps({"model": ModelConfig().to_dict(), "train": {}, "command": "x"}).encode()))
def test_run_configurations(content: bytes) -> None:
    read(lambda path: RunFolder(path.parent).read_config(), "config.json", content)


def test_states_with_code_in_them_are_not_loaded(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    torch.save({"step": Evil(tmp_path)}, folder.state_path)
    with pytest.raises(InputError, match=r"last\.pt cannot be read"):
        folder.load_state()
    assert not (tmp_path / "ran").exists()


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "ran"

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


# ---- checkpoints ----

CARD = {
    "format": FORMAT,
    "version": 1,
    "config": ModelConfig().to_dict(),
    "sha256": "0" * 64,
    "metrics": None,
}


@quick
@given(st.dictionaries(st.sampled_from((*CARD, "x")), json_values, max_size=3))
def test_cards(changes: dict[str, Any]) -> None:
    card = check_card({**CARD, **changes})
    if card is not None:
        ModelConfig.from_dict(card["config"])


@quick
@given(st.dictionaries(st.sampled_from(tuple(ModelConfig().to_dict())), json_values, min_size=1, max_size=2))
def test_card_configurations(changes: dict[str, Any]) -> None:
    check_card({**CARD, "config": {**ModelConfig().to_dict(), **changes}})


@quick
@given(mutated(json.dumps(CARD).encode()))
def test_mutated_cards(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "net.safetensors").touch()
        read(lambda path: in_folder(path, folder), "net.json", content)


def in_folder(path: Path, folder: str) -> None:
    path.with_suffix(".safetensors").touch()
    read_card(path.with_suffix(".safetensors"))


def check_card(card: dict[str, Any]) -> dict[str, Any] | None:
    def reader(path: Path) -> dict[str, Any]:
        path.with_suffix(".safetensors").touch()
        return read_card(path.with_suffix(".safetensors"))

    return read(reader, "net.json", json.dumps(card).encode())


def weights(content: bytes) -> Any:
    """`load_checkpoint` of these weights, with a card that vouches for them."""

    def reader(path: Path) -> Any:
        card = {**CARD, "sha256": hashlib.sha256(content).hexdigest()}
        path.with_suffix(".json").write_text(json.dumps(card))
        return load_checkpoint(path)

    return read(reader, "net.safetensors", content)


def safetensors(header: dict[str, Any], data: bytes = b"") -> bytes:
    meta = {"format": FORMAT, "version": "1", "config": json.dumps(CARD["config"])}
    text = json.dumps({"__metadata__": meta, **header}).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(shape: list[int], start: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}}


@quick
@given(mutated(safetensors(tensor([2], 0, 8), bytes(8))))
def test_mutated_weights(content: bytes) -> None:
    assert weights(content) is None


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", 2**64 - 1) + b"{}",
        safetensors(tensor([2**60], 0, 2**62)),
        safetensors(tensor([2**30, 2**30], 0, 8), bytes(8)),
        safetensors(tensor([2], 8, 0), bytes(8)),
        safetensors(tensor([2], 0, 8, "F1024"), bytes(8)),
        safetensors(tensor([2], 0, 8), bytes(8)),
        safetensors({"w": 3}),
        struct.pack("<Q", 10**6) + b"[" * 10**6,
    ],
    ids=["2^60", "2^64", "tensor", "shape", "backwards", "dtype", "too few", "no tensor", "deep"],
)
def test_weights_that_lie(content: bytes) -> None:
    assert weights(content) is None


@pytest.mark.parametrize("key", ["width", "queries", "query_layers", "height"])
def test_networks_of_absurd_size_are_not_built(key: str) -> None:
    assert check_card({**CARD, "config": {**ModelConfig().to_dict(), key: 10**9}}) is None


def test_a_pickle_is_no_checkpoint(tmp_path: Path) -> None:
    file = io.BytesIO()
    torch.save({"w": Evil(tmp_path)}, file)
    assert weights(file.getvalue()) is None
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(not DEFAULT_CHECKPOINT.is_file(), reason="no checkpoint is shipped here")
def test_the_shipped_weights_are_what_their_card_says() -> None:
    found = hashlib.sha256(DEFAULT_CHECKPOINT.read_bytes()).hexdigest()
    assert read_card(DEFAULT_CHECKPOINT)["sha256"] == found


def test_nothing_unpickles_what_a_person_gives() -> None:
    """Every load of torch or numpy in the package says that it wants data only."""
    sources = [path for folder in ("mtcp", "app") for path in (ROOT / folder).rglob("*.py")]
    assert len(sources) > 100
    for path in sources:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*(import|from) (pickle|dill|joblib|shelve)", text, re.M), path
        for call in re.findall(r"(?:torch|np)\.load\([^)]*\)", text):
            assert "weights_only=True" in call or "allow_pickle=False" in call, f"{path}: {call}"


# ---- arrays ----


@quick
@given(mutated(NPZ))
def test_npz(content: bytes) -> None:
    found = read(read_npz, "maps.npz", content)
    if found is not None:
        assert found[0]["initial"]["depth"].ndim == 2


@quick
@given(
    st.sampled_from(tuple(maps())),
    st.sampled_from(("?", "b", "u1", "<f2", ">f4", "<i8", "<c8", "<U3", "O", "M8[s]", "f4,i4")),
    st.lists(st.integers(0, 9), max_size=4),
)
def test_npz_of_other_arrays(name: str, dtype: str, shape: list[int]) -> None:
    read(read_npz, "maps.npz", npz(**{**maps(), name: np.zeros(shape, np.dtype(dtype))}))


CLAIMS = [
    npy_that_claims("(1000000, 1000000)"),
    npy_that_claims("(1000000000000,)"),
    npy_that_claims("(-1, -16)"),
    npy_that_claims("(0, 9)"),
    npy_that_claims(str((1,) * 60)),
    npy_that_claims("(2, 2)", "'|O'"),
    npy_that_claims("(2, 2)", "'<U1000000'"),
    npy_that_claims("(" * 50 + ")" * 50),
    npy_that_claims("(True, 2)"),
    b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1),
]


@pytest.mark.parametrize("content", CLAIMS, ids=range(len(CLAIMS)))
def test_arrays_that_lie(content: bytes) -> None:
    for reader in (reading.read_npy, read_depth, read_edge, read_normals):
        read(reader, "map.npy", content)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in maps():
            archive.writestr(f"{name}.npy", content)
    assert read(read_npz, "maps.npz", file.getvalue()) is None


def test_zip_bombs_are_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = npz(**{**maps(), "depth_initial": np.zeros((2000, 2000))})
    assert len(bomb) < 200_000
    monkeypatch.setattr(reading, "ARRAY_BYTES", 2**20)
    assert read(read_npz, "maps.npz", bomb) is None
    other = npz(**{**maps(), "other": np.zeros((2000, 2000))})  # not asked for: not unpacked
    assert read(read_npz, "maps.npz", other) is not None


# ---- data folders ----


@quick
@given(mutated(npy(np.ones((H, W), np.float32))))
def test_depth_and_edge_files(content: bytes) -> None:
    for reader in (read_depth, read_edge):
        found = read(reader, "map.npy", content)
        assert found is None or found.ndim == 2


@quick
@given(mutated(npy(maps()["normals_initial"])))
def test_normals_files(content: bytes) -> None:
    found = read(read_normals, "map.npy", content)
    assert found is None or (found.shape[2] == 3 and np.isfinite(found).all())


@quick
@given(mutated(png(np.full((H, W), 3, np.uint8))))
def test_label_files(content: bytes) -> None:
    most = 4 * MAX_PIXELS  # a few bytes may well be an honest picture of one colour
    found = read(read_semseg, "map.png", content, most)
    assert found is None or found.dtype == np.uint8
    read(read_edge, "map.png", content, most)
    read(lambda path: read_image(path, mode=None), "map.png", content, most)


@quick
@given(st.binary(max_size=200) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace")))
def test_lists(content: bytes) -> None:
    found = read(read_lines, "train.txt", content)
    assert found is None or len(set(found)) == len(found) > 0


def test_long_lists_with_a_name_twice_do_not_hang() -> None:
    lines = "\n".join(map(str, range(100_000))) + "\n99999\n"
    assert read(read_lines, "train.txt", lines.encode()) is None


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for folder, name, content in (
        ("images", "1.png", png(np.zeros((48, 64, 3), np.uint8))),
        ("segmentation", "1.png", png(np.ones((48, 64), np.uint8))),
        ("depth", "1.npy", npy(np.ones((48, 64), np.float32))),
        ("normals", "1.npy", npy(np.tile(np.float32([0, 0, -1]), (48, 64, 1)))),
        ("gt_sets", "train.txt", b"1\n"),
        (".", "meta.json", b'{"axes": "x right, y down, z forward"}'),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_bytes(content)
    return tmp_path


FILES = (
    "images/1.png",
    "segmentation/1.png",
    "depth/1.npy",
    "normals/1.npy",
    "gt_sets/train.txt",
    "meta.json",
)


@quick
@given(st.data())
def test_data_folders(data: Path, draw: st.DataObject) -> None:
    path = data / draw.draw(st.sampled_from(FILES))
    content = path.read_bytes()
    try:
        path.write_bytes(draw.draw(mutated(content)))
        try:
            sample = NYUD(data, "train")[0]
        except InputError:
            return
        assert sample["depth"].shape == sample["image"].shape[1:]
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("camera", [3, [], {}, {"fx": 1}, *[
    {"fx": v, "fy": 9, "cx": 9, "cy": 9, "width": v, "height": 48} for v in ("x", None, [], {}, 0, -1, 1e999)
]], ids=str)  # fmt: skip
def test_cameras_of_data_folders(data: Path, camera: Any) -> None:
    (data / "meta.json").write_text(json.dumps({"axes": "x", "camera": camera}))
    with pytest.raises(InputError) as caught:
        NYUD(data, "train")[0]
    assert len(str(caught.value).splitlines()) == 1


def test_names_in_lists_cannot_leave_the_folder(data: Path) -> None:
    (data / "outside.png").write_bytes((data / "images" / "1.png").read_bytes())
    for name in ("../outside", str(data / "outside")):
        (data / "gt_sets" / "train.txt").write_text(name + "\n")
        with pytest.raises(InputError, match="none of the 1 listed files"):
            NYUD(data, "train")
