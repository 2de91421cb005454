"""From exact versions to a folder, with uv: the same bytes for the same pins."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from faas_builders.cache import cached, key_of
from faas_builders.deps.bytecode import compile_folder
from faas_builders.deps.destination import Destination, Where, destination_of
from faas_builders.deps.native import check_native
from faas_builders.deps.pyproject import read_pyproject
from faas_builders.deps.requirements_files import local_path
from faas_builders.deps.resolution import indexes_for
from faas_builders.deps.scripts import rewrite_scripts
from faas_builders.deps.uv import Log, run_uv

DEPS_FOLDER = "/opt/faas/deps"
"""Where the folder will be inside an image: tracebacks name its files there."""

_FORMAT = "4"  # part of every key: raise it when what is installed from the same pins changes


def install(pins: Path, where: Where, log: Log, *, compiled: bool = True) -> Path:
    """The folder with everything that `pins` names. For a target it holds bytecode and console scripts as well.

    Warm, no process is started; an interrupted one leaves nothing that would be taken for the folder.
    Args: compiled: for an interpreter; False when little of it will be imported from there, as imports compile too.
    Raises: DependencyError.
    """
    destination = destination_of(where)
    text = pins.read_bytes()
    key = key_of(_FORMAT, text, destination.key, destination.executable)
    made = destination.folder("deps") / key
    compiled = compiled or destination.target is not None or made.is_dir()
    if not compiled:
        made = destination.folder("deps-sources") / key

    def fill(folder: Path) -> None:
        log(f"installing {_count(text.decode())} distributions for {destination.text}")
        if destination.target is not None and destination.compiler is None:
            log(f"no Python {destination.minor} on this machine: modules are compiled when they are first imported")
        project, indexes = indexes_for(pins)
        hashed = b"--hash=" in text
        arguments = ["--no-deps", "-r", str(pins), *indexes.arguments]
        arguments += _refreshed(text.decode())
        if hashed and "UV_INDEX" in indexes.environment:
            arguments += ["--index-strategy", "unsafe-best-match"]  # safe: hashes say which file it must be
        install_into(folder, arguments, destination, project, indexes.environment, compiled=compiled)
        if destination.target is not None and destination.compiler is not None:
            compile_folder(folder, destination.compiler, DEPS_FOLDER)

    return cached(made, fill)


def install_into(
    folder: Path,
    arguments: Sequence[str],
    destination: Destination,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    compiled: bool = True,
) -> None:
    """`uv pip install` into `folder`, then take out what differs between two machines or two moments.

    Raises: DependencyError: also when something in it could not work there.
    """
    bytecode = ["--compile-bytecode"] if compiled and destination.target is None else []
    run_uv(
        ["pip", "install", "--target", str(folder), *destination.arguments, "--no-progress", *bytecode, *arguments],
        cwd=cwd,
        environment=environment,
        destination=destination.text,
    )
    if destination.target is not None:
        check_native(folder, destination.target)
        rewrite_scripts(folder, destination.target)
    elif (folder / "bin").is_dir():
        shutil.rmtree(folder / "bin")  # their first lines name this machine's Python
    _normalise(folder)


def _refreshed(pins: str) -> list[str]:
    """Has uv build folders anew: it sees only edits of their pyproject.toml."""
    folders = [path for line in pins.splitlines() if (path := local_path(line, Path("/"))) and path.is_dir()]
    names = [str(read_pyproject(folder).get("project", {}).get("name", "")) for folder in folders]
    if not all(names):
        return ["--refresh"]
    return [argument for name in names for argument in ("--refresh-package", name)]


def _count(text: str) -> int:
    lines = text.splitlines()
    return sum(1 for line in lines if line and not line.startswith(("#", " ")))


# What installers leave of themselves.
_TRACES = ("direct_url.json", "uv_cache.json", "uv_build.json", "REQUESTED")


def _normalise(folder: Path) -> None:
    """Remove and rewrite what installers leave of themselves; files are replaced, they may be links into uv's cache."""
    (folder / ".lock").unlink(missing_ok=True)
    has_scripts = (folder / "bin").is_dir()
    for info in folder.glob("*.dist-info"):
        for name in _TRACES:
            (info / name).unlink(missing_ok=True)
        installer = info / "INSTALLER"
        installer.unlink(missing_ok=True)
        installer.write_text("faas\n")
        record = info / "RECORD"
        if record.exists():
            lines = record.read_text(encoding="utf-8").splitlines()
            record.unlink()
            kept = sorted(line for line in map(_record, lines) if line and (has_scripts or not line.startswith("bin/")))
            record.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def _record(line: str) -> str:
    """A line of RECORD as it is true afterwards; "" when there is no such file."""
    path = line.split(",")[0]
    if path.startswith("..") or "__pycache__" in path or path.endswith((*_TRACES, "INSTALLER")):
        return ""
    return f"{path},," if path.startswith("bin/") else line
