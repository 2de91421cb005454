"""From exact versions to a folder, with uv: the same bytes for the same pins."""

from __future__ import annotations

import shutil
from pathlib import Path

from faas_builders.cache import cache_dir, cached, key_of
from faas_builders.deps.interpreter import Interpreter
from faas_builders.deps.uv import Log, run_uv

_FORMAT = "1"  # part of every key: raise it when what is installed from the same pins changes


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
