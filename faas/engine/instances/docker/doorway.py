"""The engine's internal socket inside of containers, so that functions in our images can call and publish.

What is mounted is a folder with a hard link to the socket, not the socket: a mounted file stays the old one when an
engine binds anew, a folder shows what is in it. The container runs as somebody else (65532), who has to be allowed to
connect, and nobody else on this machine may be: the folder is below one that only we can enter, and where the runtime
folder itself is open, because functions run as a user of their own, the socket is that user's group's, which the
container joins.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Any

from faas.engine.contract.settings import EngineSettings

INSIDE = "/var/run/faas/gateway"
_OTHERS = 0o007


@dataclass(frozen=True, slots=True)
class Doorway:
    """Where containers find the gateway."""

    mount: dict[str, Any]
    group: int | None  # that a container has to be in

    @property
    def env(self) -> dict[str, str]:
        return {"FAAS_GATEWAY": f"unix:{INSIDE}/internal.sock"}


def make_doorway(settings: EngineSettings) -> Doorway:
    """Raises: OSError: there is no socket, or its file system has no hard links."""
    private = settings.runtime_dir / "g"
    private.mkdir(mode=0o700, exist_ok=True)
    folder = private / "gateway"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    socket = settings.internal_socket
    is_open = stat.S_IMODE(settings.runtime_dir.stat().st_mode) & _OTHERS
    group = socket.stat().st_gid if is_open else None
    part = folder / ".new"
    part.unlink(missing_ok=True)
    os.link(socket, part)
    socket.chmod(0o660 if group is not None else 0o666)  # of the one socket that has both names
    part.replace(folder / socket.name)
    mount = {"Type": "bind", "Source": str(folder), "Target": INSIDE, "ReadOnly": True}
    return Doorway(mount, group)
