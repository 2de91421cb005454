"""What an image is for: a platform as registries name it, and the Python that its base has."""

from __future__ import annotations

import platform as _machine
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

# Go's names, which OCI uses, for what uname says.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "arm", "AMD64": "amd64"}


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """`linux/amd64`, `linux/arm/v7`. Source: OCI image index, `platform`."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises: ValueError: not OS/ARCHITECTURE[/VARIANT] in lower case."""
        parts = text.strip().split("/")
        if len(parts) not in (2, 3) or not all(part.isalnum() and part == part.lower() for part in parts):
            raise ValueError(f"{text!r} is not a platform: write OS/ARCHITECTURE, as linux/arm64")
        # v8 is the only variant of arm64, and indexes leave it out as often as not.
        return cls(*parts[:2]) if parts[1:] == ["arm64", "v8"] else cls(*parts)

    def pick(self, there: Iterable[Platform]) -> Platform | None:
        """Which of these to take for this one; None for none of them.

        The same, else the first of its processor where one of the two leaves the variant open.
        """
        similar = [other for other in there if (other.os, other.architecture) == (self.os, self.architecture)]
        if self in similar:
            return self
        return next((other for other in similar if not (self.variant and other.variant)), None)

    @classmethod
    def of_this_machine(cls) -> Self:
        """What containers on this machine run: Linux, on its processor."""
        machine = _machine.machine()
        return cls("linux", _ARCHITECTURES.get(machine, machine.lower()))


@dataclass(frozen=True, slots=True)
class Target:
    """The Python that dependencies are installed for."""

    platform: Platform
    python: str  # 3.12 or 3.12.4
    libc: Literal["glibc", "musl"] = "glibc"
    libc_version: tuple[int, int] = (2, 28)
    executable: str = ""  # where it is inside the image: /usr/local/bin/python3.12; "": wherever PATH has it

    @property
    def minor(self) -> str:
        return ".".join(self.python.split(".")[:2])
