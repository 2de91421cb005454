"""With what the containers of an instance start: the environments, commands and volumes of a plan, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from faas.client.errors import NotFound
from faas.client.protocol import Client
from faas.engine.contract.revision import ContainerPlan, RevisionKey, RevisionPlan, SecretRef
from faas.engine.contract.settings import EngineSettings
from faas.engine.instances.driver import Image, Mount
from faas.engine.instances.provisioning.environment import expand, make_container_environment, make_environment
from faas.engine.instances.provisioning.mounts import MountedFiles
from faas.engine.instances.provisioning.references import read_references
from faas.engine.instances.provisioning.volumes import make_mounts
from faas.resources.kinds import SECRET
from faas.resources.payloads import texts_of

DOCKER_CONFIG_KEY = ".dockerconfigjson"  # of a Secret of type kubernetes.io/dockerconfigjson
OLD_DOCKER_CONFIG_KEY = ".dockercfg"  # kubernetes.io/dockercfg: what is below "auths" in the other


@dataclass(frozen=True, slots=True)
class Provision:
    """With what one container starts."""

    container: ContainerPlan  # $(NAME) in its command and arguments is replaced
    image: Image
    env: dict[str, str]
    mounts: tuple[Mount, ...] = ()


class Provider:
    """Makes the provisions of every instance of an engine; `images` are those of the plan's containers, in order."""

    def __init__(self, settings: EngineSettings, client: Client, files: MountedFiles) -> None:
        self._settings, self._client, self._files = settings, client, files

    def now(self, plan: RevisionPlan, images: tuple[Image, ...]) -> tuple[Provision, ...]:
        """For a plan that `needs_reading` says nothing of."""
        return self._make(plan, images, {})

    async def read(self, plan: RevisionPlan, images: tuple[Image, ...]) -> tuple[Provision, ...]:
        """Raises: MissingReference: something that the plan names does not exist, or cannot be had this way."""
        return self._make(plan, images, await read_references(self._client, plan))

    async def pull_credentials(self, plan: RevisionPlan) -> tuple[str, ...]:
        """The docker configs of its imagePullSecrets. One that does not exist is passed over, as kubelet does: an
        image that is here, or that everybody may have, does not need it."""
        found = []
        for name in plan.pull_secrets:
            try:
                texts = texts_of(await self._client.get(SECRET, name, plan.key.namespace))
            except NotFound:
                continue
            if DOCKER_CONFIG_KEY in texts:
                found.append(texts[DOCKER_CONFIG_KEY])
            elif OLD_DOCKER_CONFIG_KEY in texts:
                found.append('{"auths": ' + texts[OLD_DOCKER_CONFIG_KEY] + "}")
        return tuple(found)

    def hold(self, pod: str, plan: RevisionPlan, images: tuple[Image, ...]) -> None:
        """This instance starts with the files that were made last for its Revision."""
        if plan.container.volumes and not images[0].in_container:
            self._files.hold(pod, plan.key)

    def release(self, pod: str) -> None:
        self._files.release(pod)

    def forget(self, key: RevisionKey) -> None:
        self._files.forget(key)

    def _make(
        self, plan: RevisionPlan, images: tuple[Image, ...], values: Mapping[SecretRef, Mapping[str, str]]
    ) -> tuple[Provision, ...]:
        if not images[0].in_container:
            env = make_environment(plan, self._settings, images[0].env, values)
            if plan.container.volumes:
                env |= self._files.write(plan.key, plan.container.volumes, values)
            return (Provision(plan.container, images[0], env),)
        return tuple(
            self._of_container(plan, container, image, values)
            for container, image in zip(plan.containers, images, strict=True)
        )

    def _of_container(
        self,
        plan: RevisionPlan,
        container: ContainerPlan,
        image: Image,
        values: Mapping[SecretRef, Mapping[str, str]],
    ) -> Provision:
        ours = image.has_our_runtime and container is plan.container
        env = make_container_environment(plan, container, self._settings, values, has_our_runtime=ours)
        expanded = replace(
            container,
            command=tuple(expand(word, env) for word in container.command),
            args=tuple(expand(word, env) for word in container.args),
        )
        return Provision(expanded, image, env, make_mounts(container, values))
