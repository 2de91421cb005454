"""Which files of a project belong into its image."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from faas_builders.errors import ProjectFileError
from faas_builders.exported import is_image_archive, is_layout, manifests_in

NEVER = (
    # version control, environments, caches
    ".git", ".hg", ".svn", ".venv", "venv", "__pycache__", "*.py[co]", "*.egg-info", "node_modules", ".tox", ".nox",
    ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".ipynb_checkpoints", ".idea", ".vscode", ".DS_Store",
    # secrets
    ".env", ".env.*", ".envrc", ".netrc", ".pypirc", ".git-credentials", ".ssh", ".aws", ".azure", ".docker", ".gnupg",
    ".kube", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "kubeconfig", "*.kubeconfig", "*.p12", "*.pfx", "*.ppk",
    # what steers this choice
    ".gitignore", ".faasignore",
)  # fmt: skip
"""Patterns that no ignore file can bring back. A .pem or .key is looked into: certificates may go, private keys not."""

IGNORE_FILES = (".gitignore", ".faasignore")

_NEVER = GitIgnoreSpec.from_lines(NEVER)


@dataclass(frozen=True, slots=True)
class ProjectFile:
    path: str  # relative, with slashes
    source: Path
    executable: bool = False
    link: str = ""  # the target, for a symbolic link


@dataclass(frozen=True, slots=True)
class _Rules:
    base: str  # the folder the patterns are relative to, absolute, with a trailing slash
    spec: GitIgnoreSpec


def project_files(root: Path, ignore_files: tuple[str, ...] = IGNORE_FILES) -> list[ProjectFile]:
    """The files to ship, sorted by path: all but NEVER and what the `ignore_files` leave out.

    Images and exported manifests that were written into the project are left out, too, unless an ignore file names
    them with `!`: each build would hold the one before, and the digest that manifests name would change with them.
    The last of `ignore_files` has the last word over those before it, a deeper file over a shallower one.
    Raises: ProjectFileError: a symbolic link that leaves the project, a name that is not UTF-8.
    """
    root = Path(os.path.realpath(root))
    above = _rules_above(root) if ".gitignore" in ignore_files else ()
    return sorted(_walk(root, str(root), above, frozenset(), ignore_files), key=lambda file: file.path)


def content_hash(files: list[ProjectFile]) -> str:
    """64 hex digits over names, modes and contents; what changes no byte of them does not change it.

    Raises: ProjectFileError: one cannot be read.
    """
    digest = hashlib.sha256()
    for file in files:
        content = file.link.encode() if file.link else _digest(file.source)
        digest.update(f"{file.path}\0{file.executable:d}{bool(file.link):d}\0".encode())
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def _digest(path: Path) -> bytes:
    digest = hashlib.sha256()
    try:
        with open(path, "rb", buffering=0) as file:
            while piece := file.read(_PIECE):  # a model of some gigabytes may be among them
                digest.update(piece)
    except OSError as error:
        raise ProjectFileError(path, f"this file cannot be read: {error.strerror}", _LEAVE_OUT) from error
    return digest.digest()


_PIECE = 1 << 18  # bytes; most files are read at once
_LEAVE_OUT = "Make it readable, or name it in .faasignore"


def _walk(
    root: Path, folder: str, rules: tuple[_Rules, ...], exported: frozenset[str], ignore_files: tuple[str, ...]
) -> Iterator[ProjectFile]:
    rules = (*rules, *_rules_in(folder, ignore_files))
    exported |= manifests_in(folder)
    with os.scandir(folder) as entries:
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            left_out = _is_left_out(str(root), entry.path, is_folder, rules)
            if left_out or (left_out is None and (entry.path in exported or _is_image(entry, is_folder))):
                continue
            if not entry.name.isprintable():
                _check_name(entry.path)
            if is_folder:
                if not os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):  # a virtual environment by any name
                    yield from _walk(root, entry.path, rules, exported, ignore_files)
            elif entry.is_symlink():
                yield _link(root, entry.path)
            elif entry.is_file(follow_symlinks=False):
                if entry.name.lower().endswith(_KEYS) and _is_private_key(entry.path):
                    continue
                executable = bool(entry.stat(follow_symlinks=False).st_mode & stat.S_IXUSR)
                yield ProjectFile(_relative(root, entry.path), Path(entry.path), executable)


def _is_image(entry: os.DirEntry[str], is_folder: bool) -> bool:
    if is_folder:
        return is_layout(entry.path)
    if not entry.is_file(follow_symlinks=False):
        return False
    return is_image_archive(entry.path, entry.stat(follow_symlinks=False).st_size)


def _is_private_key(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return b"PRIVATE KEY-----" in file.read(_KEY_BYTES)
    except OSError:
        return False  # whoever reads it for the image says so


_KEYS = (".pem", ".key")
_KEY_BYTES = 64 << 10  # a certificate with its whole chain may come before the key


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise ProjectFileError(
            os.fsencode(path).decode(errors="backslashreplace"),
            "this name is not UTF-8, and no image can have it",
            hint="rename it, or name it in .faasignore",
        ) from None


def _link(root: Path, path: str) -> ProjectFile:
    target = os.readlink(path)
    inside = os.path.realpath(path)
    if os.path.isabs(target) or not (inside + "/").startswith(str(root) + "/"):
        raise ProjectFileError(
            path,
            f"this symbolic link leaves the project (it points to {target})",
            "Replace it by a copy, or name it in .faasignore",
        )
    return ProjectFile(_relative(root, path), Path(path), link=target)


def _is_left_out(root: str, path: str, is_folder: bool, rules: tuple[_Rules, ...]) -> bool | None:
    """None: no rule says anything of it."""
    tail = "/" if is_folder else ""
    if _NEVER.match_file(path[len(root) + 1 :] + tail):
        return True
    left_out = None
    for rule in rules:
        verdict = rule.spec.check_file(path[len(rule.base) :] + tail).include
        if verdict is not None:
            left_out = verdict
    return left_out


def _rules_above(root: Path) -> tuple[_Rules, ...]:
    """Ignore files of the folders above, up to the repository that the project is a part of, outermost first."""
    above: list[Path] = []
    if not (root / ".git").exists():
        for parent in root.parents:
            above.append(parent)
            if (parent / ".git").exists():
                return tuple(rule for folder in reversed(above) for rule in _rules_in(str(folder), (".gitignore",)))
    return ()


def _rules_in(folder: str, names: tuple[str, ...]) -> tuple[_Rules, ...]:
    found = []
    for name in names:
        path = os.path.join(folder, name)
        try:
            # Names of files are bytes, and so are patterns.
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                lines = file.read().split("\n")
        except (FileNotFoundError, IsADirectoryError):  # git ignores such a folder, too
            continue
        except OSError as error:
            raise ProjectFileError(path, f"this file cannot be read: {error.strerror}", "Make it readable") from error
        try:
            found.append(_Rules(folder.rstrip("/") + "/", GitIgnoreSpec.from_lines(lines)))
        except ValueError as error:
            raise ProjectFileError(path, f"not a list of patterns: {error}", "Correct that line") from error
    return tuple(found)


def _relative(root: Path, path: str) -> str:
    return path[len(str(root)) + 1 :].replace(os.sep, "/")
