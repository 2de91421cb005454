"""`python -m faas.engine.broker --settings PATH`: the broker's process, started by the supervisor."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import sys
from pathlib import Path

import uvloop

from faas.engine.contract.settings import EngineSettings


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m faas.engine.broker")
    parser.add_argument("--settings", type=Path, required=True, help="the engine's settings, a JSON document")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = EngineSettings.load(arguments.settings)
    if not settings.nats.url.startswith("ws"):
        # nats-py imports aiohttp wherever it is installed, for WebSockets: half of our start, and 10 MB.
        sys.modules["aiohttp"] = None  # type: ignore[assignment]
    from faas.engine.broker.dispatch import make_dispatcher
    from faas.engine.broker.server import serve

    # Events make no cycles worth a collection each few hundred allocations; a rarer one keeps latency even.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, make_dispatcher))
    return 0


if __name__ == "__main__":
    sys.exit(main())
