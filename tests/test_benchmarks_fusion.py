"""The benchmark of all fusions: its rows, ratios and growth are right. No test judges a time."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import fusion, timing  # noqa: E402

QUICK = ["--here", "--repeats", "2", "--warmup", "1", "--device", "cpu"]


def test_every_fusion_beside_the_cfm(tmp_path: Path) -> None:
    path = tmp_path / "fusion.json"
    flags = ["--n", "48,192", "--width", "8", "--tasks", "2", "--part", "cfm; kem; multi_scale"]
    fusion.main([*flags, "--json", str(path), *QUICK])
    found = json.loads(path.read_text())
    assert {"processor", "torch", "date", "commit", "threads"} <= set(found["environment"])
    assert [(row["part"], row["n"]) for row in found["rows"]] == [
        (part, n) for n in (48, 192) for part in ("cfm", "kem", "multi_scale")
    ]
    assert all(row["seconds"] > 0 and row["parameters"] > 0 and "peak_mib" in row for row in found["rows"])
    assert {row["part"] for row in found["growth"]} == {"cfm", "kem", "multi_scale"}
    ours, kem = found["rows"][:2]
    beside = next(row for row in found["beside_cfm"] if (row["part"], row["n"]) == ("kem", 48))
    assert beside["giga_macs"] == pytest.approx(kem["giga_macs"] / ours["giga_macs"], abs=1e-4)
    with pytest.raises(SystemExit, match="choose from"):
        fusion.main(["--part", "glue"])
    with pytest.raises(SystemExit, match="from 2 to 5"):
        fusion.main(["--tasks", "6", *QUICK])


@pytest.mark.parametrize("tasks", [2, 3])
def test_work_grows_with_the_square_of_the_cells_only_where_cells_attend_to_cells(tasks: int) -> None:
    sizes = (4800, 19200)
    growth = {
        part: timing.exponent(sizes, [fusion.giga_macs(part, tasks, 64, n) for n in sizes])
        for part in fusion.PARTS
    }
    assert growth["cfm"] > 1.8
    assert growth["sequential"] > 1.5
    for part in ("kem", "stable-kem", "ccam", "distillation", "multi_scale", "task_recursive"):
        assert growth[part] == pytest.approx(1, abs=0.01), part
