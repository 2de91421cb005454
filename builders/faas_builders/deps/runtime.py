"""faas_runtime and what it needs, as one folder: what every image and every zygote of a Python has at its bottom."""

from __future__ import annotations

import importlib.util
import os
import shutil
from functools import cache
from pathlib import Path

from faas_builders.cache import cache_dir, cached, key_of
from faas_builders.deps.bytecode import compile_folder, compile_tree
from faas_builders.deps.destination import Destination, Where, destination_of
from faas_builders.deps.installation import install_into
from faas_builders.deps.interpreter import inspect
from faas_builders.deps.names import canonical
from faas_builders.deps.resolution import excludes
from faas_builders.deps.runtime_requirements import base_requirements, tested_pins
from faas_builders.deps.uv import Log
from faas_builders.errors import BuildError, DependencyError
from faas_builders.target import Platform, Target

_FORMAT = "4"
_OPTIONAL = {"gunicorn-h1c": "HTTP is parsed in Python"}
"""What faas_runtime does without where it cannot be had, and how: it has no wheels, only source in C."""

OWN = ".own"
"""Folder inside the layer that shows only `faas` and `faas_runtime`, so that ours win over a project's own copies."""


RUNTIME_FOLDER = "/opt/faas/runtime"
"""Where the folder will be inside an image: tracebacks name its files there."""


def runtime_layer(python: Where | Path | str, log: Log = lambda line: None) -> Path:
    """The folder to put on sys.path so that `python` finds faas_runtime; made once, and again when its source changes.

    Its content comes from the faas_runtime installed beside this builder, also when that is editable, and its
    dependencies in the versions installed here; nothing of ours is looked up in an index. For a target it holds
    bytecode when a Python of the same minor is on this machine.
    Raises: BuildError.
    """
    destination = destination_of(inspect(python) if isinstance(python, (Path, str)) else python)
    source = _source()
    wanted = "\n".join(base_requirements())
    target = destination.folder("runtime") / key_of(_FORMAT, destination.key, wanted, *_contents(source))

    def fill(folder: Path) -> None:
        pinned = "\n".join(tested_pins())
        vendored = cached(
            destination.folder("runtime-deps") / key_of(_FORMAT, destination.key, wanted, pinned),
            lambda deps: _install(deps, wanted, pinned, destination, log),
        )
        # Linked, not copied: both folders are only ever read, and an edit of faas_runtime then costs milliseconds.
        shutil.copytree(vendored, folder, symlinks=True, dirs_exist_ok=True, copy_function=os.link)
        own = folder / OWN
        own.mkdir()
        for name, files in source.items():
            for path in files:
                destination_path = folder / name / path.relative_to(_root_of(name))
                destination_path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, destination_path)
            (own / name).symlink_to(f"../{name}")
            _compile(folder, name, destination)

    return cached(target, fill)


def install_programs(wanted: str, pinned: str, target: Target, prefix: str) -> Path:
    """A folder of the libraries that programs of ours need there, with bytecode for the place `prefix`.

    Args: wanted, pinned: requirements and versions, a line each. Raises: DependencyError.
    """
    destination = destination_of(target)

    def fill(folder: Path) -> None:
        install_into(folder, [*_limited(wanted, pinned), "--excludes", str(excludes())], destination)
        shutil.rmtree(folder / "bin", ignore_errors=True)
        if destination.compiler is not None:
            compile_folder(folder, destination.compiler, prefix)

    key = key_of(_FORMAT, destination.key, destination.executable, wanted, pinned, prefix)
    return cached(destination.folder("programs") / key, fill)


def _compile(folder: Path, name: str, destination: Destination) -> None:
    if destination.target is None:
        compile_tree(folder / name, destination.python)
    elif destination.compiler is not None:
        compile_folder(folder / name, destination.compiler, f"{RUNTIME_FOLDER}/{OWN}/{name}")


def _source() -> dict[str, list[Path]]:
    """The files of `faas_runtime` and of the façade `faas`, by package."""
    return {name: sorted(_files(_root_of(name), name)) for name in ("faas_runtime", "faas")}


@cache
def _root_of(name: str) -> Path:
    spec = importlib.util.find_spec("faas_runtime")
    if spec is None or not spec.origin:
        raise BuildError(
            "faas_runtime is not installed beside faas_builders", "Install them together: pip install faas"
        )
    package = Path(spec.origin).parent
    if name == "faas_runtime":
        return package
    facade = package.parent / "facade" / "faas"  # an editable install
    return facade if facade.is_dir() else package.parent / "faas"


def _files(root: Path, name: str) -> list[Path]:
    if name == "faas" and root.parent.name != "facade":  # site-packages: the toolkit lives in the same folder
        return [path for path in (root / "__init__.py", root / "py.typed", root / "testing.py") if path.exists()]
    return [path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def _contents(source: dict[str, list[Path]]) -> list[bytes]:
    parts: list[bytes] = []
    for name, files in source.items():
        for path in files:
            parts += [f"{name}/{path.relative_to(_root_of(name))}".encode(), path.read_bytes()]
    return parts


def _install(folder: Path, wanted: str, pinned: str, destination: Destination, log: Log) -> None:
    files = _limited(wanted, pinned)
    try:
        install_into(folder, [*files, *_only_wheels(destination), "--excludes", str(excludes())], destination)
    except DependencyError as error:
        if destination.target is None or not any(name in canonical(error.message) for name in _OPTIONAL):
            raise
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        install_into(folder, [*files, "--excludes", str(excludes(_OPTIONAL))], destination)
        for name, instead in _OPTIONAL.items():
            log(f"{name} cannot be built here for {destination.text}: {instead}")
    if destination.target is not None:
        shutil.rmtree(folder / "bin", ignore_errors=True)  # nobody starts a program of ours by hand
        if destination.compiler is not None:
            compile_folder(folder, destination.compiler, RUNTIME_FOLDER)


def _limited(wanted: str, pinned: str) -> list[str]:
    """Arguments of uv for what is `wanted`, in the versions of `pinned` where those name one."""
    inputs = cache_dir() / "runtime-deps" / f"inputs-{key_of(wanted, pinned)}"
    inputs.mkdir(parents=True, exist_ok=True)
    (inputs / "wanted.txt").write_text(wanted)
    (inputs / "pinned.txt").write_text(pinned)
    return ["-r", str(inputs / "wanted.txt"), "-c", str(inputs / "pinned.txt"), "--no-config"]


def _only_wheels(destination: Destination) -> list[str]:
    """Spares compiling what could not work there."""
    target = destination.target
    if target is None or (destination.compiler is not None and target.platform == Platform.of_this_machine()):
        return []
    return [argument for name in _OPTIONAL for argument in ("--only-binary", name)]
