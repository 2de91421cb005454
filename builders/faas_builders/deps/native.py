"""Keeps extensions that were built for another machine out of a folder for a target.

uv picks wheels by their tags. What a source was built to here it takes by its tags too, and those say little: an
extension in a wheel tagged `any`, one tagged `linux_x86_64` that needs a newer C library than the target's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from faas_builders.deps.shared_objects import SharedObject, read_shared_object
from faas_builders.errors import DependencyError
from faas_builders.target import Target

# Only one kind of Python loads these, so nobody ships them by the way for other machines, as debuggers do with helpers.
_EXTENSION = re.compile(r"\.(?:cpython-\d+[a-z]*(?:-[\w-]+)?|abi3)\.so$")
_LIBRARY = re.compile(r"\.so(?:\.\d+)*$")


@dataclass(frozen=True, slots=True)
class _Distribution:
    name: str
    version: str
    built_here: bool
    for_any_platform: bool
    libraries: tuple[Path, ...]


def check_native(folder: Path, target: Target) -> None:
    """Raises: DependencyError: a distribution in `folder` cannot work on `target`."""
    for info in sorted(folder.glob("*.dist-info")):
        distribution = _read(folder, info)
        found = [(path, _wrong(path, target)) for path in distribution.libraries]
        wrong = [(path, why) for path, why in found if why]
        if not wrong:
            continue
        extensions = [(path, why) for path, why in wrong if _EXTENSION.search(path.name)]
        nothing_right = len(wrong) == len(found) and not distribution.for_any_platform
        if extensions or distribution.built_here or nothing_right:
            path, why = (extensions or wrong)[0]
            raise _error(distribution, path.relative_to(folder), why, target)


def _read(folder: Path, info: Path) -> _Distribution:
    name, _, version = info.name.removesuffix(".dist-info").rpartition("-")
    try:
        records = (info / "RECORD").read_text(encoding="utf-8").splitlines()
        tags = re.findall(r"(?m)^Tag:\s*(\S+)", (info / "WHEEL").read_text(encoding="utf-8"))
    except FileNotFoundError:
        records, tags = [], []
    paths = (folder / record.split(",")[0].strip('"') for record in records)
    return _Distribution(
        name,
        version,
        built_here=(info / "uv_build.json").exists(),
        for_any_platform=bool(tags) and all(tag.endswith("-any") for tag in tags),
        libraries=tuple(sorted(path for path in paths if _LIBRARY.search(path.name) and path.is_file())),
    )


def _wrong(path: Path, target: Target) -> str:
    """Why `target` cannot load this library; "" when it can."""
    library = read_shared_object(path)
    if library is None:
        return ""
    if library.architecture != target.platform.architecture:
        return f"is for {library.architecture}"
    return _wrong_libc(library, target)


def _wrong_libc(library: SharedObject, target: Target) -> str:
    if target.libc == "musl":
        return "needs glibc" if library.glibc or "libc.so.6" in library.needed else ""
    if library.is_for_musl:
        return "needs musl"
    if library.glibc and library.glibc > target.libc_version:
        return f"needs glibc {_dotted(library.glibc)}, the base has {_dotted(target.libc_version)}"
    return ""


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _error(distribution: _Distribution, path: Path, why: str, target: Target) -> DependencyError:
    source = "was built from source here and " if distribution.built_here else ""
    return DependencyError(
        f"{distribution.name} {distribution.version} does not work with Python {target.minor} on {target.platform}: "
        f"it {source}has {path}, which {why}",
        hint=f"Ask for a version of {distribution.name} that has a wheel for it, leave the platform out (--platform), "
        "build on a machine of that kind, or let the base build it: --builder docker",
    )
