"""Which changes of a bucket a source asks for. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

Change = Literal["created", "removed"]


class Wanted(msgspec.Struct, frozen=True):
    bucket: str
    prefix: str = ""
    suffix: tuple[str, ...] = ()  # one of these; any when it is empty
    on: tuple[Change, ...] = ("created",)

    def has_key(self, key: str) -> bool:
        return key.startswith(self.prefix) and (not self.suffix or key.endswith(self.suffix))

    @property
    def scope(self) -> str:
        """Equal for the same keys."""
        return msgspec.json.encode((self.prefix, sorted(self.suffix))).decode()
