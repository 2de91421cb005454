"""The files of an image as its layers leave them on top of each other, without unpacking them.

Source: OCI image layer filesystem changeset (whiteouts, opaque folders, replaced entries).
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from faas_builders.errors import ArchiveError

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_LINKS = 40  # what Linux follows before it says ELOOP

Wanted = Callable[[str], int | None]
"""How many bytes of a file to keep; None: not even that it is there. Symbolic links are always kept."""


@dataclass(frozen=True, slots=True)
class Node:
    """A file, or a symbolic link. Folders are not kept: what lies in them is."""

    layer: int
    link: str = ""
    head: bytes = b""  # as much of the content as was wanted


class Filesystem:
    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._nodes: dict[str, Node] = {}
        self._folders: set[str] = set()  # above nodes; some may be empty by now
        self._layers = 0

    def add_layer(self, layer: IO[bytes]) -> None:
        """Lay another layer on top; `layer` is its tar.

        Raises: tarfile.TarError, EOFError, OSError: it is broken; ArchiveError: an entry leads out of the image.
        """
        number = self._layers
        self._layers += 1
        # "r|": forward only, and nothing of the members is held in memory.
        with tarfile.open(fileobj=layer, mode="r|", errors="surrogateescape") as tar:
            for member in tar:
                tar.members.clear()  # type: ignore[attr-defined]  # it remembers each, for seeking that cannot happen
                self._add(tar, member, number)

    def paths(self) -> list[str]:
        return sorted(self._nodes)

    def find(self, path: str) -> tuple[str, Node] | None:
        """The file that `path` leads to, through symbolic links, with its real path; None when there is none kept."""
        todo = [part for part in reversed(path.split("/")) if part and part != "."]
        real, followed = "", 0
        while todo:
            part = todo.pop()
            if part == "..":
                real = posixpath.dirname(real)
                continue
            candidate = posixpath.join(real, part)
            node = self._nodes.get(candidate)
            if node is None or not node.link:
                real = candidate
                continue
            followed += 1
            if followed > _LINKS:
                return None
            if node.link.startswith("/"):
                real = ""
            todo += [part for part in reversed(node.link.split("/")) if part and part != "."]
        node = self._nodes.get(real)
        return (real, node) if node is not None else None

    def _add(self, tar: tarfile.TarFile, member: tarfile.TarInfo, number: int) -> None:
        if posixpath.normpath(member.name).split("/")[0] == "..":
            raise ArchiveError(f"{member.name[:200]} leads out of the image")  # as Docker would say of it
        path = posixpath.normpath("/" + member.name).lstrip("/")
        folder, name = posixpath.split(path)
        if name == _OPAQUE:
            self._remove_below(folder, number)
        elif name.startswith(_WHITEOUT):
            self._remove(posixpath.join(folder, name.removeprefix(_WHITEOUT)), number)
        elif member.isdir():
            self._nodes.pop(path, None)  # what was no folder is one now
        else:
            self._remove(path, number)
            node = self._node(tar, member, path, number)
            if node is not None:
                self._nodes[path] = node
                while folder and folder not in self._folders:
                    self._folders.add(folder)
                    folder = posixpath.dirname(folder)

    def _node(self, tar: tarfile.TarFile, member: tarfile.TarInfo, path: str, number: int) -> Node | None:
        if member.issym():
            return Node(number, link=member.linkname)
        size = self._wanted(path)
        if size is None:
            return None
        if member.islnk():
            original = self._nodes.get(posixpath.normpath("/" + member.linkname).lstrip("/"))
            return Node(number, original.link, original.head) if original else Node(number)
        content = tar.extractfile(member) if member.isfile() else None
        return Node(number, head=content.read(size) if content else b"")

    def _remove(self, path: str, number: int) -> None:
        """A whiteout, or another entry, hides what lower layers have at `path`; never what its own layer has."""
        node = self._nodes.get(path)
        if node is not None and node.layer < number:
            del self._nodes[path]
        self._remove_below(path, number)

    def _remove_below(self, folder: str, number: int) -> None:
        if folder and folder not in self._folders:
            return
        below = folder + "/" if folder else ""
        for path in [path for path, node in self._nodes.items() if path.startswith(below) and node.layer < number]:
            del self._nodes[path]
