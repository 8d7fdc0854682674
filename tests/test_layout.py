"""Who may import whom: the architecture as far as imports show it."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import mtcp

ROOT = Path(__file__).parents[1]
PAGE = ("gradio", "plotly", "app")
GROUND = ("errors", "io", "geometry", "drawing")
ABOVE_GROUND = ("model", "objective", "data", "checkpoint", "inference", "evaluation", "runs")
ABOVE_GROUND += ("training", "ablation", "batch", "cli")


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def imports(when_loaded: bool = False) -> dict[str, frozenset[str]]:
    """What each module of `mtcp` and `app` imports, as whole names: inside functions and for types too, or only what
    loading it imports.
    """
    files = {name_of(path): path for top in ("mtcp", "app") for path in (ROOT / top).rglob("*.py")}
    found = {}
    for module, path in files.items():
        names = set()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body if when_loaded else ast.walk(tree):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0 and node.module, f"{path}: a relative import"
                for alias in node.names:
                    part = f"{node.module}.{alias.name}"
                    names.add(part if part in files else node.module)
        found[module] = frozenset(names)
    return found


def below(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def arrows(into: tuple[str, ...], *packages: str) -> list[str]:
    """Imports of anything below `into` by modules below `packages`."""
    return sorted(
        f"{module} -> {name}"
        for module, names in imports().items()
        for name in names
        if below(module, *packages) and below(name, *into)
    )


def test_the_imports_are_read() -> None:
    assert arrows(("gradio",), "app") and arrows(("mtcp.cli",), "mtcp.cli") and arrows(PAGE, "mtcp") == []


def test_only_the_command_line_knows_the_command_line() -> None:
    known = arrows(("mtcp.cli",), "mtcp", "app")
    assert [arrow for arrow in known if not arrow.startswith(("mtcp.cli", "mtcp.__main__"))] == []


@pytest.mark.parametrize("package", GROUND)
def test_the_ground_carries_and_is_not_carried(package: str) -> None:
    assert arrows(tuple(f"mtcp.{name}" for name in ABOVE_GROUND), f"mtcp.{package}") == []


def test_views_know_no_components() -> None:
    assert arrows(("gradio", "app.tabs", "app.page", "app.ui"), "app.views") == []


def test_no_two_modules_need_each_other_to_load() -> None:
    """A kind of task names its metric, whose module knows tasks: that import waits until a metric is made."""
    try:
        list(TopologicalSorter(imports(when_loaded=True)).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_package_has_two_doors_and_opens_them_when_asked() -> None:
    code = """
import sys
import mtcp
from mtcp.__main__ import main
try:
    main(["--help"])
except SystemExit:
    pass
print([name for name in ("torch", "timm", "scipy", "gradio") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"
    assert mtcp.Predictor.__module__ == "mtcp.inference.predictor"
    assert mtcp.load_checkpoint.__module__ == "mtcp.checkpoint.store"
    with pytest.raises(AttributeError, match="module 'mtcp' has no attribute 'Predicter'"):
        mtcp.Predicter  # noqa: B018
