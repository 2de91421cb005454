"""What is sent to the engine with a Dockerfile: an archive of files that were chosen here."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from faas_builders.errors import NoSpace, ProjectFileError
from faas_builders.files import ProjectFile, project_files

DOCKERFILE = ".faas.Dockerfile"
"""Its name in the context: a project's own file may be left out by .dockerignore, or lie outside."""

# The project's has been applied already; this one keeps from `COPY . .` what only builds.
_DOCKERIGNORE = f".dockerignore\n{DOCKERFILE}\n"


@dataclass(frozen=True, slots=True)
class Context:
    dockerfile: str  # the text
    files: tuple[ProjectFile, ...]
    texts: tuple[tuple[str, str], ...] = ()  # path -> content


@contextlib.contextmanager
def packed(context: Context) -> Iterator[IO[bytes]]:
    """The context as an archive on disk; nothing in it depends on when it was made."""
    with tempfile.TemporaryFile(prefix="faas-context-") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            own = ((DOCKERFILE, context.dockerfile), (".dockerignore", _DOCKERIGNORE))
            for path, text in (*own, *context.texts):
                _add(tar, path, text.encode(), executable=False)
            for entry in context.files:
                if entry.path == ".dockerignore":
                    continue
                if entry.link:
                    info = _info(entry.path, 0o777)
                    info.type, info.linkname = tarfile.SYMTYPE, entry.link
                    tar.addfile(info)
                else:
                    _copy(tar, entry)
        file.seek(0)
        yield file


def files_for(dockerfile: Path, project: Path) -> tuple[ProjectFile, ...]:
    """The project as its own Dockerfile may copy from it: all but .dockerignore's, .faasignore's and NEVER's.

    .gitignore has no say, since what a Dockerfile copies is often made by another build.
    """
    from docker.utils.build import PatternMatcher

    matcher = PatternMatcher(_patterns(dockerfile, project))
    found = project_files(project, (".faasignore",))
    # The SDK annotates PathLike, which its own code then splits as text.
    return tuple(file for file in found if not matcher.matches(file.path))  # type: ignore[arg-type]


def below(prefix: str, files: Iterable[ProjectFile]) -> tuple[ProjectFile, ...]:
    return tuple(ProjectFile(f"{prefix}/{file.path}", file.source, file.executable, file.link) for file in files)


def folder(root: Path) -> tuple[ProjectFile, ...]:
    """All of a folder that was made here, bytecode too."""
    found = []
    for where, folders, names in os.walk(root):
        for name in (*names, *(name for name in folders if os.path.islink(os.path.join(where, name)))):
            path = Path(where, name)
            link = os.readlink(path) if path.is_symlink() else ""
            executable = not link and bool(path.stat().st_mode & stat.S_IXUSR)
            found.append(ProjectFile(path.relative_to(root).as_posix(), path, executable, link))
    return tuple(sorted(found, key=lambda file: file.path))


def _patterns(dockerfile: Path, project: Path) -> list[str]:
    """`NAME.dockerignore` beside the Dockerfile, else the project's .dockerignore. Source: docker build, "Filename"."""
    for path in (dockerfile.with_name(f"{dockerfile.name}.dockerignore"), project / ".dockerignore"):
        try:
            lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        except FileNotFoundError:
            continue
        return [line for line in lines if line and not line.startswith("#")]
    return []


def _copy(tar: tarfile.TarFile, entry: ProjectFile) -> None:
    info = _info(entry.path, 0o755 if entry.executable else 0o644)
    try:
        with open(entry.source, "rb", opener=_open_file) as file:
            info.size = os.fstat(file.fileno()).st_size  # of what is read, piece by piece; it may be a large model
            tar.addfile(info, file)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(tempfile.gettempdir()) from error
        raise ProjectFileError(entry.source, f"this file cannot be read: {error.strerror or error}") from error


def _open_file(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)  # it was no link when the folder was read


def _add(tar: tarfile.TarFile, path: str, data: bytes, executable: bool) -> None:
    info = _info(path, 0o755 if executable else 0o644)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _info(path: str, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.mode, info.mtime, info.uid, info.gid = mode, 0, 0, 0
    return info
