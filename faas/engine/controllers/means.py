"""What a controller works with."""

from __future__ import annotations

from dataclasses import dataclass

from faas.client.protocol import Client
from faas.engine.contract.board import Board
from faas.engine.contract.clock import Clock
from faas.engine.contract.settings import EngineSettings
from faas.engine.controllers.addressing import Resolver
from faas.engine.controllers.caches import Caches
from faas.engine.controllers.events import Recorder
from faas.engine.controllers.live_config import LiveConfig
from faas.engine.controllers.naming import Naming


@dataclass(frozen=True, slots=True)
class Means:
    """The same for all of them. What is read comes from `caches` and `config`; `client` and `board` are written."""

    client: Client
    caches: Caches
    board: Board
    config: LiveConfig
    settings: EngineSettings
    resolver: Resolver  # of destinations: sinks, subscribers, dead letter sinks
    recorder: Recorder  # of events about objects
    clock: Clock

    @property
    def naming(self) -> Naming:
        return Naming.of(self.settings, self.config.current.network)
