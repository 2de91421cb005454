"""pylock.toml (PEP 751) as pins for one environment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from faas_builders.deps.names import OURS, canonical
from faas_builders.deps.pyproject import read_toml
from faas_builders.deps.python_version import check_python
from faas_builders.errors import DependencyError, ProjectFileError

if TYPE_CHECKING:
    from packaging.pylock import Package


def pins_of_pylock(path: Path, markers: dict[str, str], *, extras: Collection[str], groups: Collection[str]) -> str:
    """Requirements with hashes, ours left out.

    Raises: ProjectFileError: it is not what PEP 751 says. DependencyError: it was not made for this environment.
    """
    from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError

    try:
        lock = Pylock.from_dict(read_toml(path))
    except (PylockValidationError, PylockUnsupportedVersionError) as error:
        raise ProjectFileError(path, f"it is not a lock as PEP 751 says: {error}", "Export it again") from error
    _check_known(path, "extra", extras, lock.extras or ())
    _check_known(path, "dependency group", groups, lock.dependency_groups or ())
    environment: Mapping[str, object] = {
        **markers,
        "extras": frozenset(canonical(name) for name in extras),
        "dependency_groups": frozenset([*(canonical(name) for name in groups), *(lock.default_groups or ())]),
    }
    if lock.requires_python is not None:
        check_python(path.parent, str(lock.requires_python), markers["python_full_version"], path.name)
    if lock.environments and not any(_holds(marker, environment) for marker in lock.environments):
        raise DependencyError(
            f"{path} was not made for Python {markers['python_version']} on {markers['platform_machine']}",
            hint="Lock again with that environment among tool.uv.environments, or for all: uv lock; uv export",
        )
    wanted = [
        package
        for package in lock.packages
        if package.name not in OURS and (package.marker is None or _holds(package.marker, environment))
    ]
    lines = sorted(_line(package, path) for package in wanted)
    return "".join(f"{line}\n" for line in lines)


def _holds(marker: object, environment: Mapping[str, object]) -> bool:
    # packaging types its environment as a TypedDict that has no place for the sets of a lock file.
    return bool(marker.evaluate(environment, context="lock_file"))  # type: ignore[attr-defined]


def _check_known(path: Path, what: str, asked: Collection[str], known: Collection[str]) -> None:
    there = {canonical(name) for name in known}
    for name in asked:
        if canonical(name) not in there:
            raise ProjectFileError(path, f"it was made without {what} {name!r}", "Export it again with that one")


def _line(package: Package, path: Path) -> str:
    if package.directory is not None:
        return str((path.parent / package.directory.path).resolve())
    if package.vcs is not None:
        where = package.vcs.url or (path.parent / str(package.vcs.path)).resolve().as_uri()
        below = f"#subdirectory={package.vcs.subdirectory}" if package.vcs.subdirectory else ""
        return f"{package.name} @ {package.vcs.type}+{where}@{package.vcs.commit_id}{below}"
    if package.archive is not None:
        archive = package.archive
        where = archive.url or (path.parent / str(archive.path)).resolve().as_uri()
        return f"{package.name} @ {where}{_hashes([archive.hashes])}"
    files = [wheel.hashes for wheel in package.wheels or ()] + ([package.sdist.hashes] if package.sdist else [])
    if package.version is None or not files:
        raise ProjectFileError(path, f"{package.name} has no version, or no file to install it from", "Export it again")
    return f"{package.name}=={package.version}{_hashes(files)}"


def _hashes(files: Iterable[Mapping[str, str]]) -> str:
    values = {f"{kind}:{value}" for hashes in files for kind, value in hashes.items()}
    return "".join(f" --hash={value}" for value in sorted(values))
