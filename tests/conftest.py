"""Tests run in as many processes as there are cores (pytest-xdist), so each of them gets one thread."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

# read by torch when it is first imported, and by the apps that tests start
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# tests ask servers on this machine only, and no proxy for them
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "*"


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_the_disk() -> Iterator[None]:
    """What tests write need not outlive a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield
