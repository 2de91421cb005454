"""Whom functions run as: a user of its own where the engine runs as root and was told one."""

from __future__ import annotations

import os
import pwd
from typing import Any

from faas.engine.supervisor.errors import UnknownUser


def resolve_user(name: str, runtime_dir: str) -> dict[str, Any]:
    """`faas.engine.contract.settings.RunAs` as JSON. A user without a home of its own gets an empty one here.

    Raises: UnknownUser.
    """
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise UnknownUser(name) from None
    home = found.pw_dir
    if not os.path.isdir(home) or os.stat(home).st_uid != found.pw_uid:
        home = f"{runtime_dir}/home"
        os.makedirs(home, mode=0o700, exist_ok=True)
        os.chown(home, found.pw_uid, found.pw_gid)
    return {"name": name, "uid": found.pw_uid, "gid": found.pw_gid, "home": home}


def open_way(user: dict[str, Any], state_dir: str, runtime_dir: str) -> None:
    """Let that user reach the images and the socket of cluster-local services, and nothing else of the engine's."""
    os.makedirs(f"{state_dir}/images", mode=0o755, exist_ok=True)
    for entry in os.scandir(state_dir):
        if entry.is_symlink():
            continue
        mode = entry.stat().st_mode & 0o777
        os.chmod(entry.path, mode | 0o055 if entry.name == "images" else mode & 0o700)
    os.close(os.open(f"{state_dir}/state.db", os.O_CREAT | os.O_RDWR, 0o600))  # SQLite gives its journal the same mode
    for folder in (state_dir, runtime_dir):
        os.chmod(folder, 0o711)
    os.chown(f"{runtime_dir}/internal.sock", user["uid"], user["gid"])


def own_name() -> str:
    """Whose this process is."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
