"""Where the sources of an image come from, when git knows it for sure."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

REVISION, SOURCE = "org.opencontainers.image.revision", "org.opencontainers.image.source"

# A repository's own settings may name programs to run; and reading must not wait for, or make, its lock.
_QUIET = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks")
_TIMEOUT_S = 10.0  # a status of a big repository on a cold disk; the annotations are not worth more


def describe_sources(project: Path) -> dict[str, str]:
    """Annotations for the last commit that changed the project's folder, and for where its repository is.

    {} when something is not committed, or there is no repository. The commit is the folder's, not the repository's:
    work elsewhere in it makes no other image.
    """
    if not any((folder / ".git").exists() for folder in (project, *project.resolve().parents)):
        return {}
    asked = [
        _start(project, "status", "--porcelain", "--", "."),
        _start(project, "log", "-1", "--format=%H", "--", "."),
        _start(project, "remote", "get-url", "origin"),
    ]
    changes, commit, remote = (_answer(process) for process in asked)
    if changes is None or changes or not commit:
        return {}
    found = {REVISION: commit}
    if address := public_address(remote or ""):
        found[SOURCE] = address
    return found


def public_address(remote: str) -> str:
    """The address of a repository without the password that may be in it; "" for a folder of this machine."""
    if re.fullmatch(r"(?:https?|ssh|git)://\S+", remote):
        return re.sub(r"^(https?|git)://[^/@]*@", r"\1://", re.sub(r"^(ssh://[^/:@]*):[^/@]*@", r"\1@", remote))
    return remote if re.fullmatch(r"[\w.-]+@[\w.-]+:\S+", remote) else ""


def _start(project: Path, *arguments: str) -> subprocess.Popen[str] | None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        return subprocess.Popen(
            [*_QUIET, "-C", str(project), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env={**environment, "GIT_TERMINAL_PROMPT": "0"},
        )
    except OSError:
        return None


def _answer(process: subprocess.Popen[str] | None) -> str | None:
    if process is None:
        return None
    try:
        said, _ = process.communicate(timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    return said.strip() if process.returncode == 0 else None
