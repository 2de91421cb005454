"""What `deploy` and `promote` ask before anything is built: the cluster and the registry, at the same time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faas.cli.placed import in_context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object
    from faas.deploy.facts import Missing
    from faas.deploy.images.publishing import Destination
    from faas.resources.kinds import Kind


@dataclass(frozen=True, slots=True)
class Preflight:
    """Called with a project's objects. Raises: NoNamespace, NoRights, NamesMissing; ApiError; BuilderError."""

    target: Target
    pushes_to: Destination | None = None
    create_namespace: bool = False
    of_project: bool = True  # else an image is deployed alone
    needs_names: bool = True  # else what is missing is only told: somebody may make it yet

    def __call__(self, objects: Sequence[Object]) -> None:
        from concurrent.futures import ThreadPoolExecutor

        from faas.cli.connection import with_client
        from faas.cli.output import note
        from faas.deploy.errors import DeployError, NamesMissing

        try:
            with ThreadPoolExecutor(1, "registry") as pool:
                pushing = pool.submit(self._check_push)
                missing = with_client(self.target, lambda client: self._ask(client, objects))
                pushing.result()
            if self.needs_names and (needed := [each for each in missing if not each.reference.optional]):
                raise NamesMissing(needed, self.target.namespace)
        except DeployError as error:
            error.hint = in_context(error.hint, self.target.context)
            raise
        for each in missing:
            note(f"note: {each}")

    async def _ask(self, client: HttpClient, objects: Sequence[Object]) -> list[Missing]:
        from faas.client.services.access import Access, is_allowed
        from faas.deploy.errors import NoRights
        from faas.deploy.preflight.check import check_before

        namespace = self.target.namespace

        async def may_apply(kind: Kind, name: str) -> bool:
            return await is_allowed(client, Access(kind.group, kind.plural, "patch", name=name), namespace)

        try:
            return await check_before(client, objects, namespace, may_apply, create_namespace=self.create_namespace)
        except NoRights as error:
            error.of_project = self.of_project
            raise

    def _check_push(self) -> None:
        from faas_builders.registry.rights import check_push

        if self.pushes_to is not None:
            check_push(self.pushes_to.name, insecure=self.pushes_to.insecure)
