"""The control socket's framing, the same at both ends: one JSON message a line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class MessageReader(Generic[T]):
    """Cuts what arrives into messages; one that cannot be decoded is told to the log and left out.

    The other end may be of another version after an upgrade: what it says in words of its own must not end the
    connection.
    """

    def __init__(self, decoder: msgspec.json.Decoder[T], log: logging.Logger, complaint: str) -> None:
        self._decoder = decoder
        self._log = log
        self._complaint = complaint
        self._partial = bytearray()

    @property
    def pending_bytes(self) -> int:
        """What has arrived of a message that is not whole yet."""
        return len(self._partial)

    def feed(self, data: bytes) -> Iterator[T]:
        self._partial += data
        if b"\n" not in data:
            return
        *lines, rest = bytes(self._partial).split(b"\n")
        self._partial = bytearray(rest)
        for line in lines:
            try:
                message = self._decoder.decode(line)
            except msgspec.MsgspecError as error:
                self._log.warning("%s: %s", self._complaint, error)
                continue
            yield message
