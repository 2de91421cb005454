"""What an engine and its zygotes say to each other: one JSON document a packet, over a Unix SOCK_SEQPACKET socket.

    engine ── NewMember + [control, stdout, stderr] ──> root zygote        one per interpreter and runtime layer
           <── Exited ──                                                   a member that became an instance has ended
    engine ── Spawn + [listener, stdout, stderr, ready] ──> member         one per Revision; imports the function first
           <── Imported, Forked, Exited ──

The packet's file descriptors travel beside it (SCM_RIGHTS). Whoever sees its control socket close, ends: the engine is
gone. Instances have no control socket; they go on, and the next engine finds them by their records.
"""

from __future__ import annotations

import array
import socket
from typing import Final

import msgspec

MAX_PACKET: Final = 1 << 20  # an environment may be large; above it sendmsg says EMSGSIZE
MAX_FDS: Final = 8
# How an engine starts a root zygote: `python -I -S -c BOOTSTRAP RUNTIME_LAYER CONTROL_FD [LIFELINE_FD]`.
# It is here so that the engine need not import what a zygote does.
BOOTSTRAP: Final = (
    "import sys; sys.path.append(sys.argv[1]); import faas_runtime.serving.zygote as zygote; "
    "zygote.main(*map(int, sys.argv[2:]))"
)
READY: Final = b"ready\n"  # what an instance writes to its `ready` pipe once it accepts requests


class User(msgspec.Struct, frozen=True):
    """Whom a root's engine has functions run as."""

    name: str
    uid: int
    gid: int


class NewMember(msgspec.Struct, frozen=True, tag="new-member"):
    """Fork a process for this function: it sets itself up, imports, answers `Imported`, and waits for `Spawn`."""

    id: str
    function: str  # module:name
    app_paths: tuple[str, ...]  # before the standard library, as the script's folder is
    layers: tuple[str, ...]  # after it, as site-packages are; their .pth files count
    workdir: str
    env: dict[str, str]
    snapshot: bool = True  # False: never fork after the import
    user: User | None = None  # None: whoever the zygote is


class Spawn(msgspec.Struct, frozen=True, tag="spawn"):
    """Make an instance: by a fork where the import allowed it, otherwise this process becomes the instance."""

    id: str
    env: dict[str, str]
    timeout_s: float = 300.0


class Imported(msgspec.Struct, frozen=True, tag="imported"):
    """The function is loaded. With `refusal`, only one instance can be had of this member: it will not fork."""

    pid: int
    refusal: str = ""
    took_s: float = 0.0


class Forked(msgspec.Struct, frozen=True, tag="forked"):
    id: str
    pid: int


class Exited(msgspec.Struct, frozen=True, tag="exited"):
    """A child was reaped; `status` is as waitpid has it."""

    id: str
    pid: int
    status: int


ToZygote = NewMember | Spawn
FromZygote = Imported | Forked | Exited

_encoder = msgspec.json.Encoder()
_to_zygote = msgspec.json.Decoder(ToZygote)
_from_zygote = msgspec.json.Decoder(FromZygote)


class Channel:
    """One end of a control socket. Not blocking by default; who wants to wait polls `fileno()`."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, MAX_PACKET)

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self, message: ToZygote | FromZygote, fds: tuple[int, ...] = ()) -> None:
        """Raises: OSError: the other side is gone, or does not read."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([_encoder.encode(message)], rights, socket.MSG_NOSIGNAL)

    def receive_order(self) -> tuple[ToZygote, list[int]] | None:
        """The next order and its descriptors (close-on-exec; the caller's to close); None: the engine is gone."""
        data, fds = self._receive()
        return (_to_zygote.decode(data), fds) if data else None

    def receive_report(self) -> FromZygote | None:
        """Raises: BlockingIOError."""
        data, _ = self._receive()
        return _from_zygote.decode(data) if data else None

    def _receive(self) -> tuple[bytes, list[int]]:
        space = socket.CMSG_SPACE(MAX_FDS * array.array("i").itemsize)
        try:
            data, ancillary, _, _ = self.socket.recvmsg(MAX_PACKET, space, socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:  # closed with something unread
            return b"", []
        fds = array.array("i")
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
        return data, list(fds)

    def close(self) -> None:
        self.socket.close()


def channel_pair() -> tuple[Channel, socket.socket]:
    """The caller's end, and the one to give away."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    return Channel(ours), theirs
