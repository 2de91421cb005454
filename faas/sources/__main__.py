"""`python -m faas.sources ADAPTER`: run one adapter until SIGTERM.

Exit status: 0 it was asked to end and what was in flight is settled, 2 the environment cannot work, 1 anything else.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from faas.sources import adapters
from faas.sources.config import read_options
from faas.sources.environment import Environment
from faas.sources.errors import ConfigurationError, Stopping
from faas.sources.reports import Reports
from faas.sources.sink import Sink
from faas.sources.source import Adapter, Source

SETTLE_S = 8.0  # for what is in flight; whoever sent SIGTERM usually waits 10 s
log = logging.getLogger("faas.sources")


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(f"usage: python -m faas.sources ADAPTER, one of {', '.join(adapters.names())}", file=sys.stderr)
        return 2
    try:
        adapter = adapters.find(arguments[0])
        environment = Environment.read()
        options = read_options(environment.options, adapter.Options)
        logging.basicConfig(level=environment.log_level, format="%(levelname)s %(message)s", stream=sys.stderr)
        if sys.platform == "win32":
            asyncio.run(serve(adapter, environment, options))
        else:
            import uvloop

            uvloop.run(serve(adapter, environment, options))
    except ConfigurationError as error:
        print(f"faas.sources {arguments[0]}: {error}", file=sys.stderr)
        return 2
    return 0


async def serve(adapter: Adapter, environment: Environment, options: Any) -> None:
    """Run an adapter until SIGTERM or SIGINT. Raises: ConfigurationError."""
    reports = Reports(environment.report_fd)
    stopping = asyncio.Event()
    sink = Sink(environment, reports, stopping)
    source = Source(options, environment, sink, reports, stopping)
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopping.set)
    pulse = asyncio.create_task(reports.pulse())
    work = asyncio.create_task(adapter.run(source))
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            await asyncio.wait({work}, timeout=SETTLE_S)
        if not work.done():
            log.warning("what was in flight was not settled within %g s; upstream keeps it", SETTLE_S)
            return
        with suppress(Stopping):
            work.result()
    finally:
        pending = [task for task in (pulse, work, stop) if not task.done()]
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending)
        await sink.aclose()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
