"""The ONNX file says what torch says, at sizes that were not traced, and says what it is."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_training import tiny_config

from mtcp.__main__ import main
from mtcp.checkpoint.store import save_checkpoint
from mtcp.errors import InputError
from mtcp.inference import onnx as onnx_export
from mtcp.model import MTCP
from mtcp.tasks import NYUD_CLASSES

TASKS = ("semseg", "depth", "normals")
NAMES = [f"{task}_{stage}" for task in TASKS for stage in ("initial", "refined")]


def made() -> MTCP:
    torch.manual_seed(0)
    model = MTCP(tiny_config(tasks=TASKS, mask_gate="normalised")).eval()
    torch.nn.init.normal_(model.shared.gate.mix.weight)  # as trained: fresh ones are zero
    return model


def require_extra() -> None:
    """Missing: a failure in CI, elsewhere a skip."""
    for name in ("onnx", "onnxruntime"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            if os.environ.get("CI"):
                pytest.fail(f"the extra onnx is not installed: {error}")
            pytest.skip(f"the extra onnx is not installed: {error}")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_extra()
    folder = tmp_path_factory.mktemp("onnx")
    save_checkpoint(folder / "tiny.safetensors", made())
    assert (
        main(
            ["export", "--checkpoint", str(folder / "tiny.safetensors"), "--onnx", str(folder / "tiny.onnx")]
        )
        == 0
    )
    return folder / "tiny.onnx"


@pytest.fixture(scope="module")
def session(exported: Path) -> Any:
    return onnx_export.session(exported.read_bytes(), 1)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 3, 97, 131), (3, 3, 64, 160), (1, 3, 36, 52)])
def test_onnx_runtime_and_torch_agree(session: Any, size: tuple[int, int, int, int]) -> None:
    assert size[2:] != onnx_export._TRACED[2:]
    errors = onnx_export.differences(made(), session, size)
    assert list(errors) == NAMES
    assert max(errors.values()) <= 1e-4, errors


@pytest.mark.slow
def test_the_file_says_what_it_is(exported: Path, session: Any) -> None:
    (image,) = session.get_inputs()
    assert (image.name, image.shape) == ("image", ["batch", 3, "height", "width"])
    shapes = {output.name: output.shape for output in session.get_outputs()}
    channels = {"semseg": 40, "depth": 1, "normals": 3}
    assert shapes == {name: ["batch", channels[name.split("_")[0]], "height", "width"] for name in NAMES}
    texts = session.get_modelmeta().custom_metadata_map
    assert (texts["checkpoint"], json.loads(texts["tasks"])) == ("tiny.safetensors", list(TASKS))
    assert json.loads(texts["classes"]) == {"semseg": list(NYUD_CLASSES)}
    assert len(texts["sha256"]) == 64
    assert "(0, 0, -1)" in texts["axes"]
    assert "do not normalise" in texts["input"]
    assert "metres" in json.loads(texts["outputs"])["depth_refined"]
    assert str(exported.parent) not in json.dumps(texts)


@pytest.mark.slow
def test_a_file_that_differs_is_not_written(
    exported: Path, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, other = exported.read_bytes(), made()
    with torch.no_grad():
        for head in other.refined_heads.values():
            head.bias.add_(0.1)
    monkeypatch.setattr(onnx_export, "traced", lambda model: before)
    monkeypatch.setattr(onnx_export, "session", lambda content, threads: session)  # of `before`
    with pytest.raises(InputError, match="semseg_refined differs"):
        onnx_export.export_onnx(other, exported)
    assert exported.read_bytes() == before
    assert [path.name for path in exported.parent.glob("*.onnx*")] == ["tiny.onnx"]


@pytest.mark.parametrize(
    ("name", "says"),
    [("net.pt", "ends in .onnx"), ("missing/net.onnx", "no such folder"), ("dir.onnx", "is a folder")],
)
def test_wrong_targets_are_one_line(
    tmp_path: Path, name: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dir.onnx").mkdir()
    assert main(["export", "--checkpoint", "none.safetensors", "--onnx", str(tmp_path / name)]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_the_missing_extra_says_how_to_install_it(
    tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=r'pip install "mtcp-explorer\[onnx\]"'):
        onnx_export.export_onnx(made(), tmp_path / "net.onnx")


def test_a_network_that_fixes_its_size_is_refused(tmp_path: Path) -> None:
    require_extra()
    model = made()
    object.__setattr__(model.config, "shared", "mask2former")
    with pytest.raises(InputError, match="mask2former"):
        onnx_export.export_onnx(model, tmp_path / "net.onnx")
