"""References to images of a registry, read as Docker reads them: `python:3.12-slim` is docker.io's library/python."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Self

from faas_builders.errors import ImageNameError

DOCKER_HUB = "docker.io"
_HUB_ALIASES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_HUB_API = "registry-1.docker.io"  # docker.io itself serves web pages
_LONGEST_REPOSITORY = 255  # Docker's limit; most registries have the same

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_IMAGE_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ImageName:
    """An image of a registry, whole: nothing is left to defaults. `str` gives what `parse` reads back as the same."""

    registry: str  # docker.io, ghcr.io, localhost:5000
    repository: str  # library/python
    tag: str = ""  # both may be there: then the digest counts
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises: ImageNameError: what is wrong with it."""
        rest, at, digest = text.partition("@")
        if at and not _DIGEST.fullmatch(digest):
            raise ImageNameError(text, f"{digest!r} is not a digest", "Write it as sha256: and 64 hex digits.")
        registry, path = _split_registry(rest)
        # Only behind the last slash: before it a colon stands in front of a port.
        last = path.rpartition("/")[2]
        _, colon, tag = last.partition(":")
        if colon:
            path = path[: -len(tag) - 1]
            if not _TAG.fullmatch(tag):
                hint = "A tag has letters, digits, '_', '.' and '-', 128 at most, and begins with none of '.' and '-'."
                raise ImageNameError(text, f"{tag!r} is not a tag", hint)
        _check_registry(text, registry)
        _check_repository(text, path)
        if registry in _HUB_ALIASES:
            registry = DOCKER_HUB
            if "/" not in path:
                if _IMAGE_ID.fullmatch(path):
                    raise ImageNameError(text, "64 hex digits are the id of an image, not its name")
                path = f"library/{path}"
        if len(path) > _LONGEST_REPOSITORY:
            raise ImageNameError(text, f"its repository has {len(path)} characters, {_LONGEST_REPOSITORY} at most")
        return cls(registry, path, tag or ("" if digest else "latest"), digest)

    @property
    def host(self) -> str:
        """Who answers for the registry: host, or host:port."""
        return _HUB_API if self.registry == DOCKER_HUB else self.registry

    @property
    def reference(self) -> str:
        """What manifests are asked for by: the digest, else the tag."""
        return self.digest or self.tag

    def with_digest(self, digest: str) -> Self:
        """The same repository, by digest alone."""
        return replace(self, tag="", digest=digest)

    def __str__(self) -> str:
        tag, digest = f":{self.tag}" if self.tag else "", f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


def registry_of(host: str) -> str:
    """What users call the registry that answers at `host`."""
    return DOCKER_HUB if host in _HUB_ALIASES else host


def _split_registry(text: str) -> tuple[str, str]:
    # A first part without a dot, a port or an upper case letter cannot be told from the name of a user of Docker Hub.
    first, slash, rest = text.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return first, rest
    return DOCKER_HUB, text


def _check_registry(text: str, registry: str) -> None:
    if not _HOST.fullmatch(registry):
        scheme = text.partition("://")[0] if "://" in text else ""
        hint = f"Leave out {scheme}://." if scheme else "Write HOST/REPOSITORY or HOST:PORT/REPOSITORY."
        raise ImageNameError(text, f"{registry!r} is not the host of a registry", hint)


def _check_repository(text: str, path: str) -> None:
    if not path:
        raise ImageNameError(text, "it names no repository", "Write it as python:3.12-slim or ghcr.io/me/shop:1.0.")
    for component in path.split("/"):
        if not _COMPONENT.fullmatch(component):
            hint = "Its parts have lower case letters and digits, with single '.', '_', '__' or '-' between them."
            raise ImageNameError(text, f"{component!r} cannot be part of a repository's name", hint)
