"""docs/architecture.md is the map: all folders of the toolkit and of the engine stand in it, and nothing else does."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def rows(section: str) -> set[str]:
    """The names in the first column of the section's first table."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    table = text.split(section, 1)[1].split("\n\n", 2)[1]
    firsts = [line.split("|")[1] for line in table.splitlines()[2:]]
    return {name for first in firsts for name in re.findall(r"`([^`]+)`", first)}


def packages(folder: Path) -> set[str]:
    return {child.name for child in folder.iterdir() if (child / "__init__.py").exists()}


def test_the_map_has_every_package_of_the_toolkit() -> None:
    assert {name for name in rows("## Folders") if name.startswith("faas/")} == {
        f"faas/{name}" for name in packages(ROOT / "faas")
    }


def test_the_map_has_every_part_of_the_engine() -> None:
    modules = {path.stem for path in (ROOT / "faas" / "engine").glob("*.py")} - {"__init__", "main"}
    assert rows("Inside the engine, from the top:") == packages(ROOT / "faas" / "engine") | modules | {"main.py"}


def test_every_module_that_the_map_names_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"`((?:faas|runtime|builders)/[\w./]+\.py)`", text))
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_decisions_are_numbered_without_a_gap() -> None:
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in files] == [f"{number:04}" for number in range(1, len(files) + 1)]
    for number, path in enumerate(files, start=1):
        assert path.read_text().startswith(f"# {number}. "), path.name
