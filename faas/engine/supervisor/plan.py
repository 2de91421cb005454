"""What the supervisor is asked to run: one JSON document, from the command that starts it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple


class Plan(NamedTuple):
    """A NamedTuple, not a dataclass: the supervisor stays 1.5 MB smaller without `dataclasses` and `inspect`."""

    state_dir: str  # absolute
    runtime_dir: str  # absolute and short: a Unix socket's path has 107 bytes
    version: str
    host: str = "127.0.0.1"
    port: int = 8080  # 0: any free one
    api_port: int = 0  # 0: the one this state had before, else a free one
    foreground: bool = False  # everything ends with the process that started the supervisor
    ephemeral: bool = False  # the state directory is removed at the end
    zygote_budget_bytes: int = 512 * 1024 * 1024
    tls_cert: str = ""
    tls_key: str = ""
    run_as: str = ""  # the user whose functions are, where the engine is root; "": the engine's own
    shared_certificates_dir: str = ""  # of the API; "": in the state directory
    nats_url: str = ""  # "": FAAS_NATS_URL, else nats-server of our own; may hold a password
    durability: str = "os"  # or "fsync": what a stored event survives
    mqtt_port: int = 0  # devices connect here; 0: nobody
    mqtt_host: str = "127.0.0.1"
    mqtt_users: str = ""  # a file; "": anybody who reaches the port
    drain_s: float = 30.0  # how long the gateway may finish what it holds
    stop_s: float = 10.0  # how long instances may take to end

    @property
    def scheme(self) -> str:
        return "https" if self.tls_cert else "http"

    @classmethod
    def load(cls, argument: str) -> Plan:
        """From the document itself, or from a file of it (a systemd unit)."""
        document: dict[str, Any] = json.loads(argument if argument.startswith("{") else Path(argument).read_text())
        return cls(**document)

    def dump(self) -> str:
        return json.dumps(self._asdict())
