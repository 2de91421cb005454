"""Whether images may be pushed to a place, without pushing one, and who may have them from there."""

from __future__ import annotations

from faas_builders.errors import RegistryDenied, RegistryError
from faas_builders.registry.client import Registry, pull_scopes, push_scopes
from faas_builders.registry.credentials import Credential
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


def wants_login(name: ImageName, *, insecure: bool = False) -> bool:
    """Whether nobody in particular is refused its images, whatever logins there are here.

    Of a repository that is not there yet, some registries say the same. Raises: RegistryError: it cannot be reached.
    """
    with Registry(name.registry, insecure=insecure, credentials=_Nobody()) as registry:
        try:
            answer = registry.transport.request("GET", f"{name.repository}/tags/list", pull_scopes(name.repository))
        except RegistryDenied:
            return True
        return answer.status in (401, 403)


class _Nobody:
    def find(self, registry: str, repository: str) -> Credential | None:
        return None
