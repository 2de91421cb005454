"""What a project says it needs, found but not yet resolved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from faas_builders.cache import key_of
from faas_builders.deps.names import OURS, canonical, extras_of_ours, name_of
from faas_builders.deps.pyproject import Declared, declared_by, read_pyproject, read_toml
from faas_builders.deps.requirements_files import Listing, read_listing
from faas_builders.deps.workspace import lock_folder, members
from faas_builders.errors import ProjectFileError
from faas_builders.files import content_hash, project_files

__all__ = ["Kind", "Requirements", "content_of", "find_requirements", "read_pyproject"]

Kind = Literal["uv.lock", "pylock.toml", "requirements.txt", "requirements.in", "pyproject.toml", "none"]


@dataclass(frozen=True, slots=True)
class Requirements:
    """Where a project's dependencies are declared. `key` changes whenever resolving them could give something else."""

    kind: Kind
    project: Path
    key: str
    extras: tuple[str, ...] = ()  # of ours that were asked for: traces
    hashed: bool = False  # every requirement comes with hashes
    groups: tuple[str, ...] = ()  # of the project, and asked for
    project_extras: tuple[str, ...] = ()
    requires_python: str = ""
    origin: str = ""  # in words: what a build shows

    def __post_init__(self) -> None:
        if not self.origin:
            object.__setattr__(self, "origin", "no dependencies" if self.kind == "none" else self.kind)


def find_requirements(project: Path, *, groups: Iterable[str] = (), extras: Iterable[str] = ()) -> Requirements:
    """uv.lock if there is one, else pylock.toml, requirements.txt, requirements.in, or what pyproject.toml declares.

    A member of a workspace has the uv.lock of the workspace.
    Args: groups, extras: those of pyproject.toml that the functions need too.
    Raises: ProjectFileError: a file is not what it should be, or there is no such group or extra.
    """
    declared = declared_by(project)
    asked = _Asked(project, declared, tuple(sorted(set(groups))), tuple(sorted(set(extras))))
    asked.check()
    if (folder := lock_folder(project)) is not None:
        return asked.uv_lock(folder / "uv.lock")
    if (lock := project / "pylock.toml").is_file():
        return asked.pylock(lock)
    for kind in ("requirements.txt", "requirements.in"):
        if (project / kind).is_file():
            return asked.listed(kind)
    return asked.pyproject()


@dataclass(frozen=True, slots=True)
class _Asked:
    project: Path
    declared: Declared
    groups: tuple[str, ...]
    extras: tuple[str, ...]

    def check(self) -> None:
        self._more()

    def uv_lock(self, lock: Path) -> Requirements:
        if not self.declared.path.is_file():
            raise ProjectFileError(lock, "there is no pyproject.toml beside it", "Add the one that it was made from")
        own = self.project.resolve()
        folders = [folder for folder in _locked_folders(lock.parent, read_toml(lock)) if folder.resolve() != own]
        return self._found("uv.lock", [lock.read_bytes(), *_contents(folders)], hashed=True)

    def pylock(self, lock: Path) -> Requirements:
        packages = read_toml(lock).get("packages", [])
        folders = [self.project / str(path) for path in _paths(packages, "directory")]
        return self._found("pylock.toml", [lock.read_bytes(), *_contents(folders)], hashed=True)

    def listed(self, kind: Literal["requirements.txt", "requirements.in"]) -> Requirements:
        listing = read_listing(self.project / kind)
        lines = [*listing.lines, *self._more()]
        if not any(name_of(line) not in OURS for line in lines):
            return self._none(lines, f"no dependencies in {kind}")
        parts: list[str | bytes] = [*listing.texts, *_contents(listing.folders)]
        if kind == "requirements.txt" and (source := self.project / "requirements.in").is_file():
            parts += read_listing(source).texts  # it says what the other one must fulfil
        return self._found(kind, parts, lines, hashed=_hashed(listing))

    def pyproject(self) -> Requirements:
        lines = [*self.declared.dependencies, *self._more()]
        if any(name_of(line) not in OURS for line in lines):
            folders = _source_folders(self.project, self.declared)
            return self._found("pyproject.toml", [*_contents(folders)], lines)
        if "dependencies" in self.declared.dynamic:
            raise ProjectFileError(
                self.declared.path,
                "its dependencies are dynamic, so only its build backend knows them",
                "Write them into project.dependencies, or lock them: uv lock",
            )
        there = self.declared.path.is_file()
        return self._none(lines, "no dependencies in pyproject.toml" if there else "no dependencies file")

    def _more(self) -> list[str]:
        """What the extras and groups that were asked for add."""
        lines = [line for extra in self.extras for line in self.declared.extra(extra)]
        return lines + [line for group in self.groups for line in self.declared.group(group)]

    def _none(self, lines: list[str], origin: str) -> Requirements:
        return self._make("none", key_of("none"), extras_of_ours(lines), False, origin)

    def _found(
        self, kind: Kind, parts: list[str | bytes], lines: Iterable[str] = (), *, hashed: bool = False
    ) -> Requirements:
        declared = (self.declared.dependencies, self._more(), self.declared.requires_python, self.declared.uv)
        key = key_of(kind, ",".join(self.groups), ",".join(self.extras), repr(declared), *parts)
        with_what = [f"extra {name}" for name in self.extras] + [f"group {name}" for name in self.groups]
        origin = kind + (f" with {', '.join(with_what)}" if with_what else "")
        ours = extras_of_ours(lines or [*self.declared.dependencies, *self._more()])
        return self._make(kind, key, ours, hashed, origin)

    def _make(self, kind: Kind, key: str, ours: tuple[str, ...], hashed: bool, origin: str) -> Requirements:
        requires = self.declared.requires_python
        return Requirements(kind, self.project, key, ours, hashed, self.groups, self.extras, requires, origin)


def _hashed(listing: Listing) -> bool:
    """Raises: ProjectFileError: some requirements have hashes and some have none."""
    if listing.is_hashed and (bare := listing.without_hash):
        raise ProjectFileError(
            listing.path,
            f"{bare[0].split(';')[0].strip()} has no hash, and others have",
            "Lock again, with hashes for all: uv pip compile --generate-hashes",
        )
    return listing.is_hashed


def _contents(folders: Iterable[Path]) -> list[str]:
    """Hashes of what is required by its path: an edit there must make a new layer."""
    return [content_of(path) for path in folders]


def content_of(path: Path) -> str:
    """64 hex digits over a folder's files or a file's content; "" when there is nothing."""
    if path.is_dir():
        return content_hash(project_files(path))
    return key_of(path.read_bytes()) if path.is_file() else ""


def _source_folders(project: Path, declared: Declared) -> list[Path]:
    sources = declared.uv.get("sources", {})
    found = sources.items() if isinstance(sources, dict) else ()
    tables = [(name, source) for name, source in found if isinstance(source, dict) and canonical(name) not in OURS]
    folders = [project / str(source["path"]) for _, source in tables if "path" in source]
    return folders + members(project, [name for name, source in tables if source.get("workspace")])


def _locked_folders(folder: Path, lock: dict[str, Any]) -> list[Path]:
    entries = [entry for entry in lock.get("package", []) if isinstance(entry, dict)]
    packages = [entry for entry in entries if canonical(str(entry.get("name", ""))) not in OURS]
    sources = [source for package in packages if isinstance(source := package.get("source"), dict)]
    named = [str(source[kind]) for source in sources for kind in ("directory", "editable") if kind in source]
    return [folder / path for path in named]


def _paths(packages: Any, kind: str) -> list[str]:
    tables = (
        [package.get(kind) for package in packages if isinstance(package, dict)] if isinstance(packages, list) else []
    )
    return [str(table["path"]) for table in tables if isinstance(table, dict) and "path" in table]
