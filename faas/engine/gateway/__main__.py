"""`python -m faas.engine.gateway --settings PATH`: the gateway's process, started by the supervisor."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import sys
from pathlib import Path

import uvloop

from faas.engine.contract.settings import EngineSettings
from faas.engine.gateway.server import Options, serve
from faas.engine.gateway.tracing import make_tracer


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m faas.engine.gateway")
    parser.add_argument("--settings", type=Path, required=True, help="the engine's settings, a JSON document")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # the access log, line by line
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = EngineSettings.load(arguments.settings)
    options = Options(
        tracer=make_tracer(os.environ),
        # JSON lines on stdout for this share of requests: 1 for all of them.
        access_log_rate=float(os.environ.get("FAAS_ACCESS_LOG", "0") or 0),
    )
    # Requests make no cycles worth a collection each few hundred allocations; a rarer one keeps latency even.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
