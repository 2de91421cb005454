"""`bin/build`: the layers, variables and processes of a project with functions."""

from __future__ import annotations

import os
import shutil
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from faas_builders.cnb import toml
from faas_builders.cnb.bill import make_bill
from faas_builders.cnb.environment import Given
from faas_builders.cnb.functions import find_services
from faas_builders.cnb.layers import Layer, LayerKind
from faas_builders.deps.interpreter import Interpreter, inspect
from faas_builders.deps.shipped import fit_for_image
from faas_builders.errors import BuildError
from faas_builders.files import project_files

OWN = ".own"  # in the runtime: what shows only `faas` and `faas_runtime`
PROVIDED = "faas-function"  # in the build plan
_FORMAT = "1"  # part of every key: raise it when the same inputs come to make another layer

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Build:
    given: Given
    python: Interpreter
    log: Log

    def layer(self, name: str, *, launch: bool = False, cache: bool = False) -> Layer:
        return Layer(self.given.layers, name, LayerKind(launch, cache))


def build(given: Given, log: Log) -> None:
    """Write layers, launch.toml and build.toml where the lifecycle looks for them. Raises: BuildError."""
    made = _Build(given, inspect(sys.executable), log)
    log(f"Python {made.python.version} at {sys.executable}")
    _drop_left_out(given.app, log)

    runtime = _runtime(made)
    dependencies = _dependencies(made)
    app = [given.app, given.app / "src"] if _has_source_layout(given.app) else [given.app]
    # Ours before the project's own copy of it, the project before what it needs, that before what we need.
    path = [runtime / OWN, *app, *([dependencies] if dependencies else []), runtime]

    services = _services(given, path, log)
    _make_fit(given.app, log)  # nothing is installed or looked up any more
    _settings(made, path, services)
    _write(given.layers / "launch.toml", _launch(_command(), services))
    if unmet := [{"name": name} for name in _wanted(given.plan) if name != PROVIDED]:
        _write(given.layers / "build.toml", {"unmet": unmet})


def _runtime(build: _Build) -> Path:
    """faas_runtime and what it needs come with the buildpack, for each Python that it knows."""
    packed = build.given.buildpack / "runtime" / build.python.tag
    if not packed.is_dir():
        known = ", ".join(sorted(path.name for path in packed.parent.glob("cpython-*"))) or "none"
        reason = f"this package of the buildpack has no runtime for {build.python.tag} (it has: {known})"
        raise BuildError(reason, "Choose a Python that it knows: BP_CPYTHON_VERSION=3.12")
    key = (packed / ".key").read_text(encoding="utf-8").strip()
    layer = build.layer("runtime", launch=True, cache=True)
    reused = layer.made_once(key, lambda folder: _copy(packed, folder))
    build.log(f"runtime: {'reused' if reused else 'added'}")
    layer.write_sbom(make_bill(layer.name, layer.folder))
    return layer.folder


def _dependencies(build: _Build) -> Path | None:
    """What the project needs, resolved and installed when its declaration or the Python is another than last time."""
    from faas_builders.cache import key_of
    from faas_builders.deps.installation import install
    from faas_builders.deps.requirements import find_requirements
    from faas_builders.deps.resolution import resolve

    layer = build.layer("deps", launch=True, cache=True)
    given = build.given
    wanted = find_requirements(given.app, groups=given.groups, extras=given.extras)
    if wanted.kind == "none" and not wanted.extras:
        layer.clear()
        build.log("dependencies: none")
        return None

    def fill(folder: Path) -> None:
        pins = resolve(wanted, build.python, build.log)
        if pins is not None:
            _copy(install(pins, build.python, build.log), folder)

    reused = layer.made_once(key_of(_FORMAT, wanted.key, ",".join(wanted.extras), build.python.abi), fill)
    build.log(f"dependencies of {wanted.origin}: {'reused' if reused else 'installed'}")
    layer.write_sbom(make_bill(layer.name, layer.folder))
    return layer.folder


def _services(given: Given, path: list[Path], log: Log) -> dict[str, str]:
    """Service -> FAAS_FUNCTION; the one that was asked for needs no name."""
    if given.functions:
        return {"web": given.functions}
    services = find_services(given.app, path)
    for name, functions in services.items():
        log(f"service {name}: {functions}")
    if len(services) > 1:
        log("several services: each is a process of its name; `web` serves what FAAS_FUNCTION says at launch")
    return services


def _settings(build: _Build, path: list[Path], services: Mapping[str, str]) -> None:
    """Variables have a layer of their own: they change with every project, what the others hold does not."""
    layer = build.layer("settings", launch=True)
    layer.clear()
    layer.set_env("PYTHONPATH", ":".join(map(str, path)), "prepend")
    layer.set_env("PYTHONPATH", ":", "delim")
    layer.set_env("PYTHONUNBUFFERED", "1", "default")
    layer.set_env("FAAS_HOST", "0.0.0.0", "default")  # inside a container
    if len(services) == 1:
        layer.set_env("FAAS_FUNCTION", next(iter(services.values())), "default")
    else:
        for name, functions in services.items():
            layer.set_env("FAAS_FUNCTION", functions, "default", process=name)
    for name, value in (build.given.env or {}).items():
        layer.set_env(name, value, "override")
    layer.declare()


def _launch(command: list[str], services: Mapping[str, str]) -> toml.Table:
    """Process `web`, and one of its name for each service where there are several."""
    names = ["web"] if len(services) == 1 else ["web", *(name for name in services if name != "web")]
    processes: list[toml.Table] = [{"type": name, "command": command, "default": name == "web"} for name in names]
    labels: list[toml.Table] = [{"key": "faas.dev/services", "value": ",".join(services)}]
    return {"labels": labels, "processes": processes}


def _command() -> list[str]:
    """By name: the Python of the run image may lie elsewhere, but has to be the same minor."""
    versioned = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    found = shutil.which(versioned)
    same = found is not None and os.path.realpath(found) == os.path.realpath(sys.executable)
    # -P: what lies in the working directory is found through PYTHONPATH alone, behind faas_runtime itself.
    return [versioned if same else sys.executable, "-P", "-m", "faas_runtime"]


def _drop_left_out(app: Path, log: Log) -> None:
    """Take out of the app what is in no image: VCS folders, .env and the like, and what .faasignore names.

    .gitignore has no say: what it names may have been made by a buildpack before this one.
    """
    kept = {file.path for file in project_files(app, (".faasignore",))}
    dropped = 0
    for where, folders, files in os.walk(app, topdown=False):
        for name in (*files, *(name for name in folders if os.path.islink(os.path.join(where, name)))):
            path = os.path.join(where, name)
            if os.path.relpath(path, app) not in kept:
                os.unlink(path)
                dropped += 1
        if where != str(app) and not os.listdir(where):
            os.rmdir(where)
    if dropped:
        log(f"left out {dropped} files (.faasignore, version control, environments, secrets)")


def _make_fit(app: Path, log: Log) -> None:
    files = project_files(app, (".faasignore",))
    fit = {file.path: file.source for file in fit_for_image(files)}
    for file in files:
        if file.path not in fit:
            file.source.unlink()
            log(f"left out {file.path}: an address in it has credentials")
        elif fit[file.path] != file.source:
            file.source.write_bytes(fit[file.path].read_bytes())


def _has_source_layout(app: Path) -> bool:
    return (app / "src").is_dir() and not (app / "src" / "__init__.py").exists()


def _wanted(plan: Path) -> list[str]:
    try:
        entries = tomllib.loads(plan.read_text(encoding="utf-8")).get("entries", [])
    except FileNotFoundError:
        return []
    return [str(entry.get("name", "")) for entry in entries]


def _copy(source: Path, folder: Path) -> None:
    shutil.copytree(source, folder, symlinks=True, dirs_exist_ok=True)


def _write(path: Path, table: toml.Table) -> None:
    path.write_text(toml.dumps(table), encoding="utf-8")
