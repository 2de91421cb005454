"""The Secrets and ConfigMaps that a plan names, read when an instance starts."""

from __future__ import annotations

from faas.client.errors import NotFound
from faas.client.protocol import Client
from faas.engine.contract.revision import RevisionPlan, SecretRef
from faas.resources.kinds import CONFIG_MAP, SECRET
from faas.resources.payloads import texts_of


class MissingReference(Exception):
    """A Secret or ConfigMap, or a key of one, that the Revision names does not exist; the message says which."""


def needs_reading(plan: RevisionPlan) -> bool:
    """Whether a variable or a volume holds a Secret or ConfigMap, so that they cannot be had without waiting."""
    return any(
        container.volumes or any(isinstance(variable.value, SecretRef) for variable in container.env)
        for container in plan.containers
    )


async def read_references(client: Client, plan: RevisionPlan) -> dict[SecretRef, dict[str, str]]:
    """The values of every Secret and ConfigMap that the plan names. Raises: MissingReference."""
    wanted = [
        variable.value
        for container in plan.containers
        for variable in container.env
        if isinstance(variable.value, SecretRef)
    ]
    wanted += [source for container in plan.containers for volume in container.volumes for source in volume.sources]
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
