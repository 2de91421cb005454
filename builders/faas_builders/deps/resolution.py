"""From what a project declares to exact versions, with uv."""

from __future__ import annotations

from pathlib import Path

from faas_builders.cache import cache_dir, key_of, write_atomically
from faas_builders.deps.interpreter import Interpreter
from faas_builders.deps.requirements import OURS, Requirements
from faas_builders.deps.runtime_requirements import extra_requirements
from faas_builders.deps.uv import Log, run_uv

_FORMAT = "1"  # part of every key: raise it when the same declaration comes to give other pins


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
