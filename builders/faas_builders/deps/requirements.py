"""What a project says it needs, found but not yet resolved."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from faas_builders.cache import key_of
from faas_builders.errors import ProjectFileError
from faas_builders.files import content_hash, project_files

OURS = ("faas", "faas-runtime", "faas-builders")
"""Never looked up in an index: the runtime layer brings faas_runtime, and a function needs no toolkit."""

# Name and extras of a PEP 508 line. (packaging would parse it all, but its import takes a third of a warm build.)
_NAMED = re.compile(r"^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*(?=$|[\s;@,(<>=!~\\])")
_INCLUDE = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[\s=]+(\S+)")
_LOCAL = re.compile(r"^\s*(?:-e\s+|--editable[\s=]+)?(\.{0,2}/\S*|\.{1,2})\s*$")


@dataclass(frozen=True, slots=True)
class Requirements:
    """Where a project's dependencies are declared. `key` changes whenever resolving them could give something else."""

    kind: Literal["uv.lock", "requirements.txt", "pyproject.toml", "none"]
    project: Path
    key: str
    extras: tuple[str, ...] = ()  # of ours that were asked for: traces
    hashed: bool = False  # every requirement comes with hashes

    @property
    def origin(self) -> str:
        return "no dependencies" if self.kind == "none" else self.kind


def read_pyproject(project: Path) -> dict[str, Any]:
    """The parsed pyproject.toml, {} without one. Raises: ProjectFileError: it is not TOML."""
    path = project / "pyproject.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectFileError(path, f"this is not valid TOML: {error}") from error


def find_requirements(project: Path) -> Requirements:
    """uv.lock if there is one, else requirements.txt, else the `dependencies` of pyproject.toml."""
    pyproject = read_pyproject(project)
    declared = [str(line) for line in pyproject.get("project", {}).get("dependencies", [])]
    extras = _extras_of_ours(declared)
    if (lock := project / "uv.lock").is_file():
        return Requirements("uv.lock", project, key_of("uv.lock", lock.read_bytes()), extras, hashed=True)
    if (listed := project / "requirements.txt").is_file():
        texts = _with_includes(listed)
        lines = [line for _, text in texts for line in text.splitlines()]
        wanted = _without_comments(lines)
        if not [line for line in wanted if _name_of(line) not in OURS]:
            return Requirements("none", project, key_of("none"), _extras_of_ours(wanted))
        key = key_of("requirements.txt", *(text for _, text in texts), *_local_contents(listed.parent, wanted))
        return Requirements("requirements.txt", project, key, _extras_of_ours(wanted), "--hash=" in texts[0][1])
    if [line for line in declared if _name_of(line) not in OURS]:
        uv_table = pyproject.get("tool", {}).get("uv", {})
        key = key_of("pyproject.toml", repr(declared), repr(uv_table), *_source_contents(project, uv_table))
        return Requirements("pyproject.toml", project, key, extras)
    return Requirements("none", project, key_of("none"), extras)


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _name_of(line: str) -> str:
    match = _NAMED.match(line)
    return canonical(match[1]) if match else ""


def _extras_of_ours(lines: list[str]) -> tuple[str, ...]:
    found = [match for line in lines if (match := _NAMED.match(line)) and canonical(match[1]) in OURS]
    return tuple(sorted({extra.strip() for match in found for extra in (match[2] or "").split(",") if extra.strip()}))


def _without_comments(lines: list[str]) -> list[str]:
    stripped = (re.sub(r"(^|\s)#.*", "", line).strip() for line in lines)
    return [line for line in stripped if line and not line.startswith("--hash") and not _INCLUDE.match(line)]


def _with_includes(path: Path, seen: frozenset[Path] = frozenset()) -> list[tuple[Path, str]]:
    """The file and, recursively, those it names with -r and -c."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ProjectFileError(path, f"this requirements file cannot be read: {error.strerror}") from error
    found = [(path, text)]
    for line in text.splitlines():
        if (match := _INCLUDE.match(line)) and "://" not in match[1]:
            included = (path.parent / match[1]).resolve()
            if included not in seen:
                found += _with_includes(included, seen | {included})
    return found


def _local_contents(base: Path, lines: list[str]) -> list[str]:
    """Hashes of the folders that requirements name by path: their edits must make a new layer."""
    folders = (base / match[1] for line in lines if (match := _LOCAL.match(line)))
    return [content_hash(project_files(folder)) for folder in folders if folder.is_dir()]


def _source_contents(project: Path, uv_table: dict[str, Any]) -> list[str]:
    sources = [
        (name, source)
        for name, source in uv_table.get("sources", {}).items()
        if isinstance(source, dict) and "path" in source and canonical(name) not in OURS
    ]
    folders = (project / str(source["path"]) for _, source in sources)
    return [content_hash(project_files(folder)) for folder in folders if folder.is_dir()]
