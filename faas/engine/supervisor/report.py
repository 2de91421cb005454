"""What the supervisor tells: to who started it (a pipe), to systemd, to the log, to `engine.json` in the state."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from typing import Any

from faas.engine.supervisor.identity import own_name
from faas.engine.supervisor.listening import Sockets
from faas.engine.supervisor.plan import Plan
from faas.engine.supervisor.processes import start_ticks

_LOG_BYTES = 8 * 1024 * 1024  # of engine.log, with one older file beside it


class Report:
    """`fd`: a pipe's writing end, or None when nobody waits."""

    def __init__(self, fd: int | None, log_path: str) -> None:
        self._fd, self._log_path = fd, log_path
        self._unwritten: tuple[str, dict[str, Any]] | None = None

    def tell(self, document: dict[str, Any]) -> None:
        """One line to whoever waits; nobody waits after the first one."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.write(self._fd, json.dumps(document).encode() + b"\n")
            os.close(self._fd)
            self._fd = None

    def log(self, message: str) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        line = f"{stamp}Z supervisor: {message}\n"
        with contextlib.suppress(OSError):  # a full disk must not end the process that everything else hangs on
            os.write(2, line.encode(errors="replace"))

    def log_tail(self, lines: int = 20) -> str:
        try:
            with open(self._log_path, errors="replace") as file:
                return "".join(file.readlines()[-lines:])
        except OSError:
            return ""

    def write(self, path: str, document: dict[str, Any]) -> None:
        """Of a full disk: as soon as `keep_house` finds room. Until then commands do not find the engine."""
        self._unwritten = path, document
        try:
            write_atomically(path, document)
        except OSError as error:
            self.log(f"cannot write {path}, trying again: {error}")
        else:
            self._unwritten = None

    def keep_house(self) -> None:
        """To be called now and then."""
        self._bound_log()
        if self._unwritten is not None:
            self.write(*self._unwritten)

    def _bound_log(self) -> None:
        """Keep the log small. Everybody appends (O_APPEND), so it can be cut while they write."""
        with contextlib.suppress(OSError):
            if os.path.getsize(self._log_path) > _LOG_BYTES:
                with open(self._log_path, "rb+") as log, open(f"{self._log_path}.1", "wb") as older:
                    while chunk := log.read(1 << 16):
                        older.write(chunk)
                    log.truncate(0)


def describe(plan: Plan, sockets: Sockets, nats_port: int) -> dict[str, Any]:
    """The content of `engine.json`: how to find the engine of a state, and whether it is still the same process."""
    return {
        "pid": os.getpid(),
        "start_ticks": start_ticks(os.getpid()),
        "version": plan.version,
        "started": time.time(),
        "public_url": f"{plan.scheme}://{_url_host(plan.host)}:{sockets.public_port}",
        "api_url": f"https://127.0.0.1:{sockets.api_port}",
        "public_host": plan.host,
        "public_port": sockets.public_port,
        "api_port": sockets.api_port,
        "run_as": plan.run_as or own_name(),
        "runtime_dir": plan.runtime_dir,
        "foreground": plan.foreground,
        "nats": plan.nats_url.rpartition("@")[2].rpartition("//")[2] or f"127.0.0.1:{nats_port}",  # no password
        "own_nats": not plan.nats_url,
        "durability": "" if plan.nats_url else plan.durability,
        "mqtt": f"{plan.mqtt_host}:{plan.mqtt_port}" if plan.mqtt_port else "",
    }


def _url_host(host: str) -> str:
    """An address that a client on this machine can dial."""
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def write_atomically(path: str, document: dict[str, Any], *, ascii: bool = True) -> None:
    part = f"{path}.part"
    with open(part, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        json.dump(document, file, indent=1, ensure_ascii=ascii)
    os.replace(part, path)


def notify_systemd(message: str) -> None:
    """`READY=1` and the like, when a systemd unit of Type=notify started us."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(message.encode(), address.replace("@", "\0", 1))
