"""All instances of one Revision: as many as are wanted, what is known of them for others."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from faas_builders.oci.references import by_digest

from faas.engine.contract.board import Board
from faas.engine.contract.revision import FleetStatus, InstanceFailure, RevisionKey, RevisionPlan
from faas.engine.instances.container import Means
from faas.engine.instances.driver import AdoptedRun, Image, ImageUnavailable
from faas.engine.instances.instance import Instance, Phase
from faas.engine.instances.pods import PodWriter
from faas.engine.instances.provisioning.provider import Provision
from faas.engine.instances.provisioning.references import MissingReference, needs_reading
from faas.resources.names import pod_name

log = logging.getLogger(__name__)

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # Kubernetes': no vowels, so no words
CONFIG_RETRY_S = 5.0  # a Secret that is missing may be created; kubelet looks again about as often
IMAGE_MISSING = "ContainerMissing"
CREATE_CONFIG_ERROR = "CreateContainerConfigError"


class Fleet:
    """Level-triggered: `plan`, `image`, `desired` are set in any order, and `reconcile` does what is missing."""

    def __init__(
        self,
        plan: RevisionPlan,
        board: Board,
        means: Means,
        pods: PodWriter,
    ) -> None:
        self.plan = plan
        self.is_planned = False  # False: only adopted instances make it exist
        self.desired: int | None = None
        self.images: tuple[Image, ...] = ()  # of the plan's containers; empty: not known yet
        self.on_empty: Callable[[], None] = lambda: None
        self.image_failure: InstanceFailure | None = None
        self.instances: dict[str, Instance] = {}
        self._board, self._means, self._pods = board, means, pods
        self._dirty: set[Instance] = set()  # whose Pod is to be written
        self._without_image: set[Instance] = set()
        self._scheduled = False
        self._closed = False
        self._resolving: asyncio.Task[None] | None = None

    @property
    def key(self) -> RevisionKey:
        return self.plan.key

    def adopt(self, adopted: AdoptedRun, sidecars: dict[str, AdoptedRun]) -> None:
        created = datetime.fromtimestamp(adopted.created_s, UTC)
        instance = Instance(adopted.pod, self, self._means, created)
        self.instances[adopted.pod] = instance
        instance.adopt(adopted, sidecars)
        self.changed(instance)

    def reconcile(self) -> None:
        """Start or drain instances until as many are there as are wanted. On the cold-start path: never waits."""
        if self._closed:
            return
        wanted = [instance for instance in self.instances.values() if instance.is_wanted]
        if self.desired is not None and self.desired >= 0:
            for instance in pick_surplus(wanted, self.desired):
                instance.drain()
            if self.images:
                for _ in range(self.desired - len(wanted)):
                    self._add()
        self._publish_later()

    def resolve(self, *, anew: bool) -> None:
        """Find out what the plan's images are; then instances can start.

        Args: anew: they are others than before; else what is under way goes on, and what has failed is tried again.
        """
        if self._resolving is not None:
            if not (anew or self._resolving.done() or self.image_failure is not None):
                return
            self._resolving.cancel()
        self._resolving = self._means.spawn(self._resolve(self.plan))

    async def _resolve(self, plan: RevisionPlan) -> None:
        """A registry that was down may be up again: look again, as long as this is the plan."""
        while True:
            try:
                credentials = await self._means.provider.pull_credentials(plan)
                images = await self._means.driver.resolve(plan, credentials)
            except ImageUnavailable as error:
                failure = InstanceFailure(IMAGE_MISSING, str(error))
                if failure != self.image_failure:  # said once, however often it is tried
                    log.warning("%s cannot start instances: %s", self.key, error)
                self.image_failure = failure
                self.reconcile()
                if error.retry_after_s is None:
                    return
                await asyncio.sleep(error.retry_after_s)
            else:
                self._images_known(images)
                self.reconcile()  # first: an import for an instance shows what it prints
                self.warm()
                return

    def warm(self) -> None:
        """Have a zygote ready while the Revision is routed or has instances."""
        if not self.images or self._closed:
            return
        if self.plan.warm:
            if not needs_reading(self.plan):
                self._warm(self._means.provider.now(self.plan, self.images))
            else:
                self._means.spawn(self._warm_later(self.images))
        elif not any(instance.is_wanted for instance in self.instances.values()):
            self._means.driver.cool(self.key)

    def _warm(self, provisions: tuple[Provision, ...]) -> None:
        self._means.driver.warm(self.plan, provisions[0].image, provisions[0].env)

    async def _warm_later(self, images: tuple[Image, ...]) -> None:
        try:
            provisions = await self._means.provider.read(self.plan, images)
        except MissingReference:  # shown when an instance is wanted
            return
        if self.plan.warm and not self._closed:
            self._warm(provisions)

    def _add(self) -> None:
        name = make_name(self.plan)
        instance = Instance(name, self, self._means, self._means.clock.utc())
        self.instances[name] = instance
        self.launch(instance)

    def launch(self, instance: Instance) -> None:
        """For each run anew: what it names may have changed. Without an image (an adopted instance that ended before
        the image was known) `_images_known` comes back to it."""
        if not self.images:
            self._without_image.add(instance)
        elif needs_reading(self.plan):
            self._means.spawn(self._start_later(instance, self.images))
        else:
            instance.start(self._means.provider.now(self.plan, self.images))

    async def _start_later(self, instance: Instance, images: tuple[Image, ...]) -> None:
        """Secrets and ConfigMaps are read when an instance starts, and again while one of them is missing."""
        while instance.is_due:
            try:
                provisions = await self._means.provider.read(self.plan, images)
            except MissingReference as error:
                instance.refuse(CREATE_CONFIG_ERROR, str(error))
                await asyncio.sleep(CONFIG_RETRY_S)
            else:
                if instance.is_wanted:
                    self._means.provider.hold(instance.name, self.plan, images)
                instance.start(provisions)
                return

    def _images_known(self, images: tuple[Image, ...]) -> None:
        """Adopted instances have waited for them."""
        self.images, self.image_failure = images, None
        waiting, self._without_image = self._without_image, set()
        for instance in list(self.instances.values()):
            if instance in waiting:
                self.launch(instance)
            elif not instance.is_provided and instance.phase is Phase.READY:
                self._means.spawn(self._provide(instance, images))
                self.changed(instance)

    async def _provide(self, instance: Instance, images: tuple[Image, ...]) -> None:
        with contextlib.suppress(MissingReference):  # shown when it starts again
            instance.provide(await self._means.provider.read(self.plan, images))

    def replace(self, instance: Instance, reason: str) -> None:
        """It is of no use any more: another one starts at once, and it ends when what it executes is done."""
        instance.give_up(reason)
        self.reconcile()

    def evict(self, pod: str) -> bool:
        """Somebody deleted the Pod: end the instance and let another one take its place."""
        instance = self.instances.get(pod)
        if instance is None:
            return False
        instance.hidden = True
        instance.drain()
        self.reconcile()
        return True

    def close(self) -> None:
        """The Revision is gone: end everything."""
        if self._resolving is not None:
            self._resolving.cancel()
        self.desired = 0
        self.is_planned = False
        self.images = ()  # those of the next Revision of this name are found out anew
        for instance in list(self.instances.values()):
            instance.drain()
        self._means.driver.forget(self.key)
        self._publish_later()

    def release(self) -> None:
        self._closed = True
        for instance in self.instances.values():
            instance.release()

    def changed(self, instance: Instance) -> None:
        """An instance's state is new: the gateway is told at once, everybody else behind the fact."""
        self._publish_endpoints()
        if not instance.hidden and instance.phase is not Phase.ENDED:
            self._dirty.add(instance)
        self._publish_later()

    def ended(self, instance: Instance) -> None:
        self.instances.pop(instance.name, None)
        self._dirty.discard(instance)
        self._without_image.discard(instance)
        self._means.provider.release(instance.name)
        self._means.driver.pod_ended(self.key, instance.name)
        self._publish_endpoints()
        # Also one that somebody deleted: the API keeps it, with a deletionTimestamp, until the instance has ended.
        self._pods.remove(self.key.namespace, instance.name)
        if not self.instances and not self.plan.warm:
            self._means.driver.cool(self.key)
        self.reconcile()
        if not self.instances:
            self.on_empty()

    def _publish_endpoints(self) -> None:
        endpoints = tuple(
            endpoint for instance in self.instances.values() if (endpoint := instance.endpoint()) is not None
        )
        if endpoints or self.key in self._board.endpoints:
            self._board.endpoints.put(self.key, endpoints)

    def _publish_later(self) -> None:
        """Others react to a fleet's status, possibly with a new decision: not from within this one."""
        if not self._scheduled and not self._closed:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._publish)

    def _publish(self) -> None:
        self._scheduled = False
        if self._closed:
            return
        if self.plan.uid:  # an adopted instance has no Pod before its Revision is known: that owns it
            dirty, self._dirty = self._dirty, set()
            for instance in dirty:
                self._pods.put(instance.view())
        if self.is_planned:
            self._board.fleets.put(self.key, self.status())
        elif not self.instances:
            self._board.fleets.delete(self.key)
            self._board.endpoints.delete(self.key)

    def status(self) -> FleetStatus:
        phases = [instance.phase for instance in self.instances.values()]
        ready = phases.count(Phase.READY)
        failures = [instance.failure for instance in self.instances.values() if instance.failure is not None]
        worst = max(failures, key=lambda failure: failure.restarts, default=None)
        return FleetStatus(
            ready=ready,
            starting=sum(phase in (Phase.PREPARING, Phase.STARTING, Phase.BACKOFF) for phase in phases),
            draining=phases.count(Phase.DRAINING),
            failure=self.image_failure or worst,
            image_digests=tuple(
                by_digest(container.image, image.digest)  # `kn service update` pins an image to it
                for container, image in zip(self.plan.containers, self.images, strict=False)
            ),
            notes=self._means.driver.notes(self.key),
            unready=next((instance.unready for instance in self.instances.values() if instance.unready), ""),
        )


def make_name(plan: RevisionPlan) -> str:
    """As a Deployment's Pods are named: hello-00001-deployment-5d8f7c6b9-x2x4k."""
    seed = int.from_bytes(hashlib.blake2s(f"{plan.key}/{plan.uid}".encode(), digest_size=8).digest())
    template_hash = "".join(ALPHABET[seed // len(ALPHABET) ** place % len(ALPHABET)] for place in range(9))
    return pod_name(plan.key.name, f"{template_hash}-{''.join(secrets.choice(ALPHABET) for _ in range(5))}")


_SURPLUS_ORDER = (Phase.BACKOFF, Phase.PREPARING, Phase.STARTING, Phase.READY)


def pick_surplus(wanted: list[Instance], desired: int) -> list[Instance]:
    """Which instances to give up: those that do not serve first, then the youngest."""
    ordered = sorted(wanted, key=lambda instance: -instance.created.timestamp())
    ordered.sort(key=lambda instance: _SURPLUS_ORDER.index(instance.phase))
    return ordered[: max(0, len(wanted) - desired)]
