"""What has to be done now and then: images that no Revision needs any more go."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from types import TracebackType
from typing import Self

from faas_builders.oci.prune import prune
from faas_builders.oci.store import ImageStore

from faas.client.errors import ApiError
from faas.client.protocol import Client
from faas.engine.contract.settings import EngineSettings
from faas.resources.kinds import REVISION

_log = logging.getLogger("faas.engine")
_FIRST_S, _EVERY_S = 30.0, 600.0  # not while everything starts; an image more or less does not matter for a while


class Housekeeping:
    def __init__(self, client: Client, settings: EngineSettings) -> None:
        self._client = client
        self._images = ImageStore(settings.images_dir)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="housekeeping")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def collect_images(self) -> None:
        """Remove images that neither a Revision nor a tag names, but for the newest few."""
        revisions = (await self._client.list(REVISION)).items
        used = {container["image"] for revision in revisions for container in revision["spec"].get("containers") or ()}
        pruned = await asyncio.to_thread(prune, self._images, used)
        if pruned.images:
            _log.info("removed %d unused images, %.1f MiB", pruned.images, pruned.bytes / 2**20)

    async def _run(self) -> None:
        await asyncio.sleep(_FIRST_S)
        while True:
            try:
                await self.collect_images()
            except (ApiError, OSError, ValueError) as error:
                _log.warning("cannot remove unused images: %s", error)
            await asyncio.sleep(_EVERY_S)
