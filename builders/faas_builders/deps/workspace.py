"""uv's workspaces: several projects with one lock, of which an image gets one and what it needs of the others."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from faas_builders.deps.names import canonical
from faas_builders.deps.pyproject import declared_by, read_pyproject


def workspace_root(project: Path) -> Path | None:
    """The folder above whose pyproject.toml counts `project` among its members. Raises: ProjectFileError."""
    folder = project.resolve()
    for parent in folder.parents:
        if (parent / "pyproject.toml").is_file() and (table := _workspace(parent)):
            path = folder.relative_to(parent).as_posix()
            return parent if _names(table, "members", path) and not _names(table, "exclude", path) else None
    return None


def lock_folder(project: Path) -> Path | None:
    """Where the uv.lock of a project is: beside it, or at the root of its workspace."""
    if (project / "uv.lock").is_file():
        return project
    root = workspace_root(project)
    return root if root is not None and (root / "uv.lock").is_file() else None


def members(project: Path, names: Iterable[str]) -> list[Path]:
    """The folders of the members with these names, for a project of a workspace."""
    wanted = {canonical(name) for name in names}
    root = workspace_root(project) if wanted else None
    if root is None:
        return []
    patterns = [str(pattern) for pattern in _list(_workspace(root), "members")]
    folders = sorted({folder for pattern in patterns for folder in root.glob(pattern) if folder.is_dir()})
    return [folder for folder in folders if declared_by(folder).name in wanted]


def _workspace(folder: Path) -> dict[str, Any]:
    tool = read_pyproject(folder).get("tool", {})
    table = tool.get("uv", {}).get("workspace", {}) if isinstance(tool, dict) else {}
    return table if isinstance(table, dict) else {}


def _names(table: dict[str, Any], key: str, path: str) -> bool:
    return any(PurePosixPath(path).match(str(pattern).rstrip("/")) for pattern in _list(table, key))


def _list(table: dict[str, Any], key: str) -> list[Any]:
    value = table.get(key, [])
    return value if isinstance(value, list) else []
