"""References to images of this machine: `faas.local/NAME:TAG`, `faas.local/NAME@sha256:HEX`, `dev.local/…`.

`split` and `by_digest` are for references of any registry, cut where somebody wrote them and not checked;
`faas_builders.registry.names` has those that are read as Docker reads them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from faas_builders.errors import BuilderError

HOST = "faas.local"
DEV = "dev.local"

_REFERENCE = re.compile(
    r"(?P<registry>faas\.local|dev\.local)/(?P<name>[a-z0-9]+(?:[._-]+[a-z0-9]+)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True, slots=True)
class Reference:
    registry: str
    name: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        return f"{self.registry}/{self.name}" + (f"@{self.digest}" if self.digest else f":{self.tag or 'latest'}")

    @property
    def tagged(self) -> str:
        return f"{self.registry}/{self.name}:{self.tag or 'latest'}"

    def with_digest(self, digest: str) -> Self:
        """The same name, by digest alone."""
        return replace(self, tag="", digest=digest)


def check(reference: Reference) -> Reference:
    """The reference, if others can write it. Raises: BuilderError: a name or a tag that no image can have."""
    if parse(reference.tagged) is None:
        raise BuilderError(
            f"no image can be called {reference.tagged[:300]}",
            "A name has lower case letters, digits, and . _ - between them; a tag has at most 128 characters",
        )
    return reference


def parse(text: str) -> Reference | None:
    """The parts of a reference to an image of this machine; None for any other registry's."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        return None
    return Reference(match["registry"], match["name"], match["tag"] or "", match["digest"] or "")


class Written(NamedTuple):
    """A reference in its parts; what was not written is empty."""

    repository: str  # docker.io/library/python
    tag: str
    digest: str


def split(reference: str) -> Written:
    named, _, digest = reference.partition("@")
    folder, slash, last = named.rpartition("/")
    name, _, tag = last.partition(":")  # a colon before the last slash is that of a port
    return Written(folder + slash + name, tag, digest)


def by_digest(reference: str, digest: str, *, keep_tag: bool = False) -> str:
    """The reference with that digest in place of its own, and of its tag: docker.io/library/python@sha256:HEX."""
    written = split(reference)
    tag = f":{written.tag}" if keep_tag and written.tag else ""
    return f"{written.repository}{tag}@{digest}"
