"""The benchmark of scores that tell photos unlike those of training: statistics, pictures, a run from end to end."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_training import tiny_config

from mtcp.checkpoint.store import save_checkpoint
from mtcp.inference.typical import Typical
from mtcp.model import MTCP
from mtcp.model.network import Decoded

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks import unlike  # noqa: E402


def test_the_area_under_the_curve() -> None:
    like = np.array([2.0, 3.0, 4.0])
    assert unlike.auc_pct(like, np.array([0.0, 1.0])) == 100
    assert unlike.auc_pct(like, np.array([5.0])) == 0
    assert unlike.auc_pct(like, like) == 50
    assert unlike.auc_pct(like, np.array([2.5])) == pytest.approx(200 / 3)


def test_all_scores_are_higher_where_classes_stand_out_and_stages_agree() -> None:
    flat, sharp = torch.zeros(1, 40, 4, 4), torch.zeros(1, 40, 4, 4)
    sharp[:, 3, :2], sharp[:, 8, 2:] = 9.0, 9.0
    sure, unsure = (
        unlike.scores(Decoded({"semseg": sharp}, {"semseg": sharp})),
        unlike.scores(Decoded({"semseg": sharp}, {"semseg": flat})),
    )
    assert sure.keys() == unsure.keys() and len(sure) == 6
    assert all(sure[name] > unsure[name] for name in sure)
    assert sure["class information"] == pytest.approx(
        np.log(2), abs=0.05
    )  # two classes, each sure where it is
    assert "initial agrees with refined" not in unlike.scores(Decoded({"semseg": sharp}))


def test_what_the_cards_ranges_flag() -> None:
    typical = Typical({"information": (2, 3, 4), "brightness": (10, 20, 30)})
    rows = [
        unlike.Seen({}, {"information": information, "brightness": brightness})
        for information, brightness in ((0.5, 15), (1.5, 5), (2.5, 35), (9.5, 30))
    ]
    flagged = unlike.flagged_pct({"made": rows}, typical)
    assert flagged == {"brightness": {"made": 50}, "information": {"made": 50}, unlike.ANY: {"made": 75}}
    assert unlike.flagged_table(flagged).splitlines()[-1] == "| any of them | 75 |"


def test_what_is_made_is_what_it_is_called() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    assert unlike.dark(photo).max() <= 13 < photo.max()
    assert unlike.tiny(photo).shape == photo.shape and unlike.tiny(photo).std() < photo.std()
    assert unlike.stretched(photo).shape == (320, 1280, 3)
    for make in unlike.MADE_OF_NOTHING.values():
        assert (make(1) == make(1)).all() and (make(1) != make(2)).any()


def test_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    checkpoint = tmp_path / "tiny.safetensors"
    save_checkpoint(checkpoint, MTCP(tiny_config()))
    for folder in ("rooms", "outdoors"):
        (tmp_path / folder).mkdir()
        for i in range(3):
            picture = np.random.default_rng(i).integers(0, 256, (48, 64, 3)).astype(np.uint8)
            Image.fromarray(picture).save(tmp_path / folder / f"{i}.png")
    arguments = ["--like", tmp_path / "rooms", "--unlike", tmp_path / "outdoors", "--checkpoint", checkpoint]
    unlike.main([*map(str, arguments), "--count", "2", "--made", "1", "--json", str(tmp_path / "found.json")])
    head = capsys.readouterr().out.splitlines()[0]
    assert head == "| score | dark | tiny | stretched | noise | page of text | outdoors | mean AUC |"
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["checkpoint"] == "tiny.safetensors" and found["flagged_pct"] == {}  # the card knows no range
    assert found["scores"]["energy"]["outdoors"]["auc_pct"] == 50  # the same pictures
    assert set(found["scores"]["energy"]) == {
        "dark",
        "tiny",
        "stretched",
        "noise",
        "page of text",
        "outdoors",
    }
