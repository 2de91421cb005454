"""Whether images may be pushed to a place, without pushing one."""

from __future__ import annotations

from faas_builders.errors import RegistryError
from faas_builders.registry.client import Registry, push_scopes
from faas_builders.registry.names import ImageName


def check_push(name: ImageName, *, insecure: bool = False) -> None:
    """Begin an upload and give it up again, which is what a registry needs the right to push for.

    Raises: RegistryError, CredentialsError: it cannot be reached, or refuses.
    """
    with Registry(name.registry, insecure=insecure) as registry:
        scopes = push_scopes(name.repository)
        begun = registry.transport.request("POST", f"{name.repository}/blobs/uploads/", scopes)
        if begun.status != 202:
            raise registry.refused(begun, f"does not take images as {name.repository}")
        try:
            registry.transport.request("DELETE", registry.transport.location(begun), scopes)
        except RegistryError:
            return  # not every registry can forget an upload; all of them do after a while
