"""A project's files as an image has them: without credentials, and without what says where and how it is deployed.

Otherwise a stage's bound on instances would be part of the image, and each change of it a new Revision of everything.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from faas_builders.cache import cache_dir, cached, key_of
from faas_builders.deps.credentials import tells_secret
from faas_builders.files import ProjectFile

_PYPROJECT = "pyproject.toml"
_NOT_OF_THE_IMAGE = ("brokers", "build", "config", "environments", "functions", "secrets")
"""Tables of `[tool.faas]` that only those read who build and deploy."""

_HEADER = re.compile(r"\[\[?\s*([^]]*?)\s*\]")
_CUT = re.compile(rf"tool\s*\.\s*faas\s*\.\s*(?:{'|'.join(_NOT_OF_THE_IMAGE)})\s*(?:\.|\Z)")


def fit_for_image(files: Iterable[ProjectFile]) -> list[ProjectFile]:
    """Less those that say what to install and hold a credential, and pyproject.toml cut to what an image needs."""
    return [_cut(file) for file in files if not tells_secret(file)]


def without_deployment(text: str) -> str:
    """A pyproject.toml without the tables that say how the project is deployed; as it is, when that cannot be cut out.

    What is left is as somebody wrote it: a program may read its own version there.
    """
    kept: list[str] = []
    is_cut = False
    for line in text.splitlines(keepends=True):
        if header := _HEADER.match(line.lstrip()):
            is_cut = _CUT.match(header[1]) is not None
        if not is_cut:
            kept.append(line)
    found = "".join(kept)
    try:  # a line in the middle of a text may look like a header
        return found if tomllib.loads(found) == _without(tomllib.loads(text)) else text
    except tomllib.TOMLDecodeError:
        return text


def _without(document: dict[str, Any]) -> dict[str, Any]:
    tool = document.get("tool")
    faas = tool.get("faas") if isinstance(tool, dict) else None
    if not isinstance(tool, dict) or not isinstance(faas, dict):
        return document
    kept = {key: value for key, value in faas.items() if key not in _NOT_OF_THE_IMAGE}
    rest = {key: value for key, value in tool.items() if key != "faas"}
    tool = {**rest, **({"faas": kept} if kept else {})}
    return {**{key: value for key, value in document.items() if key != "tool"}, **({"tool": tool} if tool else {})}


def _cut(file: ProjectFile) -> ProjectFile:
    if file.path != _PYPROJECT or file.link:
        return file
    try:
        text = file.source.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return file  # whoever reads it for the image says so
    cut = without_deployment(text)
    if cut == text:
        return file

    def fill(folder: Path) -> None:
        (folder / _PYPROJECT).write_bytes(cut.encode())

    return replace(file, source=cached(cache_dir() / "shipped" / key_of(cut), fill) / _PYPROJECT)
