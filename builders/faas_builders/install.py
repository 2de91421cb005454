"""Resolve and install distributions with uv into a plain folder, the same bytes for the same pins."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from faas_builders.cache import cache_dir, cached, key_of, write_atomically
from faas_builders.errors import DependencyError
from faas_builders.interpreter import Interpreter
from faas_builders.requirements import OURS, Requirements
from faas_builders.runtime_requirements import extra_requirements

Log = Callable[[str], None]

_FORMAT = "1"  # part of every key: raise it when what is installed from the same pins changes


def resolve(requirements: Requirements, interpreter: Interpreter, log: Log) -> Path | None:
    """Pin what a project needs; returns a requirements file with versions (and hashes, from a lock), None for nothing.

    The answer is remembered by content, so the same declaration gives the same pins until the cache is deleted; a lock
    file makes that hold everywhere. Raises: DependencyError.
    """
    if requirements.kind == "none" and not requirements.extras:
        return None
    key = key_of(_FORMAT, requirements.key, ",".join(requirements.extras), interpreter.abi)
    pins = cache_dir() / "resolved" / f"{key}.txt"
    if not pins.exists():
        log(f"resolving {requirements.origin} for Python {interpreter.minor}")
        text = (
            _export(requirements, interpreter)
            if requirements.kind == "uv.lock"
            else _compile(requirements, interpreter)
        )
        write_atomically(pins, text.encode(), durable=False)
    return pins if pins.read_text(encoding="utf-8").strip() else None


def install(pins: Path, interpreter: Interpreter, log: Log) -> Path:
    """The folder with everything that `pins` names, for this interpreter. Raises: DependencyError."""
    text = pins.read_bytes()
    target = cache_dir() / "deps" / key_of(_FORMAT, text, interpreter.abi)

    def fill(folder: Path) -> None:
        log(f"installing {text.count(b'==')} distributions")
        install_into(
            folder, ["--no-deps", "-r", str(pins), *(["--require-hashes"] if b"--hash=" in text else [])], interpreter
        )

    return cached(target, fill)


def install_into(folder: Path, arguments: list[str], interpreter: Interpreter, cwd: Path | None = None) -> None:
    """`uv pip install` into `folder`, then take out what differs between two machines or two moments."""
    target = ["pip", "install", "--target", str(folder), "--python", interpreter.base]
    run_uv([*target, "--no-progress", "--compile-bytecode", *arguments], cwd=cwd)
    _normalise(folder)


def run_uv(arguments: list[str], cwd: Path | None = None) -> str:
    """Run uv and return what it printed. Raises: DependencyError: with what uv said."""
    environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    command = [_uv(), *arguments]
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )
    except OSError as error:
        raise DependencyError(f"uv cannot be started: {error}") from error
    if done.returncode:
        output = done.stderr.strip()
        raise DependencyError("the dependencies could not be installed", output, _advice(output))
    return done.stdout


# What would make uv look at somebody else's environment than the one it is told.
_FOREIGN = frozenset(
    {"VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON", "PYTHONPATH"}
)


def _uv() -> str:
    from uv import find_uv_bin

    return os.fspath(find_uv_bin())


def _advice(output: str) -> str:
    if "No solution found" in output:
        return "Change the versions that the project asks for"
    if "dns error" in output or "Failed to fetch" in output or "error sending request" in output:
        return "Check the connection to the package index (UV_INDEX_URL names another), and try again"
    return ""


def _compile(requirements: Requirements, interpreter: Interpreter) -> str:
    """Resolve without a lock. `faas` and its parts are excluded from the whole graph, not only from its first level."""
    extra = cache_dir() / "resolved" / f"extras-{key_of(*requirements.extras)}.in"
    excludes = cache_dir() / "resolved" / "excludes.txt"
    write_atomically(excludes, "\n".join(OURS).encode(), durable=False)
    inputs: list[str] = [] if requirements.kind == "none" else [requirements.kind]
    if requirements.extras:
        write_atomically(extra, "\n".join(extra_requirements(requirements.extras)).encode(), durable=False)
        inputs.append(str(extra))
    arguments = ["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-progress"]
    hashes = ["--generate-hashes"] if requirements.hashed else []
    return run_uv(
        [*arguments, *hashes, "--excludes", str(excludes), "--python", interpreter.base, *inputs],
        cwd=requirements.project,
    )


def _export(requirements: Requirements, interpreter: Interpreter) -> str:
    """Pins and hashes from uv.lock. Pruning ours also takes out what only the toolkit needs."""
    without = [argument for name in OURS for argument in ("--prune", name)]
    fixed = ["--frozen", "--no-dev", "--no-emit-project", "--no-header", "--no-annotate", "--no-progress", "--quiet"]
    text = run_uv(["export", *fixed, *without, "--python", interpreter.base], cwd=requirements.project)
    if requirements.extras:
        bare = Requirements("none", requirements.project, requirements.key, requirements.extras)
        text += _compile(bare, interpreter)
    return text


def _normalise(folder: Path) -> None:
    """Remove and rewrite what installers leave of themselves; files are replaced, they may be links into uv's cache."""
    (folder / ".lock").unlink(missing_ok=True)
    for info in folder.glob("*.dist-info"):
        for name in ("direct_url.json", "uv_cache.json", "uv_build.json", "REQUESTED"):
            (info / name).unlink(missing_ok=True)
        installer = info / "INSTALLER"
        installer.unlink(missing_ok=True)
        installer.write_text("faas\n")
        record = info / "RECORD"
        if record.exists():
            lines = record.read_text(encoding="utf-8").splitlines()
            record.unlink()
            record.write_text("".join(f"{line}\n" for line in sorted(lines) if _belongs(line)), encoding="utf-8")
    scripts = folder / "bin"
    if scripts.is_dir():
        shutil.rmtree(scripts)  # their first lines name this machine's Python


def _belongs(record: str) -> bool:
    path = record.split(",")[0]
    # Hashes of what was rewritten or taken out would be wrong; RECORD itself has none by definition.
    gone = ("direct_url.json", "uv_cache.json", "uv_build.json", "REQUESTED", "INSTALLER")
    return not path.startswith(("..", "bin/")) and "__pycache__" not in path and not path.endswith(gone)
