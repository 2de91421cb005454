"""Other people's servers for tests: each on a port of its own, in a folder of its own, ended by its pid.

A program that is not installed skips the test.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DEADLINE_S = 30.0  # generous: a loaded machine must not fail a test


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Program:
    """A server that can be ended and started again on the same port and folder."""

    command: Sequence[str]
    port: int
    folder: Path
    ready: Callable[[int], bool]
    process: subprocess.Popen[bytes] | None = None
    env: Mapping[str, str] | None = None  # ours
    start_s: float = DEADLINE_S

    def start(self) -> None:
        with open(self.folder / "output.log", "ab") as output:
            self.process = subprocess.Popen(
                self.command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=self.folder, env=self.env
            )
        deadline = time.monotonic() + self.start_s
        while not self.ready(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                output_text = (self.folder / "output.log").read_text(errors="replace")
                raise AssertionError(f"{self.command[0]} did not start:\n{output_text[-2000:]}")
            time.sleep(0.02)  # there is nothing else to wait on: the server says nothing when it listens

    def stop(self, signum: int = signal.SIGTERM) -> None:
        if self.process is None:
            return
        self.process.send_signal(signum)
        try:
            self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


def find_program(name: str) -> str:
    """Its path, or the test is skipped."""
    for candidate in (str(Path(sys.executable).with_name(name)), shutil.which(name), f"/usr/sbin/{name}"):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    pytest.skip(f"{name} is not installed")


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running_program(
    command: Sequence[str], port: int, folder: Path, ready: Callable[[int], bool] = accepts, **more: Any
) -> Iterator[Program]:
    """Args: more: of Program."""
    program = Program(command, port, folder, ready, **more)
    program.start()
    try:
        yield program
    finally:
        program.stop()


@contextmanager
def running_mosquitto(folder: Path, *lines: str) -> Iterator[Program]:
    """Mosquitto with persistence, without limits on what it keeps for a client that is away.

    Args: lines: more of its configuration; one with `listener` replaces the plain listener, `{port}` is its port.
    """
    mosquitto, port = find_program("mosquitto"), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    own = [line.format(port=port, folder=folder) for line in lines]
    listener = [] if any(line.startswith("listener") for line in own) else [f"listener {port} 127.0.0.1"]
    access = [] if any(line.startswith("allow_anonymous") for line in own) else ["allow_anonymous true"]
    user = ["user root"] if os.geteuid() == 0 else []
    keeping = ["persistence true", f"persistence_location {folder}/", "autosave_interval 1", "autosave_on_changes true"]
    (folder / "mosquitto.conf").write_text(
        "\n".join([*user, *keeping, "max_queued_messages 0", *listener, *access, *own]) + "\n"
    )
    with running_program([mosquitto, "-c", str(folder / "mosquitto.conf")], port, folder) as program:
        yield program


@contextmanager
def running_redis(folder: Path, *arguments: str) -> Iterator[Program]:
    """Redis that writes everything it was told before it answers, so kill -9 loses nothing."""
    redis_server, port = find_program("redis-server"), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        redis_server, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", "",
        "--appendonly", "yes", "--appendfsync", "always", *arguments,
    ]  # fmt: skip

    def ready(port: int) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as probe:
            probe.sendall(b"PING\r\n")
            return probe.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        return False

    with running_program(command, port, folder, ready) as program:
        yield program


@contextmanager
def running_nats_mqtt(folder: Path) -> Iterator[Program]:
    """nats-server with its MQTT listener; `port` is that of MQTT."""
    nats_server, port = find_program("nats-server"), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nats.conf").write_text(
        f'server_name: "test"\nlisten: "127.0.0.1:{free_port()}"\njetstream {{ store_dir: "{folder}/store" }}\n'
        f'mqtt {{ listen: "127.0.0.1:{port}", ack_wait: "2s" }}\n'  # what a killed client had comes again after this
    )
    with running_program([nats_server, "-c", str(folder / "nats.conf")], port, folder) as program:
        yield program


def make_certificate() -> tuple[str, str]:
    """A certificate of 127.0.0.1 that signed itself, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), plain.decode()


@contextmanager
def running_seaweedfs(folder: Path, *arguments: str) -> Iterator[Program]:
    """SeaweedFS in one process; `port` is that of S3, which takes any keys unless `-s3.config` says otherwise."""
    weed, port = find_program("weed"), free_port()
    (folder / "store").mkdir(parents=True, exist_ok=True)
    parts = ("master", "volume", "filer", "s3")
    ports = {f"{part}.port{kind}": free_port() for part in parts for kind in ("", ".grpc")} | {"s3.port": port}
    command = [
        weed, "server", f"-dir={folder}/store", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64", "-master.electionTimeout=1s", "-volume.max=50", "-volume.preStopSeconds=0",
        "-s3.port.iceberg=0", "-s3.port.lance=0", f"-filer.localSocket={folder}/filer.sock",
        f"-s3.localSocket={folder}/s3.sock", *(f"-{name}={number}" for name, number in ports.items()), *arguments,
    ]  # fmt: skip

    def ready(port: int) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as probe:
            probe.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            return b" 200 " in probe.recv(64)
        return False

    with running_program(command, port, folder, ready) as program:
        try:
            yield program
        finally:
            program.kill()  # it would take a quarter of a minute to say goodbye to itself


@contextmanager
def running_rabbitmq(folder: Path) -> Iterator[Program]:
    """A RabbitMQ of its own: node name, ports, cookie and epmd are shared with no other on this machine."""
    find_program("rabbitmq-server")
    programs = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    if not programs:
        pytest.skip("rabbitmq-server is not where Debian has it")
    port, epmd_port = free_port(), free_port()
    (folder / "home").mkdir(parents=True)
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
    env = {
        "PATH": os.environ["PATH"], "HOME": str(folder / "home"), "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1", "RABBITMQ_NODENAME": f"faas{port}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()), "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder), "RABBITMQ_LOGS": "-", "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"), "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_ALLOW_INPUT": "1",  # with -noinput: the script becomes the server instead of watching over it
    }  # fmt: skip

    def ready(port: int) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as probe:
            probe.sendall(b"AMQP\x00\x00\x09\x01")
            return bool(probe.recv(1))
        return False

    epmd = [find_program("epmd"), "-port", str(epmd_port)]  # else the server starts one that nobody ends
    with (
        running_program(epmd, epmd_port, folder, env=env),
        running_program([str(programs[-1]), "-noinput"], port, folder, ready, env=env, start_s=120.0) as program,
    ):
        try:
            yield program
        finally:
            program.kill()


class StandInKafka:
    """librdkafka's mock cluster: real sockets and the real protocol, groups and offsets, everything in memory.

    There is no Kafka in a registry that we may use; what it cannot do (SASL, TLS, retention, a restart) is not tried.
    A topic has four partitions, and is there when somebody asks for it.
    """

    def __init__(self) -> None:
        confluent_kafka = pytest.importorskip("confluent_kafka")
        self._producer: Any = confluent_kafka.Producer({"test.mock.num.brokers": 2, "log_level": 3})
        brokers = self._producer.list_topics(timeout=DEADLINE_S).brokers.values()
        self.servers = [f"{broker.host}:{broker.port}" for broker in brokers]

    def produce(
        self,
        topic: str,
        values: Sequence[bytes | None],
        *,
        key: bytes | None = None,
        partition: int = -1,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Return when they are stored."""
        for value in values:
            more = {} if partition < 0 else {"partition": partition}
            self._producer.produce(topic, value=value, key=key, headers=list(headers), **more)
        assert self._producer.flush(DEADLINE_S) == 0

    def stop(self) -> None:
        self._producer = None  # and all is gone


@contextmanager
def running_kafka() -> Iterator[StandInKafka]:
    kafka = StandInKafka()
    try:
        yield kafka
    finally:
        kafka.stop()
