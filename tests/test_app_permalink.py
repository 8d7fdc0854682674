"""Addresses of what is seen: what they tell, and what is made of one."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest
from fake_predictor import FakePredictor, Tilts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from app import permalink, session
from app.permalink import Link
from app.scene import Scene
from app.views import permalink as words

TABS, NETWORKS = ("Predictions", "Coherence"), ("lite", "plain")
NAMES = [Path("bed-room.png"), Path("office.png")]


@pytest.fixture
def example(tmp_path: Path) -> Path:
    path = tmp_path / "bed-room.png"
    Image.fromarray(np.full((60, 80, 3), 120, np.uint8)).save(path)
    return path


@pytest.fixture
def scene(example: Path) -> Scene:
    return Scene.of(session.analyse(Tilts(checkpoint="lite.safetensors"), example))


def opened(query: str, examples: list[Path]) -> tuple[Link, list[str]]:
    return permalink.read(dict(parse_qsl(query)), examples, TABS, NETWORKS)


def test_an_address_leads_back(scene: Scene, example: Path) -> None:
    assert scene.failure == 1
    seen = dataclasses.replace(scene, probe=(79, 2), failure=None)
    for now in (scene, seen, scene.see_through(40.0)):
        query = permalink.query(now, [example], "lite")
        link, refused = opened(query, [example])
        assert not refused and link.example == "bed-room" and (link.a, link.b) == ("", "")
        back, refused = link.apply(Scene.of(scene.analysis))
        assert not refused and (back.probe, back.failure) == (now.probe, now.enter(*now.probe).failure)
        assert back.analysis.prediction.camera.fov_deg == pytest.approx(
            now.analysis.prediction.camera.fov_deg, abs=1e-3
        )


def test_networks_are_told_where_they_are_not_those_at_the_start(scene: Scene, example: Path) -> None:
    assert "a=lite" in permalink.query(scene, [example], "plain")
    assert "a=" not in permalink.query(scene, [example], "lite")


def test_ones_own_photo_is_not_told(scene: Scene, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "bed-room.png"
    other.parent.mkdir()
    Image.fromarray(np.full((60, 80, 3), 121, np.uint8)).save(other)
    mine = Scene.of(session.analyse(FakePredictor(), other))
    examples = [tmp_path / "bed-room.png"]
    assert permalink.query(mine, examples, "lite") == ""
    assert permalink.query(scene, examples, "lite").startswith("example=bed-room&")
    assert "own" in words.note("") and 'data-query="a&amp;b"' in words.note("a&b")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("example=attic", "example=attic"),
        ("example=office&tab=cellar", "tab=cellar"),
        ("probe=1;2", "probe=1;2"),
        ("failure=-1", "failure=-1"),
        ("failure=0", "failure=0"),
        ("fov=500", "fov=500"),
        ("b=huge", "b=huge"),
        ("example=" + "x" * 500, "xxx..."),
    ],
)
def test_what_cannot_be_is_named_and_left_out(query: str, named: str) -> None:
    link, refused = opened(query, NAMES)
    assert len(refused) == 1 and named in refused[0] and len(refused[0]) < 200
    key = query.rpartition("&")[2].partition("=")[0]
    assert not getattr(link, key)


def test_names_are_taken_in_any_case() -> None:
    link, refused = opened("example=Office&tab=coherence&a=LITE&other=1", NAMES)
    assert link == Link(example="office", tab="Coherence", a="lite") and not refused
    titles = [*TABS, "Ground truth"]
    for typed in ("ground-truth", "Ground truth", "GROUND-TRUTH"):
        link, refused = permalink.read({"tab": typed}, NAMES, titles, NETWORKS)
        assert link.tab == "Ground truth" and not refused


def test_what_this_photo_has_not_is_named(scene: Scene) -> None:
    back, refused = Link(probe=(5000, 3), failure=99).apply(scene)
    assert back is scene
    assert "probe=5000,3" in refused[0] and "failure=99" in refused[1]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["example", "tab", "probe", "failure", "fov", "a", "b"]),
        st.text(max_size=12),
        max_size=4,
    )
)
def test_any_address_is_read(query: dict[str, str]) -> None:
    link, refused = permalink.read(query, NAMES, TABS, NETWORKS)
    assert len(refused) == sum(bool(value) and not getattr(link, key) for key, value in query.items())
