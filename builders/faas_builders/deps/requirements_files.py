"""requirements.txt and its like, read as far as this is needed to know when they change and what they pin.

uv reads them for good; only lines with hashes go from here to it as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from faas_builders.deps.names import OURS, name_of
from faas_builders.errors import ProjectFileError

_INCLUDE = re.compile(r"^(-r|-c|--requirements?|--constraints?)(?:\s+|=|(?<=-[rc]))(\S.*)$")
_OPTION = re.compile(r"^(--?[a-z][a-z-]*)(?:\s+|=)?(.*)$")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_HASH = re.compile(r"\s--hash[=\s]")
_EDITABLE = re.compile(r"^(?:-e\s+|--editable[\s=]+)")
_LOCAL = re.compile(
    r"^(?:[\w.-]+\s*(?:\[[^\]]*\])?\s*@\s*)?(file:\S+)"  # NAME @ file:///...
    r"|^(\.{0,2}/\S*|\.{1,2}|[\w.-]+/[^\s:@]*)(?=\s|$)"  # ./lib, lib/prices
)


@dataclass(frozen=True, slots=True)
class Listing:
    """A requirements file and all that it names with -r and -c."""

    path: Path
    texts: tuple[str, ...]
    lines: tuple[str, ...]  # requirements without those of constraints, each on one line, hashes and markers with it
    options: tuple[tuple[str, str], ...]  # ("--index-url", "https://…"); paths are absolute
    folders: tuple[Path, ...]  # what is required by a path

    @property
    def wanted(self) -> tuple[str, ...]:
        """The requirements that are not ours."""
        return tuple(line for line in self.lines if name_of(line) not in OURS)

    @property
    def is_hashed(self) -> bool:
        return any(_HASH.search(line) for line in self.wanted)

    @property
    def without_hash(self) -> tuple[str, ...]:
        return tuple(line for line in self.wanted if not _HASH.search(line))


def read_listing(path: Path) -> Listing:
    """Raises: ProjectFileError: one of the files is not there or is no text."""
    found = _Found()
    found.read(path, frozenset({path.resolve()}), is_constraint=False)
    return Listing(path, tuple(found.texts), tuple(found.lines), tuple(found.options), tuple(found.folders))


@dataclass(slots=True)
class _Found:
    texts: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    options: list[tuple[str, str]] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)

    def read(self, path: Path, seen: frozenset[Path], *, is_constraint: bool) -> None:
        text = _text(path)
        self.texts.append(text)
        for line in logical_lines(text):
            if match := _INCLUDE.match(line):
                named, is_limit = match[2].strip().strip("'\""), is_constraint or "c" in match[1].strip("-")[:1]
                included = (path.parent / named).resolve()
                if "://" not in named and included not in seen:
                    self.read(included, seen | {included}, is_constraint=is_limit)
            elif line.startswith("-") and not _EDITABLE.match(line) and (option := _OPTION.match(line)):
                self.options.append((option[1], _absolute(option[1], option[2].strip(), path.parent)))
            elif not is_constraint:
                self.lines.append(line)
                if folder := local_path(line, path.parent):
                    self.folders.append(folder)


def local_path(line: str, base: Path) -> Path | None:
    """The file or folder that a requirement names by its path."""
    bare = _EDITABLE.sub("", line)
    if match := _LOCAL.match(bare):
        named = match[1] or match[2]
    elif bare != line and "://" not in bare:  # after -e, a word alone is a folder
        named = bare.split()[0]
    else:
        return None
    path = named.partition("#")[0].removeprefix("file://").removeprefix("file:")
    return base / re.sub(r"\[[^\]]*\]$", "", path)  # without extras


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ProjectFileError(path, f"this requirements file cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ProjectFileError(path, "this requirements file is not UTF-8", "Save it as UTF-8") from error


def logical_lines(text: str) -> list[str]:
    """Without comments, and each on one line where the text goes on after a backslash."""
    joined = re.sub(r"\\\r?\n", " ", text)
    stripped = (_COMMENT.sub("", line).strip() for line in joined.splitlines())
    return [re.sub(r"\s+", " ", line) for line in stripped if line]


def _absolute(option: str, value: str, base: Path) -> str:
    if option in ("-f", "--find-links") and "://" not in value:
        return str((base / value).resolve())
    return value
