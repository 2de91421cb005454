"""Kubernetes Events: what happened to an object, for `kubectl describe`."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import Literal, Protocol

from faas.client.errors import AlreadyExists, ApiError, NotFound
from faas.client.protocol import Client, Object
from faas.engine.contract.clock import Clock
from faas.resources.conditions import READY, find
from faas.resources.kinds import EVENT
from faas.resources.meta import Conditions

_log = logging.getLogger(__name__)
_PENDING = 1000  # events that may wait to be written; more are dropped: they are advice, never state
_COMPONENT = "faas-controller"


class Recorder(Protocol):
    def event(self, about: Object, type: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        """Tell that something happened; never blocks and never fails."""
        ...


def tell_ready(recorder: Recorder, about: Object, before: Conditions, after: Conditions) -> None:
    """Tell when Ready has become another."""
    old, new = find(before, READY), find(after, READY)
    if new is None or (old is not None and old.status == new.status):
        return
    kind = about["kind"]
    if new.status == "True":
        recorder.event(about, "Normal", f"{kind}Ready", f"{kind} becomes ready")
    elif new.status == "False":
        recorder.event(about, "Warning", new.reason or f"{kind}NotReady", new.message or f"{kind} is not ready")


class EventRecorder:
    """Writes Events in the background; the same one again raises its count, as in Kubernetes."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._pending: asyncio.Queue[Object] = asyncio.Queue(_PENDING)

    def event(self, about: Object, type: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        now = self._clock.utc().strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            self._pending.put_nowait(make_event(about, type, reason, message, now=now))
        except asyncio.QueueFull:
            _log.warning("dropped an event about %s: %s", about["metadata"]["name"], message)

    async def run(self) -> None:
        while True:
            event = await self._pending.get()
            try:
                await self._write(event)
            except ApiError as error:
                _log.warning("cannot record the event %s: %s", event["metadata"]["name"], error.message)

    async def _write(self, event: Object) -> None:
        metadata = event["metadata"]
        try:
            await self._client.create(EVENT, event, field_manager=_COMPONENT)
        except AlreadyExists:
            stored = await self._client.get(EVENT, metadata["name"], metadata["namespace"])
            again = {"count": stored.get("count", 1) + 1, "lastTimestamp": event["lastTimestamp"]}
            await self._client.patch(EVENT, metadata["name"], again, metadata["namespace"], type="merge")
        except NotFound:
            _log.debug("the namespace %s is gone, and its events with it", metadata["namespace"])


def make_event(about: Object, type: str, reason: str, message: str, *, now: str) -> Object:
    """One Event. Its name is the same for the same words about the same object."""
    metadata = about["metadata"]
    digest = hashlib.sha256("\0".join((metadata["uid"], type, reason, message)).encode()).hexdigest()[:16]
    namespace = metadata.get("namespace", "default")
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.kind,
        "metadata": {"name": f"{metadata['name']}.{digest}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": metadata["name"],
            "namespace": namespace,
            "uid": metadata["uid"],
            "resourceVersion": metadata.get("resourceVersion", ""),
        },
        "type": type,
        "reason": reason,
        "message": message,
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "source": {"component": _COMPONENT},
        "reportingComponent": _COMPONENT,
        "reportingInstance": "",
    }
