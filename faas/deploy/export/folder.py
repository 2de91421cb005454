"""Exported files in a folder that is the user's too: only what we wrote is overwritten or removed.

An index in the folder says what we wrote, by digest. A file that is not in it, or is no longer as we wrote it, is
somebody's work.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from faas.deploy.errors import DeployError

INDEX = ".faas-export"
"""JSON, and not called so: `kubectl apply -f FOLDER` and its like take every .json and .yaml for an object."""


class NotOurs(DeployError):
    """Files that somebody else has written or changed stand where exported ones would."""

    def __init__(self, folder: Path, paths: Sequence[str]) -> None:
        super().__init__(
            f"{folder} has files that no export wrote, or that were changed since: {', '.join(paths)}",
            "Move them away, or write over them:  add --force",
        )
        self.folder, self.paths = folder, tuple(paths)


@dataclass(frozen=True, slots=True)
class Written:
    """Paths in the folder, sorted."""

    changed: tuple[str, ...]
    removed: tuple[str, ...]  # ours, and no longer exported
    kept: tuple[str, ...]  # no longer exported either, but changed by somebody


def write_files(folder: Path, files: Mapping[str, str], *, force: bool = False) -> Written:
    """Make the folder hold these files of ours and no other of ours. Nothing is written unless all can be.

    Raises: NotOurs: without `force`.
    """
    ours = _read_index(folder)
    digests = {path: _digest(text.encode()) for path, text in files.items()}
    live = {path: _digest_of(folder, path) for path in {*files, *ours}}
    foreign = sorted(
        path for path in files if live[path] not in ("", digests[path]) and live[path] != ours.get(path)
    )  # fmt: skip
    if foreign and not force:
        raise NotOurs(folder, foreign)
    stale = sorted(path for path in ours if path not in files and live[path])
    removed = [path for path in stale if live[path] == ours[path]]
    changed = sorted(path for path in files if live[path] != digests[path])
    for path in changed:
        _write(folder, path, files[path])
    for path in removed:
        (folder / path).unlink()
        _remove_empty(folder, (folder / path).parent)
    _write(folder, INDEX, json.dumps({"files": dict(sorted(digests.items()))}, indent=1) + "\n")
    return Written(tuple(changed), tuple(removed), tuple(path for path in stale if path not in removed))


def _read_index(folder: Path) -> dict[str, str]:
    """What an earlier export wrote; nothing when there was none, or its index is not ours to read."""
    try:
        files = json.loads((folder / INDEX).read_text(encoding="utf-8"))["files"]
        return {str(path): str(digest) for path, digest in files.items() if _is_inside(str(path))}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path)
    return not parts.is_absolute() and ".." not in parts.parts


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _digest_of(folder: Path, name: str) -> str:
    """ "" when nothing is there; what is no file that we can read, or a link, is nothing that we wrote."""
    if _links(folder, name):
        return "a link"
    try:
        return _digest((folder / name).read_bytes())
    except FileNotFoundError:
        return ""
    except OSError:
        return "unreadable"


def _write(folder: Path, name: str, text: str) -> None:
    """A link in the folder is replaced, never followed: what it leads to is somewhere else."""
    for link in _links(folder, name):
        link.unlink()
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def _links(folder: Path, name: str) -> list[Path]:
    """Those on the way from the folder to a file in it; the folder itself may be one."""
    path = folder / name
    below = [path, *path.parents][: len(PurePosixPath(name).parts)]
    return [each for each in below if each.is_symlink()]


def _remove_empty(folder: Path, inner: Path) -> None:
    while inner != folder and inner.is_dir() and not any(inner.iterdir()):
        inner.rmdir()
        inner = inner.parent
