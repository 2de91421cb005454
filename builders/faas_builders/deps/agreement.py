"""Files of a project that contradict each other: found before anything is built from one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faas_builders.deps.names import OURS, canonical
from faas_builders.deps.pyproject import Declared, declared_by, read_toml
from faas_builders.deps.requirements_files import Listing, read_listing
from faas_builders.deps.workspace import lock_folder
from faas_builders.errors import DependencyError, ProjectFileError

if TYPE_CHECKING:
    from packaging.requirements import Requirement

Markers = dict[str, str]


def check_listed(project: Path, listing: Listing, markers: Markers) -> None:
    """Whether requirements.txt fulfils what pyproject.toml and requirements.in ask for.

    Raises: DependencyError, ProjectFileError.
    """
    declared = declared_by(project)
    if listing.path.name == "requirements.txt" and (source := project / "requirements.in").is_file():
        wanted = _parsed(read_listing(source).wanted, source, markers)
        _check(listing, wanted, "requirements.in", f"uv pip compile {source.name} -o requirements.txt", markers)
    command = f"uv pip compile pyproject.toml -o {listing.path.name}"
    _check(listing, _parsed(declared.dependencies, declared.path, markers), "pyproject.toml", command, markers)


def constraints(project: Path, markers: Markers) -> list[str]:
    """What pyproject.toml says of versions, for a requirements file that leaves them open: both have to hold."""
    declared = declared_by(project)
    parsed = _parsed(declared.dependencies, declared.path, markers)
    return [f"{name}{wanted.specifier}" for name, wanted in parsed if wanted.specifier]


def check_uv_lock(project: Path) -> None:
    """Whether uv.lock was made from this pyproject.toml. Raises: DependencyError, ProjectFileError.

    Compares what the lock notes of its origin, as `uv lock --check` does, but asks no index: a lock is right also where
    its index has another address.
    """
    folder = lock_folder(project) or project
    declared = declared_by(project)
    root = _root_package(read_toml(folder / "uv.lock"), project.resolve().relative_to(folder.resolve()).as_posix())
    if root is None or "dependencies" in declared.dynamic:
        return
    metadata = root.get("metadata", {})
    noted = _noted(metadata.get("requires-dist", []))
    asked = _asked(declared.dependencies, declared)
    for extra in declared.extras:
        asked += _asked(declared.extra(extra), declared)
    _compare(asked, noted)
    if gone := {name for name, _ in noted} - {name for name, _ in asked} - {declared.name}:
        raise _stale(f"it has {min(gone)}, which pyproject.toml no longer asks for")
    groups = {canonical(name): lines for name, lines in metadata.get("requires-dev", {}).items()}
    for group in declared.groups:
        _compare(_asked(declared.group(group), declared), _noted(groups.get(canonical(group), [])))


def _check(listing: Listing, wanted: list[tuple[str, Requirement]], file: str, command: str, markers: Markers) -> None:
    pins: dict[str, str] = {}
    names: set[str] = set()
    for name, requirement in _parsed(listing.wanted, listing.path, markers):
        names.add(name)
        if exact := _exact(requirement):
            pins[name] = exact
    for name, requirement in wanted:
        if name not in names and not listing.folders:
            raise _contradiction(f"{listing.path.name} does not have {name}, which {file} asks for", listing, command)
        if name in pins and not requirement.specifier.contains(pins[name], prereleases=True):
            raise _contradiction(
                f"{listing.path.name} pins {name}=={pins[name]}, and {file} asks for {name}{requirement.specifier}",
                listing,
                command,
            )


def _contradiction(message: str, listing: Listing, command: str) -> DependencyError:
    return DependencyError(
        message,
        hint=f"{listing.path.name} is what would be installed. "
        f"Make it anew ({command}), or delete the one that is wrong",
    )


def _exact(requirement: Requirement) -> str:
    specifiers = list(requirement.specifier)
    if len(specifiers) == 1 and specifiers[0].operator in ("==", "===") and "*" not in specifiers[0].version:
        return specifiers[0].version
    return ""


def _parsed(lines: Iterable[str], path: Path, markers: Markers) -> list[tuple[str, Requirement]]:
    """The named requirements that count in this environment, ours left out; paths and bare URLs have no name."""
    found = []
    for line in lines:
        requirement = parse(line, path)
        if requirement is None or (name := canonical(requirement.name)) in OURS:
            continue
        if requirement.marker is None or requirement.marker.evaluate({**markers, "extra": ""}):
            found.append((name, requirement))
    return found


def parse(line: str, path: Path) -> Requirement | None:
    """A line of PEP 508 with or without hashes; None for a path or a bare URL. Raises: ProjectFileError."""
    from packaging.requirements import InvalidRequirement, Requirement

    text = line.partition(" --")[0].strip()
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        if text.startswith(("-e", "--editable", ".", "/", "file:")) or "://" in text.partition(";")[0] or "/" in text:
            return None
        reason = str(error).splitlines()[0]
        raise ProjectFileError(path, f"{text!r} is no requirement: {reason}") from error


def _root_package(lock: Mapping[str, Any], path: str) -> dict[str, Any] | None:
    for package in lock.get("package", ()):
        source = package.get("source", {})
        if isinstance(source, dict) and path in (
            source.get("virtual"),
            source.get("editable"),
            source.get("directory"),
        ):
            return dict(package)
    return None


_Pair = tuple[str, str]


def _noted(entries: Any) -> set[_Pair]:
    """Name and versions, as uv.lock notes them; what comes from elsewhere than an index has none."""
    from packaging.specifiers import SpecifierSet

    return {
        (canonical(str(entry["name"])), str(SpecifierSet(str(entry.get("specifier", "")))))
        for entry in entries
        if isinstance(entry, dict) and "name" in entry
    }


def _asked(lines: Iterable[str], declared: Declared) -> list[_Pair]:
    sources = declared.uv.get("sources", {})
    elsewhere = {
        canonical(name)
        for name, source in (sources.items() if isinstance(sources, dict) else ())
        if not (isinstance(source, dict) and set(source) <= {"index", "marker", "extra", "group"})
    }
    pairs = []
    for line in lines:
        requirement = parse(line, declared.path)
        if requirement is not None:
            name = canonical(requirement.name)
            open_version = name in elsewhere or requirement.url
            pairs.append((name, "" if open_version else str(requirement.specifier)))
    return pairs


def _compare(asked: Iterable[_Pair], noted: set[_Pair]) -> None:
    known = {name for name, _ in noted}
    for name, versions in asked:
        if (name, versions) not in noted:
            was = "was made for other versions" if name in known else "does not have it"
            raise _stale(f"pyproject.toml asks for {name}{versions}, and the lock {was}")


def _stale(what: str) -> DependencyError:
    return DependencyError(
        f"uv.lock is out of date: {what}",
        hint="uv.lock is what would be installed. Bring it up to date: uv lock",
    )
