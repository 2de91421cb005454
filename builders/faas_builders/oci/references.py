"""References to images of this machine: `faas.local/NAME:TAG`, `faas.local/NAME@sha256:HEX`, `dev.local/…`."""

from __future__ import annotations

import re
from dataclasses import dataclass

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
