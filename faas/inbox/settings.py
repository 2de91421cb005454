"""What the environment tells the programs; the only place of this package that reads os.environ."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)
DATABASE = "/data/letters.db"


class SettingsError(Exception):
    """One line: what is wrong in which variable, and what would be right."""


class StoreSettings(msgspec.Struct, frozen=True):
    token: str  # FAAS_INBOX_TOKEN: what people have to know, as X-Faas-Token
    database: Path = Path(DATABASE)  # FAAS_INBOX_DATABASE
    namespace: str = "default"  # FAAS_INBOX_NAMESPACE: whose triggers the letters are of
    max_bytes: int = 800 * 2**20  # FAAS_INBOX_MAX_BYTES of events; when it is full, brokers are told to come again
    max_age_s: float = 0.0  # FAAS_INBOX_MAX_AGE_S; 0: letters are kept until somebody deals with them
    host: str = "0.0.0.0"  # FAAS_INBOX_HOST
    port: int = 8080  # PORT
    log_level: str = "INFO"  # FAAS_LOG_LEVEL

    def __repr__(self) -> str:
        return (
            f"StoreSettings(database={str(self.database)!r}, port={self.port})"  # without the token: this ends in logs
        )


class CollectorSettings(msgspec.Struct, frozen=True):
    until: datetime  # FAAS_INBOX_UNTIL, RFC 3339: afterwards nothing is shown any more
    host: str = "0.0.0.0"
    port: int = 8080
    log_level: str = "INFO"


def read_store(environment: Mapping[str, str] | None = None) -> StoreSettings:
    """Raises: SettingsError."""
    env = os.environ if environment is None else environment
    if len(env.get("FAAS_INBOX_TOKEN", "")) < 16:
        raise SettingsError(
            "FAAS_INBOX_TOKEN is not set, or shorter than 16 characters: people prove by it who they are"
        )
    given = {
        "database": env.get("FAAS_INBOX_DATABASE"),
        "namespace": env.get("FAAS_INBOX_NAMESPACE"),
        "max_bytes": env.get("FAAS_INBOX_MAX_BYTES"),
        "max_age_s": env.get("FAAS_INBOX_MAX_AGE_S"),
    }
    return _converted({"token": env["FAAS_INBOX_TOKEN"], **given, **_common(env)}, StoreSettings)


def read_collector(environment: Mapping[str, str] | None = None) -> CollectorSettings:
    """Raises: SettingsError."""
    env = os.environ if environment is None else environment
    if not env.get("FAAS_INBOX_UNTIL"):
        raise SettingsError("FAAS_INBOX_UNTIL is not set: a collector that nobody removes has to come to an end")
    return _converted({"until": env["FAAS_INBOX_UNTIL"], **_common(env)}, CollectorSettings)


def _common(env: Mapping[str, str]) -> dict[str, str | None]:
    return {"host": env.get("FAAS_INBOX_HOST"), "port": env.get("PORT"), "log_level": env.get("FAAS_LOG_LEVEL")}


def _converted(given: Mapping[str, str | None], kind: type[T]) -> T:
    try:
        return msgspec.convert(
            {name: value for name, value in given.items() if value}, kind, strict=False, dec_hook=_path
        )
    except msgspec.ValidationError as error:
        raise SettingsError(f"the environment says what cannot be: {error}") from None


def _path(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value))
    raise NotImplementedError(kind)
