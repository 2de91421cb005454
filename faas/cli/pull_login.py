"""Whose logins a Secret holds that nodes pull images with: those of `docker login`, as far as they are in its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from faas.cli.errors import CommandError

if TYPE_CHECKING:
    from faas.project.secret_values import Values

_KEY = ".dockerconfigjson"
_LOGINS = ("auth", "password", "identitytoken", "registrytoken")


def registries_in(values: Values) -> list[str] | None:
    """Registries that it has a login for, sorted; None: it is no Secret that pulls images.

    Raises: CommandError: it has none, because a program of this machine keeps them, or because nobody has logged in.
    """
    if set(values) != {_KEY}:
        return None
    config = _read(values[_KEY].reveal())
    entries = _mapping(config.get("auths"))
    if found := sorted(name for name, entry in entries.items() if any(map(_mapping(entry).get, _LOGINS))):
        return found
    programs = {str(config["credsStore"])} if config.get("credsStore") else set()
    programs |= {str(program) for program in _mapping(config.get("credHelpers")).values()}
    kept = f": docker-credential-{', docker-credential-'.join(sorted(programs))} keeps them" if programs else ""
    raise CommandError(
        f"there is no login in it that a cluster could use{kept}",
        "Have one in a file of its own:  DOCKER_CONFIG=FOLDER docker login REGISTRY\n"
        f"and take that:  --from-file {_KEY}=FOLDER/config.json",
    )


def _read(content: bytes) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(content))
    except ValueError:  # it quotes what it could not read, which is a secret
        pass
    raise CommandError(f"{_KEY} is not JSON", "Take the file that docker login writes: ~/.docker/config.json")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
