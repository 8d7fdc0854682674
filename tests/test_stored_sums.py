"""The shipped checkpoint computes what it computed when its sums were stored: rebuilding the house moves no map."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mtcp.inference.predictor import Predictor

ROOT = Path(__file__).parents[1]
STORED = Path(__file__).with_name("stored_sums.json")
"""Written by `python tests/test_stored_sums.py`, to be run only when the shipped weights or the arithmetic change."""
TOLERANCE = 2e-4
"""Of each sum. Processors differ by some 1e-6; a part that is left out or put elsewhere by far more."""


def sums() -> dict[str, list[float]]:
    """Per map of two examples: its mean and its mean weighted by row and by column, each value scaled to about 1."""
    predict = Predictor(device="cpu")
    found = {}
    for photo in sorted((ROOT / "app" / "examples").glob("*.jpg"))[:2]:
        prediction = predict(photo)
        for stage, maps in prediction.stages().items():
            for task, values in maps.items():
                scaled = (values / 40 if values.dtype == np.uint8 else values).astype(np.float64)
                rows = np.linspace(0, 1, scaled.shape[0]).reshape(-1, *[1] * (scaled.ndim - 1))
                columns = np.linspace(0, 1, scaled.shape[1]).reshape(1, -1, *[1] * (scaled.ndim - 2))
                means = [
                    np.mean(scaled),
                    np.mean(scaled * rows),
                    np.mean(scaled * columns),
                    np.mean(np.abs(scaled)),
                ]
                found[f"{photo.stem} {task} {stage}"] = [round(float(mean), 7) for mean in means]
    return found


def test_the_shipped_network_gives_the_stored_sums() -> None:
    stored, found = json.loads(STORED.read_text()), sums()
    assert found.keys() == stored.keys()
    for key, values in found.items():
        assert values == pytest.approx(stored[key], abs=TOLERANCE), key


if __name__ == "__main__":
    STORED.write_text(json.dumps(sums(), indent=1) + "\n")
