"""The results of visitors stay within their bytes: what is let go, what the person is told, and that it is freed."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_predictor import FakePredictor
from served import Served, picture, served

from app.result_cache import CachedResult, ResultCache, footprint
from app.scene import Scene
from app.session import analyse
from mtcp.errors import InputError
from mtcp.inference.prediction import Prediction

GONE = r"room\.jpg: its result is no longer held, other visitors needed the memory; drop the photo again"
VISITORS, ROOM_FOR = 5, 2


def maps(count: int = 1000) -> dict[str, np.ndarray]:
    return {"depth": np.zeros(count, np.uint8)}


def keep(results: ResultCache, count: int = 1000) -> CachedResult[dict[str, np.ndarray]]:
    return results.keep(maps(count), "room.jpg")


def test_the_one_not_looked_at_for_longest_goes_first() -> None:
    results = ResultCache(3500)
    first, second, third = (keep(results) for _ in range(3))
    results.look(first)
    fourth = keep(results)
    assert second.value is None
    assert all(results.look(kept) for kept in (first, third, fourth))
    assert results.size == 3000
    with pytest.raises(InputError, match=GONE):
        results.look(second)


def test_the_newest_stays_whatever_its_size() -> None:
    results = ResultCache(3500)
    small, large = keep(results), keep(results, 9000)
    assert small.value is None and large.value is not None
    assert keep(results).value is not None and large.value is None


def test_what_views_compute_counts() -> None:
    results = ResultCache(3500)
    first, second = keep(results), keep(results)
    results.look(second)["cached"] = np.zeros(2000, np.uint8)
    assert first.value is not None
    results.settle(second)
    assert first.value is None and results.size == 3000


def test_another_value_takes_the_place_of_the_one_before() -> None:
    results = ResultCache(3500)
    kept = keep(results)
    before, larger, seen = results.look(kept), maps(2000), []

    def step(value: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], str]:
        seen.append(value)
        if len(seen) == 1:  # another listener is faster
            assert results.change(kept, lambda _: (larger, "first")) == "first"
            return maps(500), "lost"
        return value, "second"

    assert results.change(kept, step) == "second"
    assert seen[0] is before and seen[1] is larger and len(seen) == 2
    assert kept.value is larger and results.size == 2000
    assert results.take(kept)["depth"].size == 2000
    assert results.size == 0


def test_a_result_is_freed_with_the_session() -> None:
    results = ResultCache(3500)
    kept = keep(results)
    array = weakref.ref(kept.value["depth"])  # type: ignore[index]
    del kept
    assert array() is None and results.size == 0


def test_bytes_are_counted_once_and_views_as_what_they_keep() -> None:
    full = np.zeros((100, 10), np.float32)
    assert footprint([full, full, {"a": (full[:3], full.T)}]) == 4000
    assert footprint(full[0]) == 4000
    assert footprint(["abc", b"defg"]) == 7
    assert footprint(None) == 0


def test_a_scene_counts_with_all_that_was_computed(tmp_path: Path) -> None:
    analysis = analyse(FakePredictor(), picture(tmp_path / "room.png"))
    arrays = [analysis.photo, *analysis.prediction.initial.values(), *analysis.prediction.refined.values()]
    before = footprint(Scene(analysis, (0, 0)))
    assert before > sum(array.nbytes for array in arrays)
    assert analysis.coherence is not None and analysis.coherence.refined is not None
    more = [
        array
        for stage in (analysis.coherence.initial, analysis.coherence.refined)
        for array in vars(stage.maps).values()
    ]
    assert footprint(Scene(analysis, (0, 0))) >= before + sum(array.nbytes for array in more)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Served]:
    """With memory for `ROOM_FOR` results of the photo that visitors have, and a half, as they are after the network."""
    analysis = analyse(FakePredictor(), picture(tmp_path / "room.jpg")).uncompared()
    one = footprint(Scene.of(analysis))
    with served(tmp_path / "uploads", results=ResultCache(int((ROOM_FOR + 0.5) * one))) as running:
        yield running


def visit(page: Served, photo: Path, session: str) -> list[dict[str, Any]]:
    """What the page does when a photo is dropped: the network runs, and the scene is kept."""
    return page.join([page.dropped(photo)], session)


def alive() -> int:
    gc.collect()
    return sum(type(found) is Prediction for found in gc.get_objects())


@pytest.mark.slow
def test_many_visitors_hold_no_more_than_the_budget(page: Served, tmp_path: Path) -> None:
    photo, before = picture(tmp_path / "room.jpg"), alive()
    for number in range(VISITORS):
        messages = visit(page, photo, f"visitor-{number}")
        assert messages[-1]["success"]
    assert page.predictor.calls == VISITORS
    assert alive() - before == ROOM_FOR
    messages = page.join([page.call("probe-x", "input", 5)], "visitor-0")
    assert messages[-1]["success"]  # told as a toast, and what is shown stays
    assert any("no longer held" in message.get("log", "") for message in messages)
    messages = page.join([page.call("probe-x", "input", 5)], f"visitor-{VISITORS - 1}")
    assert messages[-1]["success"] and not any("log" in message for message in messages)
    assert visit(page, photo, "visitor-0")[-1]["success"]
    assert alive() - before == ROOM_FOR
    messages = page.join([page.call("probe-x", "input", 5)], "never seen")
    assert any("drop the photo again" in message.get("log", "") for message in messages)
