"""Which adapter or task one of Knative's own source objects stands for: one function a kind. Source: its reconcilers.

Values out of Secrets are never read here: a variable names them, and the part that runs sources reads them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from faas.client.protocol import Object
from faas.engine.contract.revision import EnvVar, SecretRef
from faas.engine.controllers.addressing import group_of
from faas.engine.controllers.source.made import Made, Refused, attributes_of
from faas.resources.keys import SOURCES_IMAGE
from faas.resources.kinds import KINDS
from faas.resources.podspec import EnvFromSource
from faas.resources.podspec import EnvVar as EnvVarView
from faas.resources.sources.knative import ApiServerSource, ContainerSource, PingSource

_TASKS = {"ping": "PingSource", "kubernetes": "ApiServerSource"}


def make_ping(raw: Object, source: PingSource) -> Made:
    path = f"/apis/v1/namespaces/{source.metadata.namespace}/pingsources/{source.metadata.name}"
    return Made("ping", spec=json.dumps(raw["spec"]), attributes=attributes_of(path, "dev.knative.sources.ping"))


def make_api_server(raw: Object, source: ApiServerSource, server: str) -> Made | Refused:
    """Args: server: the API's URL."""
    served = {(kind.group, kind.kind) for kind in KINDS}
    for resource in source.spec.resources:
        if (group_of(resource.api_version), resource.kind) not in served:
            message = (
                f"this engine has no {resource.kind} ({resource.api_version}); kubectl api-resources lists what it has"
            )
            return Refused("UnknownResource", message)
    word = "resource" if source.spec.mode == "Resource" else "ref"
    types = [f"dev.knative.apiserver.{word}.{change}" for change in ("add", "delete", "update")]
    return Made("kubernetes", spec=json.dumps(raw["spec"]), attributes=attributes_of(server, *types))


def make_container(raw: Object, source: ContainerSource) -> Made | Refused:
    """Our own adapters, as processes. Containers are instances of Revisions: one that serves no port is never ready."""
    containers = source.spec.template.spec.containers
    if len(containers) != 1 or not is_adapter_image(containers[0].image):
        images = ", ".join(container.image for container in containers)
        message = (
            "a ContainerSource runs this engine's own adapters, as processes: one container with the image "
            f"{SOURCES_IMAGE} and the adapter's name as its only argument; this has {images or 'none'}. Run an image "
            "of your own as a Service with min-scale 1, bound by a SinkBinding: it finds its sink in K_SINK"
        )
        return Refused("ContainersNotSupported", message)
    container = containers[0]
    if len(container.args) != 1 or container.command:
        message = "the adapter's name is the container's only argument, and there is no command: args: [mqtt]"
        return Refused("NoAdapter", message)
    env: list[EnvVar] = []
    for variable in container.env:
        made = _variable(variable)
        if made is None:
            message = (
                f"the variable {variable.name} is a field of the Pod; a value or a key of a Secret or ConfigMap can be"
            )
            return Refused("UnsupportedVariable", message)
        env.append(made)
    env[:0] = [made for part in container.env_from for made in _all_of(part)]
    adapter = container.args[0]
    if adapter in _TASKS:
        return Refused("NoAdapter", f"{adapter!r} is no adapter: there is a kind for it, {_TASKS[adapter]}")
    return Made(adapter, tuple(env), receives=_receives(adapter, env), path=_path(adapter, env))


def is_adapter_image(image: str) -> bool:
    """Whether an image is our adapters': by the engine's own name for it, or as it is pushed to some registry."""
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return name == SOURCES_IMAGE.rpartition("/")[2]


def _variable(variable: EnvVarView) -> EnvVar | None:
    """None for what is neither a value nor a key of a Secret or ConfigMap."""
    origin = variable.value_from
    if origin is None:
        return EnvVar(variable.name, variable.value)
    if (secret := origin.secret_key_ref) is not None:
        return EnvVar(variable.name, SecretRef("Secret", secret.name, secret.key, bool(secret.optional)))
    if (config := origin.config_map_key_ref) is not None:
        return EnvVar(variable.name, SecretRef("ConfigMap", config.name, config.key, bool(config.optional)))
    return None


def _all_of(part: EnvFromSource) -> Iterator[EnvVar]:
    if part.secret_ref is not None:
        yield EnvVar(part.prefix, SecretRef("Secret", part.secret_ref.name, None, bool(part.secret_ref.optional)))
    if part.config_map_ref is not None:
        optional = bool(part.config_map_ref.optional)
        yield EnvVar(part.prefix, SecretRef("ConfigMap", part.config_map_ref.name, None, optional))


def _receives(adapter: str, env: list[EnvVar]) -> bool:
    return adapter in ("webhook", "github") or (adapter == "bucket" and bool(_given(env).get("notifications")))


def _path(adapter: str, env: list[EnvVar]) -> str:
    return str(_given(env).get("path", "")) if adapter == "webhook" else ""


def _given(env: list[EnvVar]) -> dict[str, Any]:
    """The options as they are written; when they are no JSON object, the adapter says so."""
    text = next((variable.value for variable in env if variable.name == "FAAS_SOURCE"), "")
    try:
        options = json.loads(text) if isinstance(text, str) and text else {}
    except ValueError:
        return {}
    return options if isinstance(options, dict) else {}
