"""The benchmark of roughness tells rough depth from a wrong shape, on a wall whose numbers are known."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import roughness  # noqa: E402

H, W = 60, 80
TOWARDS = (0.0, 0.0, -1.0)


def wall(turned_deg: float = 0.0) -> torch.Tensor:
    """Normals (3, H, W) of a wall that is turned about the vertical."""
    angle = np.radians(turned_deg)
    normal = torch.tensor([np.sin(angle), 0.0, -np.cos(angle)], dtype=torch.float32)
    return normal.view(3, 1, 1).expand(3, H, W)


def test_roughness_goes_with_smoothing_and_a_turned_normal_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    rough = torch.from_numpy((3 * (1 + 0.03 * rng.standard_normal((1, 1, H, W)))).astype(np.float32))
    maps: dict[str, Any] = {
        "initial": {"depth": torch.full((1, 1, H, W), 3.0), "normals": wall(20)[None]},
        "refined": {"depth": rough, "normals": wall()[None]},
    }
    monkeypatch.setattr(roughness, "predict_sample", lambda *_: maps)
    sample = {
        "image": torch.zeros(3, H, W, dtype=torch.uint8),
        "depth": torch.full((H, W), 2.0),
        "normals": wall(),
        "camera": torch.tensor([70.0, 70.0, W / 2, H / 2]),
    }
    model: Any = SimpleNamespace(config=SimpleNamespace(height=H, image_width=W))
    rows = {(row["stage"], row["sigma"]): row for row in roughness.measure(model, [sample], 5)}
    assert set(rows) == {(stage, sigma) for stage in maps for sigma in roughness.SIGMAS}
    for sigma in roughness.SIGMAS:
        flat = rows["initial", sigma]
        assert (flat["own"], flat["other"], flat["truth"]) == pytest.approx((20, 0, 0), abs=0.1)
        assert flat["rmse"] == pytest.approx(1)
    jagged, smooth = rows["refined", 0], rows["refined", 8]
    assert jagged["own"] > 5 * smooth["own"] > 0
    assert abs(jagged["other"] - jagged["own"]) > 1
    assert jagged["truth"] == pytest.approx(jagged["own"])
