"""Hints of commands name the place: what is copied from one works where the command that printed it worked."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import faas.cli
from faas.cli.placed import PLACED

ROOT = Path(faas.cli.__path__[0])
COMMAND = re.compile(rf"\bfaas (?:{'|'.join(PLACED)})\b(?! for| of| -h)[^\n`]*?(?=  |\s\(|[;,]|\n|`|$| && | \|)")
NAMED = re.compile(r"\{[^}]*(?:flags|where|place|state_option)[^}]*\}|--(?:context|stage|state)\b")
EXCEPTED = {
    "checks/": "doctor gives its fixes the place when it prints them",
    "main.py": "the examples of its help",
}


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every string that is no docstring and no help text, with {expressions} as they are written."""
    helps = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg in ("help", "short_help", "metavar", "epilog")
        for part in ast.walk(node.value)
    }
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in helps | inner | bare:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(
                    str(part.value) if isinstance(part, ast.Constant) else f"{{{ast.unparse(part)}}}"
                    for part in node.values
                ),
            )


MODULES = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", [path for path in MODULES if not path.startswith(tuple(EXCEPTED))])
def test_a_command_that_is_suggested_names_the_place(path: str) -> None:
    unnamed = [
        f"{line}: {found[0]}"
        for line, text in strings(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        for found in COMMAND.finditer(text)
        if not NAMED.search(found[0])
    ]
    assert unnamed == []
