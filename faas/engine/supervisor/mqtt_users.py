"""Which devices may connect: a file of NAME:PASSWORD lines, as `faas up --mqtt-users` gets it."""

from __future__ import annotations

import os
from typing import NamedTuple

from faas.engine.supervisor.errors import InvalidUsers

OWN_NAMES = "faas-"  # users of the engine's own begin so


class User(NamedTuple):
    name: str
    password: str  # in clear, or its bcrypt hash


def read_users(path: str) -> list[User]:
    """Empty lines and those that begin with # are left out. Raises: InvalidUsers."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidUsers(path, 0, f"it cannot be read: {error}") from error
    users: dict[str, User] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            user = _parse(line, path, number)
            if user.name in users:
                raise InvalidUsers(path, number, f"{user.name!r} is there twice")
            users[user.name] = user
    if not users:
        raise InvalidUsers(path, 0, "it names nobody")
    return list(users.values())


def is_exposed(path: str) -> bool:
    """Whether other users of this machine can read the passwords."""
    return bool(os.stat(path).st_mode & 0o077)


def _parse(line: str, path: str, number: int) -> User:
    name, colon, password = line.partition(":")
    name = name.strip()
    if not colon or not name or not password:
        raise InvalidUsers(path, number, "a line is NAME:PASSWORD, or NAME:HASH with a hash of bcrypt")
    if name.startswith(OWN_NAMES):
        raise InvalidUsers(path, number, f"names that begin with {OWN_NAMES!r} are the engine's own")
    if not line.isprintable():
        raise InvalidUsers(path, number, "it has a character that cannot be printed")
    return User(name, password)
