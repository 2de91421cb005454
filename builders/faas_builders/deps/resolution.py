"""From what a project declares to exact versions, with uv."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from faas_builders.cache import cache_dir, key_of
from faas_builders.deps import agreement
from faas_builders.deps.credentials import masked
from faas_builders.deps.destination import Destination, Where, destination_of
from faas_builders.deps.indexes import Indexes, explicit_indexes, indexes_of
from faas_builders.deps.names import OURS, name_of
from faas_builders.deps.pylock import pins_of_pylock
from faas_builders.deps.pyproject import declared_by
from faas_builders.deps.python_version import check_python
from faas_builders.deps.requirements import Requirements, content_of
from faas_builders.deps.requirements_files import local_path, logical_lines, read_listing
from faas_builders.deps.runtime_requirements import extra_requirements
from faas_builders.deps.uv import Log, run_uv
from faas_builders.deps.workspace import lock_folder
from faas_builders.disk import write_atomically

_FORMAT = "2"  # part of every key: raise it when the same declaration comes to give other pins

_COMPILE = ("pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-progress")
_EXPORT = (
    "--frozen",
    "--no-default-groups",
    "--no-emit-project",
    "--no-header",
    "--no-annotate",
    "--no-progress",
    "-q",
)


class _Source(msgspec.Struct, frozen=True):
    """What pins were made from, kept beside them: installing them asks the same indexes."""

    project: str
    kind: str


def resolve(requirements: Requirements, where: Where, log: Log) -> Path | None:
    """Pin what a project needs; returns a requirements file with versions (and hashes, from a lock), None for nothing.

    The answer is remembered by content, so the same declaration gives the same pins until the cache is deleted; a lock
    file makes that hold everywhere. Markers are those of `where`. Warm, no process is started.
    Raises: DependencyError, ProjectFileError.
    """
    destination = destination_of(where)
    check_python(requirements.project, requirements.requires_python, destination.version)
    if requirements.kind == "none" and not requirements.extras:
        return None
    key = key_of(_FORMAT, requirements.key, ",".join(requirements.extras), destination.key)
    pins = cache_dir() / "resolved" / f"{key}.txt"
    if not pins.exists():
        log(f"resolving {requirements.origin} for {destination.text}")
        text = _Resolving(requirements, destination).pins()
        write_atomically(pins, masked(text).encode(), durable=False)
    _remember(pins, _Source(str(requirements.project), requirements.kind))
    return pins if pins.read_text(encoding="utf-8").strip() else None


def indexes_for(pins: Path) -> tuple[Path | None, Indexes]:
    """The folder whose settings uv has to read to install these pins, and what else it has to know."""
    try:
        source = msgspec.json.decode(pins.with_suffix(".json").read_bytes(), type=_Source)
    except (FileNotFoundError, msgspec.DecodeError):
        return None, Indexes()
    project = Path(source.project)
    return (project, indexes_of(project, source.kind)) if project.is_dir() else (None, Indexes())


def excludes(more: Iterable[str] = ()) -> Path:
    """The file that keeps `faas` and its parts out of the whole graph, not only from its first level."""
    names = (*OURS, *more)
    path = cache_dir() / "resolved" / f"excludes-{key_of(*names)}.txt"
    if not path.exists():
        write_atomically(path, "\n".join(names).encode(), durable=False)
    return path


class _Resolving:
    def __init__(self, requirements: Requirements, destination: Destination) -> None:
        self._wanted = requirements
        self._destination = destination
        self._project = requirements.project
        self._indexes = indexes_of(self._project, requirements.kind)
        # Where pins cannot say which index each is from, hashes make sure that it comes from no other.
        self._hashed = requirements.hashed or bool(explicit_indexes(self._project))

    def pins(self) -> str:
        match self._wanted.kind:
            case "uv.lock":
                text = self._uv_lock()
            case "pylock.toml":
                markers, wanted = self._destination.markers, self._wanted
                path = self._project / "pylock.toml"
                text = pins_of_pylock(path, markers, extras=wanted.project_extras, groups=wanted.groups)
            case "requirements.txt" | "requirements.in":
                text = self._listed()
            case "pyproject.toml":
                chosen = [*_flags("--extra", self._wanted.project_extras), *_flags("--group", self._wanted.groups)]
                text = self._compile(["pyproject.toml", *chosen])
            case "none":
                text = ""
        if self._wanted.extras:
            text += self._compile_lines(extra_requirements(self._wanted.extras))
        base = lock_folder(self._project) if self._wanted.kind == "uv.lock" else None
        return _self_contained(text, base or self._project)

    def _uv_lock(self) -> str:
        """Pins and hashes from uv.lock. Pruning ours also takes out what only the toolkit needs."""
        agreement.check_uv_lock(self._project)
        chosen = [*_flags("--extra", self._wanted.project_extras), *_flags("--group", self._wanted.groups)]
        arguments = ["export", *_EXPORT, *_flags("--prune", OURS), *chosen, "--python", self._destination.python.base]
        return self._uv(arguments)

    def _listed(self) -> str:
        listing = read_listing(self._project / self._wanted.kind)
        more = self._more()
        agreement.check_listed(self._project, listing, self._destination.markers)
        if listing.is_hashed:
            text = "".join(f"{line}\n" for line in sorted(listing.wanted))
            self._check_complete(text)
            return text + self._beyond(text, more)
        constraints = agreement.constraints(self._project, self._destination.markers)
        with tempfile.TemporaryDirectory(prefix="faas-") as folder:
            files: list[str] = [self._wanted.kind]
            if more:
                files.append(_written(folder, "more.in", more))
            if constraints:
                files += ["--constraint", _written(folder, "constraints.txt", constraints)]
            return self._compile(files)

    def _more(self) -> list[str]:
        declared = declared_by(self._project)
        lines = [line for extra in self._wanted.project_extras for line in declared.extra(extra)]
        return lines + [line for group in self._wanted.groups for line in declared.group(group)]

    def _check_complete(self, text: str) -> None:
        """Whether a lock names everything that it needs; its own hashes stay, whatever the index says."""
        with tempfile.TemporaryDirectory(prefix="faas-") as folder:
            arguments = ["pip", "install", "--dry-run", "--no-progress", "--target", f"{folder}/nowhere"]
            pins = _written(folder, "pins.txt", text.splitlines())
            excluded = ["--excludes", str(excludes())]
            self._uv([*arguments, *self._destination.arguments, "--require-hashes", *excluded, "-r", pins])

    def _beyond(self, text: str, more: list[str]) -> str:
        """What extras and groups need that a lock does not have; what it has is not decided anew."""
        if not more:
            return ""
        with tempfile.TemporaryDirectory(prefix="faas-") as folder:
            locked = _written(folder, "locked.txt", text.splitlines())
            found = self._compile([_written(folder, "more.in", more), "--constraint", locked])
        known = {name_of(line) for line in text.splitlines()}
        return "".join(f"{line}\n" for line in logical_lines(found) if name_of(line) not in known)

    def _compile_lines(self, lines: Iterable[str]) -> str:
        with tempfile.TemporaryDirectory(prefix="faas-") as folder:
            return self._compile([_written(folder, "wanted.in", lines)])

    def _compile(self, arguments: list[str]) -> str:
        hashes = ["--generate-hashes"] if self._hashed else []
        excluded = ["--excludes", str(excludes())]
        return self._uv([*_COMPILE, *hashes, *excluded, *self._destination.arguments, *arguments])

    def _uv(self, arguments: list[str]) -> str:
        more = self._indexes.arguments if arguments[0] == "pip" else ()
        return run_uv(
            [*arguments, *more],
            cwd=self._project,
            environment=self._indexes.environment,
            destination=self._destination.text,
        )


def _flags(name: str, values: Iterable[str]) -> list[str]:
    return [part for value in values for part in (name, value)]


def _written(folder: str, name: str, lines: Iterable[str]) -> str:
    path = Path(folder) / name
    path.touch(mode=0o600)  # a URL in it may have a password
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def _self_contained(text: str, base: Path) -> str:
    """Pins that mean the same from any folder: paths are absolute, and beside each is the hash of what lies there."""
    lines = []
    for line in text.splitlines():
        path = local_path(line, base)
        if path is None:
            lines.append(line)
            continue
        marker = line.partition(" ; ")[2]
        named = re.match(r"(?:-e\s+)?([\w.-]+(?:\[[^\]]*\])?)\s*@", line)
        place = Path(path).resolve()
        requirement = f"{named[1]} @ {place.as_uri()}" if named else str(place)
        lines += [f"# content {content_of(place)}", requirement + (f" ; {marker}" if marker else "")]
    return "".join(f"{line}\n" for line in lines)


def _remember(pins: Path, source: _Source) -> None:
    path = pins.with_suffix(".json")
    data = msgspec.json.encode(source)
    try:
        if path.read_bytes() == data:
            return
    except FileNotFoundError:
        pass
    write_atomically(path, data, durable=False)
