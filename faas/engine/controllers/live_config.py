"""The config maps of namespace knative-serving as one value that is always the newest that can be read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from faas.client.errors import ApiError, Gone
from faas.client.protocol import Client, Object
from faas.resources.config import (
    CONFIG_MAP_NAMES,
    CONFIG_NAMESPACE,
    Config,
    ConfigError,
    config_namespace,
    parse_config,
)
from faas.resources.kinds import CONFIG_MAP

_log = logging.getLogger(__name__)
_RETRY_S = 0.2
_NAMES = tuple(name for name in CONFIG_MAP_NAMES if config_namespace(name) == CONFIG_NAMESPACE)


class LiveConfig:
    """`current` follows the config maps; one that cannot be read is logged, and its last good value stays."""

    def __init__(self, client: Client) -> None:
        self.current = Config()
        self.synced = asyncio.Event()
        self.listeners: list[Callable[[], None]] = []
        self._client = client

    async def run(self) -> None:
        """Follow the API until cancelled."""
        while True:
            try:
                await self._list_and_watch()
            except Gone:
                _log.info("the watch of the config maps fell behind; listing again")
            except ApiError as error:
                _log.warning("cannot watch the config maps (%s); trying again", error.message)
                await asyncio.sleep(_RETRY_S)

    async def _list_and_watch(self) -> None:
        listed = await self._client.list(CONFIG_MAP, CONFIG_NAMESPACE)
        found = {raw["metadata"]["name"]: raw for raw in listed.items}
        for name in _NAMES:
            self._apply(name, found.get(name))
        self.synced.set()
        version = listed.resource_version
        async for event in self._client.watch(CONFIG_MAP, CONFIG_NAMESPACE, resource_version=version):
            name = event.object["metadata"].get("name", "")
            if event.type != "BOOKMARK" and name in _NAMES:
                self._apply(name, None if event.type == "DELETED" else event.object)

    def _apply(self, name: str, config_map: Object | None) -> None:
        try:
            read = parse_config({name: (config_map or {}).get("data") or {}})
        except ConfigError as error:
            _log.error("%s; the settings before it stay in force until it is corrected", error)
            return
        part = name.removeprefix("config-")
        changed = replace(self.current, **{part: getattr(read, part)})
        if changed != self.current:
            self.current = changed
            for listener in self.listeners:
                listener()
