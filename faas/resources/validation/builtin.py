"""The rules for Secrets and ConfigMaps, Knative's config maps too. Source: Kubernetes pkg/apis/core/validation."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping

from faas.resources.config import EVENTING_NAMESPACE, ConfigError, config_namespace, parse_config_map
from faas.resources.config.maps import EXAMPLE_CHECKSUM, EXAMPLE_KEY, example_checksum
from faas.resources.validation.errors import (
    CONFIG_WEBHOOK,
    EVENTING_CONFIG_WEBHOOK,
    FieldError,
    server_forbidden,
    server_invalid,
    server_required,
    server_too_long,
)
from faas.resources.views import Raw

MAX_DATA_BYTES = 1024 * 1024
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_KEY_WORDS = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_REQUIRED_KEYS = {  # of Secrets whose type promises something
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def validate_secret(new: Raw, old: Raw | None) -> Iterator[FieldError]:
    data = new.get("data") or {}
    yield from _validate_keys(data, "data")
    yield from _validate_size(sum(_decoded_size(value) for value in data.values()))
    for key in _REQUIRED_KEYS.get(new.get("type", ""), ()):
        if key not in data:
            yield server_required(f"data[{key}]", "")
    if new.get("type") == "kubernetes.io/basic-auth" and not {"username", "password"} & set(data):
        yield server_required("data[username]", "username or password is required")
    if old is not None:
        if new.get("type") != old.get("type"):
            yield server_invalid("type", new.get("type"), "field is immutable")
        yield from _validate_immutable(new, old, ("data",))


def validate_config_map(new: Raw, old: Raw | None) -> Iterator[FieldError]:
    data, binary = new.get("data") or {}, new.get("binaryData") or {}
    yield from _validate_keys(data, "data")
    yield from _validate_keys(binary, "binaryData")
    for key in sorted(set(data) & set(binary)):
        yield server_invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    size = sum(len(value.encode()) for value in data.values())
    yield from _validate_size(size + sum(_decoded_size(value) for value in binary.values()))
    if old is not None:
        yield from _validate_immutable(new, old, ("data", "binaryData"))
    yield from _validate_settings(new)


def _validate_settings(raw: Raw) -> Iterator[FieldError]:
    """Of Knative's config maps: a value that cannot be used is refused when it is written, not when it is needed."""
    metadata, data = raw["metadata"], raw.get("data") or {}
    name, namespace = metadata.get("name", ""), metadata.get("namespace")
    if namespace is None or namespace != config_namespace(name):
        return
    by = EVENTING_CONFIG_WEBHOOK if namespace == EVENTING_NAMESPACE else CONFIG_WEBHOOK
    try:
        parse_config_map(name, data)
    except ConfigError as error:
        yield FieldError(str(error), ("data",), by=by)
    checksum = (metadata.get("annotations") or {}).get(EXAMPLE_CHECKSUM)
    if EXAMPLE_KEY in data and checksum not in (None, example_checksum(data[EXAMPLE_KEY])):
        words = (
            f'the update modifies a key in "{EXAMPLE_KEY}" which is probably not what you want. Instead, copy the '
            'respective setting to the top-level of the ConfigMap, directly below "data"'
        )
        yield FieldError(words, (f"data.{EXAMPLE_KEY}",), by=by)


def _validate_keys(data: Mapping[str, object], at: str) -> Iterator[FieldError]:
    for key in data:
        if len(key) > 253:
            yield server_invalid(f"{at}[{key}]", key, "must be no more than 253 characters")
        elif not _KEY.fullmatch(key):
            yield server_invalid(f"{at}[{key}]", key, _KEY_WORDS)
        elif key in (".", "..") or key.startswith(".."):  # it would be a file name
            yield server_invalid(f"{at}[{key}]", key, "must not start with '..'" if key != "." else "must not be '.'")


def _validate_size(size_bytes: int) -> Iterator[FieldError]:
    if size_bytes > MAX_DATA_BYTES:
        yield server_too_long("data", MAX_DATA_BYTES)


def _validate_immutable(new: Raw, old: Raw, fields: tuple[str, ...]) -> Iterator[FieldError]:
    if not old.get("immutable"):
        return
    words = "field is immutable when `immutable` is set"
    if not new.get("immutable"):
        yield server_forbidden("immutable", words)
    for field in fields:
        if (new.get(field) or {}) != (old.get(field) or {}):
            yield server_forbidden(field, words)


def _decoded_size(value: str) -> int:
    try:
        return len(base64.b64decode(value))
    except ValueError:  # said by the schema already
        return 0
