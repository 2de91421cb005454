"""What has to be done now and then: images that no Revision needs any more go."""

from __future__ import annotations

import asyncio
import logging
from typing import Never

from faas_builders.errors import BuilderError
from faas_builders.oci.prune import prune
from faas_builders.oci.store import ImageStore

from faas.client.errors import ApiError
from faas.client.protocol import Client
from faas.engine.contract.settings import EngineSettings
from faas.resources.kinds import REVISION

_log = logging.getLogger("faas.engine")
_FIRST_S, _EVERY_S = 30.0, 600.0  # not while everything starts; an image more or less does not matter for a while


async def keep_house(client: Client, settings: EngineSettings) -> Never:
    """Until it is cancelled."""
    images = ImageStore(settings.images_dir)
    await asyncio.sleep(_FIRST_S)
    while True:
        try:
            await _collect_images(client, images)
        except (ApiError, BuilderError, OSError, ValueError) as error:
            _log.warning("cannot remove unused images: %s", error)
        await asyncio.sleep(_EVERY_S)


async def _collect_images(client: Client, images: ImageStore) -> None:
    """Remove images that neither a Revision nor a tag names, but for the newest few."""
    revisions = (await client.list(REVISION)).items
    used = {container["image"] for revision in revisions for container in revision["spec"].get("containers") or ()}
    for revision in revisions:  # what a tag meant when a Revision was new, it runs still
        statuses = revision.get("status", {}).get("containerStatuses") or ()
        used.update(status["imageDigest"] for status in statuses if status.get("imageDigest"))
    pruned = await asyncio.to_thread(prune, images, used)
    if pruned.images:
        _log.info("removed %d unused images, %.1f MiB", pruned.images, pruned.bytes / 2**20)
