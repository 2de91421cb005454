"""How the engine's processes are started: one JSON document, written by the supervisor, named on each command line."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

CONTAINERS_MARK = "containers-in-use"  # a file in the state: a Docker engine may have containers of it
LOCAL_DOMAIN = "svc.cluster.local"  # every service answers at NAME.NAMESPACE.svc.cluster.local on the internal listener


class Listeners(msgspec.Struct, frozen=True):
    """File descriptors of listening sockets that the supervisor owns and its children inherit."""

    public: int  # services, TCP
    internal: int  # services incl. cluster-local, Unix socket RUNTIME/internal.sock
    control: int  # engine <-> gateway, Unix socket RUNTIME/control.sock
    api: int  # Kubernetes API, TCP, TLS
    broker: int = -1  # events, HTTP, Unix socket RUNTIME/broker.sock
    broker_control: int = -1  # engine <-> broker, Unix socket RUNTIME/brokerctl.sock


class RunAs(msgspec.Struct, frozen=True):
    """Whom functions run as, where the engine is root and was told somebody else."""

    name: str
    uid: int
    gid: int
    home: Path


class NatsSettings(msgspec.Struct, frozen=True):
    """Where events are stored: nats-server of our own, which the supervisor runs, or yours (FAAS_NATS_URL)."""

    url: str = ""  # FAAS_NATS_URL; "": our own, on `port`
    port: int = 0  # of our own, on loopback; chosen once by the supervisor
    durability: Literal["fsync", "os"] = "os"  # fsync: a stored event survives a power cut; os: any process's death
    mqtt_port: int = 0  # devices connect here; 0: nobody
    mqtt_host: str = "127.0.0.1"
    mqtt_users: Path | None = None  # lines NAME:PASSWORD or NAME:BCRYPT


class NatsCredentials(msgspec.Struct, frozen=True):
    """Of one user of our own nats-server; made once for a state."""

    user: str
    password: str

    @classmethod
    def load(cls, path: Path) -> NatsCredentials:
        """Raises: OSError, msgspec.MsgspecError: nats-server was never started on this state."""
        return msgspec.json.decode(path.read_bytes(), type=cls)


class EngineSettings(msgspec.Struct, frozen=True):
    state_dir: Path  # state.db, images/, logs/, kubeconfig, tls/
    runtime_dir: Path  # sockets, pid files; short (a Unix socket's path has 107 bytes)
    listeners: Listeners
    domain: str = "localhost"  # services answer at NAME.NAMESPACE.DOMAIN
    public_host: str = "127.0.0.1"
    public_port: int = 8080
    api_port: int = 6443
    foreground: bool = False  # `faas run`: everything dies with the terminal's process; tracebacks reach the client
    zygote_budget_bytes: int = 512 * 1024 * 1024  # memory for warm zygotes
    tls_cert: Path | None = None  # of the public listener
    tls_key: Path | None = None
    run_as: RunAs | None = None  # None: the engine's own user
    nats: NatsSettings = NatsSettings()
    shared_certificates_dir: Path | None = None  # of the API, for engines that come and go; else in the state

    @classmethod
    def load(cls, path: Path) -> EngineSettings:
        """Raises: OSError, msgspec.MsgspecError: whoever wrote the document knows another version of it."""
        return msgspec.json.decode(path.read_bytes(), type=cls, dec_hook=lambda kind, value: kind(value))  # Path

    @property
    def images_dir(self) -> Path:
        return self.state_dir / "images"

    @property
    def certificates_dir(self) -> Path:
        return self.shared_certificates_dir or self.state_dir / "tls"

    @property
    def logs_dir(self) -> Path:
        return self.state_dir / "logs"

    @property
    def internal_socket(self) -> Path:
        return self.runtime_dir / "internal.sock"

    @property
    def nats_dir(self) -> Path:
        """nats.conf and the credentials (0600), jetstream/, the last eventing table."""
        return self.state_dir / "nats"

    @property
    def nats_credentials(self) -> Path:
        """The broker's user, `NatsCredentials`; there before nats-server and the broker start, unless `nats.url`."""
        return self.nats_dir / "credentials.json"

    @property
    def mqtt_credentials(self) -> Path:
        """The user of our own MQTT clients, `NatsCredentials`: sources that subscribe to the engine's own door."""
        return self.nats_dir / "mqtt-credentials.json"

    @property
    def events_mark(self) -> Path:
        """While this file exists the supervisor runs nats-server and the broker; SIGUSR2 makes it look."""
        return self.nats_dir / "in-use"

    @property
    def start_anew_mark(self) -> Path:
        """When this file exists the supervisor starts nats-server anew, and takes it away; SIGUSR2 makes it look."""
        return self.nats_dir / "start-anew"

    @property
    def broker_socket(self) -> Path:
        """The broker's ingress, HTTP: POST /NAMESPACE/BROKER. The gateway reaches it as any endpoint."""
        return self.runtime_dir / "broker.sock"

    @property
    def broker_control_socket(self) -> Path:
        return self.runtime_dir / "brokerctl.sock"

    @property
    def sources_dir(self) -> Path:
        """Sockets of sources that receive HTTP."""
        return self.runtime_dir / "sources"

    @property
    def control_socket(self) -> Path:
        return self.runtime_dir / "control.sock"
