"""References to images in objects, taken apart as kustomize and Helm's values have them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from faas.client.protocol import Object


@dataclass(frozen=True, slots=True)
class Image:
    """As it is written: nothing is filled in."""

    name: str  # registry.example.org/team/shop
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, reference: str) -> Self:
        rest, _, digest = reference.partition("@")
        path, slash, last = rest.rpartition("/")
        last, _, tag = last.partition(":")  # before the last slash a colon stands in front of a port
        return cls(path + slash + last, tag, digest)

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def containers_of(obj: Mapping[str, Any]) -> Iterator[Object]:
    """Of a Service, or of a source that runs a program."""
    template = (obj.get("spec") or {}).get("template") or {}
    yield from (template.get("spec") or {}).get("containers") or ()


def images_in(obj: Mapping[str, Any]) -> list[str]:
    return [str(container["image"]) for container in containers_of(obj) if "image" in container]
