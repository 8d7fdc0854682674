"""What tests of the optional extra `ray` need."""

from __future__ import annotations

import importlib
import os

import pytest


def require_extra() -> None:
    """The extra `ray` (Ray Data, pyarrow). Missing: a failure in CI, elsewhere a skip."""
    for name in ("pyarrow", "ray", "ray.data"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            reason = f"the extra ray is not installed: {error}"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
