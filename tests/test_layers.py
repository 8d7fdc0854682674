"""The table of layers in docs/architecture.md, held against the imports. What else holds of them: test_layout.py."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(path for top in ("mtcp", "app") for path in (ROOT / top).rglob("*.py"))


def layers() -> dict[str, int]:
    """Package (mtcp.io, app, ...) -> its layer's number, from the table of the document."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    found: dict[str, int] = {}
    number = 0
    for layer, packages in re.findall(
        r"^\| (\w*) ?\| (`[^|]+`) \| .+ \|$", text.split("## The seams")[0], re.M
    ):
        number += bool(layer)
        for name in re.findall(r"`([^`]+)`", packages):
            short = name.strip("/").replace("/", ".")
            found[short if short.startswith(("mtcp", "app", "benchmarks")) else f"mtcp.{short}"] = number
    return found


LAYERS = layers()


def package(module: str) -> str:
    """mtcp.io.photo -> mtcp.io, app.views.page -> app."""
    return ".".join(module.split(".")[: 2 if module.startswith("mtcp.") else 1])


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(body: list[ast.stmt]) -> Iterator[str]:
    """What is imported when the module is: not in functions, not for the type checker alone."""
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.Try):
            yield from imports(node.body)


def test_every_package_has_its_layer() -> None:
    there = {package(module_of(path)) for path in MODULES} - {"mtcp"}
    assert there <= set(LAYERS)
    assert set(LAYERS.values()) == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("path", MODULES, ids=module_of)
def test_no_import_points_upwards(path: Path) -> None:
    own = package(module_of(path))
    if own == "mtcp":  # its __init__ hands out names of many layers, each when it is asked for
        return
    for name in imports(ast.parse(path.read_text(encoding="utf-8")).body):
        other = package(name)
        if other in LAYERS:
            assert LAYERS[other] <= LAYERS[own], f"{module_of(path)} imports {name}"


def test_the_page_does_not_need_the_synthetic_rooms() -> None:
    for path in MODULES:
        if "rooms" not in path.parts and module_of(path) not in ("mtcp.data", "mtcp.cli.data_rooms"):
            assert "mtcp.data.rooms" not in path.read_text(encoding="utf-8"), path
