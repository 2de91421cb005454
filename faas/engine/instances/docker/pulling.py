"""Images of registries, which the Docker engine fetches for us: their digests, their layers, with whose name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from faas_builders.registry.names import ImageName

from faas.engine.instances.docker.connection import Docker, DockerError, auth_header

DIGEST_TIMEOUT_S = 10.0  # Knative's digest-resolution-timeout
SILENCE_S = 60.0  # of a pull: it tells of every piece that arrives
_BROKEN_OFF = "the Docker engine's answer broke off"


class RegistrySilent(Exception):
    """It took the connection and says nothing, or not all; the message says how long."""


async def digest_of(docker: Docker, name: ImageName, credentials: Mapping[str, object]) -> str:
    """What the registry has under a tag now.

    Raises: DockerUnavailable, DockerError: the registry's or the network's words, RegistrySilent.
    """
    path = f"/distribution/{name.registry}/{name.repository}:{name.tag}/json"
    try:
        async with (
            asyncio.timeout(DIGEST_TIMEOUT_S),
            await docker.open("GET", path, headers=auth_header(credentials)) as answer,
        ):
            found: dict[str, Any] = json.loads(await answer.reader.read())
            return str(found["Descriptor"]["digest"])
    except TimeoutError:
        raise RegistrySilent(f"no answer within {DIGEST_TIMEOUT_S:g} s") from None
    except (ValueError, KeyError, TypeError):
        raise RegistrySilent(_BROKEN_OFF) from None


async def pull(docker: Docker, name: ImageName, credentials: Mapping[str, object]) -> None:
    """Have the Docker engine fetch it. Raises: as `digest_of`."""
    query = {"fromImage": f"{name.registry}/{name.repository}", "tag": name.reference}
    answer = None
    try:
        async with asyncio.timeout(SILENCE_S) as patience:
            answer = await docker.open("POST", "/images/create", query, headers=auth_header(credentials))
            while line := await answer.reader.readline():
                patience.reschedule(asyncio.get_running_loop().time() + SILENCE_S)
                if "error" in (said := json.loads(line)):
                    raise DockerError(500, str(said["error"]))
    except TimeoutError:
        raise RegistrySilent(f"the download stands still for {SILENCE_S:g} s") from None
    except (ValueError, TypeError, OSError):
        raise RegistrySilent(_BROKEN_OFF) from None
    finally:
        if answer is not None:
            answer.writer.close()  # whoever closes it ends the pull


def credentials_for(registry: str, configs: tuple[str, ...]) -> dict[str, object]:
    """From the Revision's pull secrets, else from this user's docker config and its helpers. Blocking."""
    from docker import auth
    from docker.errors import DockerException

    for text in configs:
        try:
            found = auth.load_config(config_dict=json.loads(text)).resolve_authconfig(registry)
        except (ValueError, AttributeError, DockerException):  # a Secret that is no docker config helps nobody
            continue
        if found:
            return dict(found)
    try:
        return dict(auth.load_config().resolve_authconfig(registry) or {})
    except (DockerException, OSError, ValueError):  # a helper that is not installed: the image may be everybody's
        return {}
