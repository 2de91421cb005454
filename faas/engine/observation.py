"""What the engine tells of itself: `/faas/v1/status` for people and commands, `/metrics` for Prometheus."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Any

from faas.engine.autoscaler import Autoscaler
from faas.engine.broker.link import BrokerGone, BrokerLink
from faas.engine.contract.board import Board
from faas.engine.contract.eventing import BrokerConfig
from faas.engine.contract.revision import FleetStatus, RevisionKey
from faas.engine.contract.settings import EngineSettings
from faas.engine.gateway.link import GatewayGone, GatewayLink
from faas.engine.instances import exposition


class Observation:
    def __init__(
        self, settings: EngineSettings, board: Board, link: GatewayLink, broker: BrokerLink, autoscaler: Autoscaler
    ) -> None:
        self._settings, self._board, self._autoscaler = settings, board, autoscaler
        self._link, self._broker = link, broker
        self._started = time.time()

    def status(self) -> dict[str, Any]:
        fleets = self._board.fleets.items()
        return {
            "pid": os.getpid(),
            "uptimeSeconds": int(time.time() - self._started),
            "gatewayConnected": self._link.is_connected,
            "publicPort": self._settings.public_port,
            "apiPort": self._settings.api_port,
            "domain": self._settings.domain,
            "routes": len(self._board.targets),
            "revisions": [self._revision(key, fleet) for key, fleet in sorted(fleets, key=lambda pair: str(pair[0]))],
            "durability": "" if self._settings.nats.url else self._settings.nats.durability,
            "brokers": [self._broker_of(key, config) for key, config in sorted(self._board.brokers.items())],
        }

    def _broker_of(self, key: str, config: BrokerConfig) -> dict[str, Any]:
        """As the broker's process said it last; before it has said anything it is not ready."""
        status = self._board.broker_status.get(key)
        triggers = [name for name, trigger in self._board.triggers.items() if trigger and trigger.broker == key]
        queues = [queue for name in triggers if (queue := self._board.trigger_status.get(name)) is not None]
        return {
            "name": key,
            "ready": status is not None and status.ready,
            "reason": status.reason if status is not None else "Starting",
            "message": status.message if status is not None else "",
            "events": status.events if status is not None else 0,
            "bytes": status.bytes if status is not None else 0,
            "maxBytes": config.max_bytes,
            "dead": status.dead if status is not None else 0,
            "triggers": len(triggers),
            "backlog": sum(queue.backlog for queue in queues),
        }

    def _revision(self, key: RevisionKey, fleet: FleetStatus) -> dict[str, Any]:
        decision = self._board.decisions.get(key)
        return {
            "namespace": key.namespace,
            "name": key.name,
            "desired": decision.desired if decision is not None else -1,
            "ready": fleet.ready,
            "starting": fleet.starting,
            "draining": fleet.draining,
            "notes": [{"reason": reason, "message": message} for reason, message in fleet.notes],
        }

    async def metrics(self) -> str:
        """All parts and the functions in one Prometheus text; without the part of a process that restarts."""
        try:
            gateway = await self._link.scrape()
        except GatewayGone:
            gateway = ""
        up = f"# TYPE faas_gateway_up gauge\nfaas_gateway_up {int(bool(gateway))}\n"
        parts = (gateway, up, await self._events(), self._autoscaler.metrics(), *self._instances())
        known = "".join(map(_ended, parts))
        taken = {line.split()[2] for line in known.splitlines() if line.startswith("# TYPE ")}
        return known + await exposition.collect(list(self._ready()), taken=taken)

    async def _events(self) -> str:
        """Nothing where there is no Broker."""
        if not len(self._board.brokers):
            return ""
        try:
            text = await self._broker.scrape()
        except BrokerGone:
            text = ""
        return f"# TYPE faas_broker_up gauge\nfaas_broker_up {int(bool(text))}\n{text}"

    def _ready(self) -> Iterable[tuple[str, exposition.Labels]]:
        """Where the instances are that take requests, and what their metrics are told as."""
        for key, endpoints in self._board.endpoints.items():
            if key not in self._board.plans:
                continue  # no function's: a source, or the way to Brokers
            policy = self._board.policies.get(key)
            labels = {
                "namespace": key.namespace,
                "service": policy.service if policy is not None else "",
                "revision": key.name,
            }
            for endpoint in endpoints:
                if endpoint.has_our_runtime and not endpoint.draining:
                    yield endpoint.address, {**labels, "pod": endpoint.id}

    def _instances(self) -> Iterable[str]:
        yield "# HELP faas_instances Instances of a revision, by what they do.\n# TYPE faas_instances gauge\n"
        for key, fleet in self._board.fleets.items():
            labels = f'namespace="{key.namespace}",revision="{key.name}"'
            for state in ("ready", "starting", "draining"):
                yield f'faas_instances{{{labels},state="{state}"}} {getattr(fleet, state)}\n'


def _ended(text: str) -> str:
    return text if text.endswith("\n") or not text else f"{text}\n"
