"""The folders that one engine owns: its state, by a lock, and the short one for sockets, by user and mode."""

from __future__ import annotations

import fcntl
import os
import stat
import time

from faas.engine.supervisor.errors import StateInUse, UnsafeRuntime

_LOCK_PATIENCE_S = 3.0  # an engine that was just killed may hold the lock until the kernel has buried it


def lock_state(state_dir: str, pid: int, *, patience_s: float = _LOCK_PATIENCE_S) -> int:
    """Take the state directory for this process until it ends, and write its pid into the lock.

    Returns: the descriptor that holds the lock; a child that inherits it holds the lock too.
    Raises: StateInUse: another engine has it.
    """
    os.makedirs(state_dir, mode=0o700, exist_ok=True)
    fd = os.open(f"{state_dir}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            owner = int(os.pread(fd, 32, 0) or b"0")
            if os.path.exists(f"/proc/{owner}") or time.monotonic() > deadline:
                os.close(fd)
                raise StateInUse(state_dir, owner) from None
            time.sleep(0.02)
    os.ftruncate(fd, 0)
    os.pwrite(fd, str(pid).encode(), 0)
    return fd


def claim_runtime_dir(path: str) -> None:
    """Make the folder for sockets, or check that the one that is there is ours and nobody else can enter it.

    Raises: UnsafeRuntime: in a shared /tmp somebody else was there first.
    """
    if len(path) > 60:
        raise UnsafeRuntime(f"the folder for sockets has too long a name ({len(path)} bytes, at most 60): {path}")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        found = os.lstat(path)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise UnsafeRuntime(f"{path} belongs to uid {found.st_uid}, not to uid {os.getuid()}") from None
        os.chmod(path, 0o700)
