"""What the environment tells an adapter; the only place of this package that reads os.environ."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from faas.sources.errors import ConfigurationError

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
Extension = str | int | bool


class Secrets(msgspec.Struct, frozen=True):
    """Values, not files; each from FAAS_SOURCE_ and its name in capitals. "" is absent."""

    username: str = ""
    password: str = ""
    mechanism: str = ""  # of SASL, where the Secret says it and not the options
    ca: str = ""  # PEM
    cert: str = ""  # PEM
    key: str = ""  # PEM
    secret: str = ""  # what webhooks are signed with
    token: str = ""
    access_key: str = ""
    secret_key: str = ""

    def __repr__(self) -> str:
        given = [name for name in self.__struct_fields__ if getattr(self, name)]
        return f"Secrets({', '.join(given)})"  # names only: this ends in logs


class Environment(msgspec.Struct, frozen=True):
    options: bytes  # FAAS_SOURCE, one JSON object
    sink: str  # K_SINK
    extensions: dict[str, Extension] = {}  # K_CE_OVERRIDES' extensions, put on every event
    secrets: Secrets = Secrets()
    namespace: str = "default"  # NAMESPACE
    name: str = ""  # NAME of the source object
    gateway: str = ""  # FAAS_GATEWAY, `unix:/path` or `http://host:port`: dialled for sinks that the engine serves
    domain: str = "localhost"  # FAAS_DOMAIN: with *.svc.cluster.local the names that the engine serves
    state: Path | None = None  # FAAS_SOURCE_STATE, a folder that lasts
    report_fd: int | None = None  # FAAS_SOURCE_REPORT
    listen: str = ""  # FAAS_SOURCE_LISTEN, `unix:/path` or `tcp:host:port`
    log_level: str = "INFO"  # FAAS_LOG_LEVEL

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Environment:
        """Raises: ConfigurationError."""
        env = os.environ if environment is None else environment
        if not env.get("K_SINK"):
            raise ConfigurationError("K_SINK is not set: it is the URL that events are sent to")
        state = env.get("FAAS_SOURCE_STATE", "")
        log_level = (env.get("FAAS_LOG_LEVEL", "") or "INFO").upper()
        if log_level not in _LEVELS:
            raise ConfigurationError(f"FAAS_LOG_LEVEL={log_level!r} is none of {', '.join(_LEVELS)}")
        return cls(
            options=env.get("FAAS_SOURCE", "").encode() or b"{}",
            sink=env["K_SINK"],
            extensions=_extensions(env.get("K_CE_OVERRIDES", "")),
            secrets=Secrets(**{name: env.get(f"FAAS_SOURCE_{name.upper()}", "") for name in Secrets.__struct_fields__}),
            namespace=env.get("NAMESPACE", "") or "default",
            name=env.get("NAME", ""),
            gateway=env.get("FAAS_GATEWAY", ""),
            domain=env.get("FAAS_DOMAIN", "") or "localhost",
            state=Path(state) if state else None,
            report_fd=_descriptor(env.get("FAAS_SOURCE_REPORT", "")),
            listen=env.get("FAAS_SOURCE_LISTEN", ""),
            log_level=log_level,
        )


def _descriptor(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise ConfigurationError(f"FAAS_SOURCE_REPORT={text!r} is no file descriptor")
    return int(text)


def _extensions(overrides: str) -> dict[str, Extension]:
    if not overrides:
        return {}
    try:
        return msgspec.json.decode(overrides, type=_Overrides).extensions
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f'K_CE_OVERRIDES is not like {{"extensions": {{"name": "value"}}}}: {error}') from None


class _Overrides(msgspec.Struct):
    extensions: dict[str, Extension] = {}
