"""What the broker remembers across its own restart: the last table, beside the streams that it is about."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import msgspec

from faas.engine.contract.eventing import EventingTable

_log = logging.getLogger("faas.broker")


class Remembered(msgspec.Struct, frozen=True):
    table: EventingTable
    deleted: tuple[tuple[str, str], ...] = ()  # keys and uids of Brokers whose streams are still to go
    left_out: tuple[tuple[str, str], ...] = ()  # of those that exist and are not in the table: their streams stay


def load(path: Path) -> Remembered | None:
    """None when there is nothing that can be read: the engine says it again."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Remembered)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        _log.warning("starting without the last table: %s cannot be read (%s)", path, error)
        return None


def save(path: Path, remembered: Remembered) -> None:
    """Atomic; for this user only: filters and addresses are nobody else's."""
    fresh = path.with_name(path.name + ".new")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(remembered))
        os.replace(fresh, path)
    except OSError as error:
        _log.warning("the table is not saved (%s); a restart of the broker needs the engine", error)
