"""The environment of an instance: the contract's variables, the image's, the user's; nothing of the engine's own."""

from __future__ import annotations

import os
from collections.abc import Mapping

from faas.client.errors import NotFound
from faas.client.protocol import Client
from faas.engine.contract.revision import RevisionPlan, SecretRef
from faas.engine.contract.settings import LOCAL_DOMAIN, EngineSettings
from faas.resources.kinds import CONFIG_MAP, SECRET
from faas.resources.payloads import can_be_variable, texts_of

FROM_HOST = ("HOME", "TMPDIR", "PATH", "LANG", "LC_ALL", "TZ")
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


class MissingReference(Exception):
    """A Secret or ConfigMap, or a key of one, that the Revision names does not exist; the message says which."""


def needs_reading(plan: RevisionPlan) -> bool:
    """Whether the environment or a volume holds a Secret or ConfigMap, so that it cannot be had without waiting."""
    return any(isinstance(variable.value, SecretRef) for variable in plan.container.env) or any(
        volume.sources for volume in plan.container.volumes
    )


def make_environment(
    plan: RevisionPlan,
    settings: EngineSettings,
    image_env: tuple[tuple[str, str], ...],
    values: Mapping[SecretRef, Mapping[str, str]],
    host: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Args: values: what each reference of the plan resolved to, see `read_references`.

    Raises: MissingReference: a value cannot be one of the environment.
    """
    env = {name: host[name] for name in FROM_HOST if name in host}
    env.setdefault("PATH", DEFAULT_PATH)
    if settings.run_as is not None:
        env["HOME"] = str(settings.run_as.home)
    env["PYTHONUNBUFFERED"] = "1"
    env.update(image_env)
    for variable in plan.container.env:
        if isinstance(variable.value, str):
            env[variable.name] = variable.value
        elif variable.value.key is None:
            found = values.get(variable.value, {}).items()
            env.update({variable.name + key: _text(value, variable.value, key) for key, value in found})
        else:
            value = values.get(variable.value, {}).get(variable.value.key)
            if value is not None:
                env[variable.name] = _text(value, variable.value, variable.value.key)
    env.update(
        K_SERVICE=plan.service,
        K_CONFIGURATION=plan.configuration,
        K_REVISION=plan.key.name,
        FAAS_NAMESPACE=plan.key.namespace,
        FAAS_DOMAIN=LOCAL_DOMAIN,  # cluster-local services have no other, and config-network may rename the public one
        FAAS_GATEWAY=f"unix:{settings.internal_socket}",
        FAAS_TIMEOUT=f"{plan.timeout_s:g}",
    )
    env.setdefault("PORT", "8080")
    if plan.container_concurrency:  # 0 is Knative's "no limit"; the function's own option decides then
        env["FAAS_CONCURRENCY"] = str(plan.container_concurrency)
    if settings.foreground:
        env["FAAS_DEV"] = "1"
    return env


def _text(value: str, reference: SecretRef, key: str) -> str:
    if not can_be_variable(value):
        raise MissingReference(
            f"{reference.kind.lower()} {reference.name!r}: {key} is not text, which a variable has to be; "
            "mount it as a file"
        )
    return value


async def read_references(client: Client, plan: RevisionPlan) -> dict[SecretRef, dict[str, str]]:
    """The values of every Secret and ConfigMap that the plan names. Raises: MissingReference."""
    wanted = [variable.value for variable in plan.container.env if isinstance(variable.value, SecretRef)]
    wanted += [source for volume in plan.container.volumes for source in volume.sources]
    return {reference: await _read(client, plan.key.namespace, reference) for reference in dict.fromkeys(wanted)}


async def _read(client: Client, namespace: str, reference: SecretRef) -> dict[str, str]:
    kind = SECRET if reference.kind == "Secret" else CONFIG_MAP
    try:
        data = texts_of(await client.get(kind, reference.name, namespace))
    except NotFound:
        if reference.optional:
            return {}
        raise MissingReference(f'{reference.kind.lower()} "{reference.name}" not found') from None
    if reference.key is None or reference.key in data or reference.optional:
        return data
    raise MissingReference(f"couldn't find key {reference.key} in {reference.kind} {namespace}/{reference.name}")
