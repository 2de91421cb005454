"""faas_runtime and what it needs, as one folder: what every image and every zygote of a Python has at its bottom."""

from __future__ import annotations

import importlib.util
import os
import shutil
from functools import cache
from pathlib import Path

from faas_builders.cache import cache_dir, cached, key_of
from faas_builders.deps.bytecode import compile_tree
from faas_builders.deps.installation import install_into
from faas_builders.deps.interpreter import Interpreter, inspect
from faas_builders.deps.runtime_requirements import base_requirements, tested_pins
from faas_builders.errors import BuildError

_FORMAT = "1"
OWN = ".own"
"""Folder inside the layer that shows only `faas` and `faas_runtime`, so that ours win over a project's own copies."""


def runtime_layer(python: Path | str) -> Path:
    """The folder to put on sys.path so that `python` finds faas_runtime; made once, and again when its source changes.

    Its content comes from the faas_runtime installed beside this builder, also when that is editable, and its
    dependencies in the versions installed here; nothing of ours is looked up in an index.
    Raises: BuildError.
    """
    interpreter = inspect(python)
    source = _source()
    wanted = "\n".join(base_requirements())
    target = cache_dir() / "runtime" / key_of(_FORMAT, interpreter.abi, wanted, *_contents(source))

    def fill(folder: Path) -> None:
        pinned = "\n".join(tested_pins())
        vendored = cached(
            cache_dir() / "runtime-deps" / key_of(_FORMAT, interpreter.abi, wanted, pinned),
            lambda deps: _install(deps, wanted, pinned, interpreter),
        )
        # Linked, not copied: both folders are only ever read, and an edit of faas_runtime then costs milliseconds.
        shutil.copytree(vendored, folder, symlinks=True, dirs_exist_ok=True, copy_function=os.link)
        own = folder / OWN
        own.mkdir()
        for name, files in source.items():
            for path in files:
                destination = folder / name / path.relative_to(_root_of(name))
                destination.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, destination)
            (own / name).symlink_to(f"../{name}")
            compile_tree(folder / name, interpreter)

    return cached(target, fill)


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


def _install(folder: Path, wanted: str, pinned: str, interpreter: Interpreter) -> None:
    inputs = cache_dir() / "runtime-deps" / f"inputs-{key_of(wanted, pinned)}"
    inputs.mkdir(parents=True, exist_ok=True)
    (inputs / "wanted.txt").write_text(wanted)
    (inputs / "pinned.txt").write_text(pinned)
    install_into(
        folder, ["-r", str(inputs / "wanted.txt"), "-c", str(inputs / "pinned.txt"), "--no-config"], interpreter
    )
