"""`python -m faas.sources ADAPTER`: run one adapter until SIGTERM.

With `--retire` it undoes instead what the adapter has made upstream (a session, a hook): its source is deleted.

Exit status: 0 it was asked to end and what was in flight is settled, 2 the environment cannot work, 1 anything else.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import signal
import sys
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

from faas_runtime.calls import logs

from faas.sources import adapters
from faas.sources.config import read_options
from faas.sources.environment import Environment
from faas.sources.errors import ConfigurationError, Stopping, UpstreamError
from faas.sources.reports import Reports
from faas.sources.sink import Sink
from faas.sources.source import Adapter, Source

_PR_SET_DUMPABLE = 4
SETTLE_S = 8.0  # for what is in flight; whoever sent SIGTERM usually waits 10 s
RETIRE_S = 20.0
log = logging.getLogger("faas.sources")


def main(arguments: Sequence[str]) -> int:
    name, *rest = arguments or [""]
    if not name or name.startswith("-") or rest not in ([], ["--retire"]):
        print(
            f"usage: python -m faas.sources ADAPTER [--retire], one of {', '.join(adapters.names())}", file=sys.stderr
        )
        return 2
    _keep_environment_private()
    try:
        adapter = adapters.find(name)
        environment = Environment.read()
        options = read_options(environment.options, adapter.Options)
        _configure_log(environment)
        _run(retire(adapter, environment, options) if rest else serve(adapter, environment, options))
    except ConfigurationError as error:
        print(f"faas.sources {name}: {error}", file=sys.stderr)
        return 2
    except (UpstreamError, TimeoutError) as error:
        print(f"faas.sources {name}: {error or 'no answer in time'}", file=sys.stderr)
        return 1
    return 0


def _configure_log(environment: Environment) -> None:
    """Lines of JSON, as functions write them, where nobody but a log collector listens; words for the engine."""
    if environment.report_fd is None:
        logs.configure("warning")
    else:
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    log.setLevel(environment.log_level)  # libraries talk of each message at levels below


def _keep_environment_private() -> None:
    """Passwords are in it; functions, which may run as the same user, could read it and trace us otherwise."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _run(work: Coroutine[Any, Any, None]) -> None:
    if sys.platform == "win32":
        asyncio.run(work)
    else:
        import uvloop

        uvloop.run(work)


async def retire(adapter: Adapter, environment: Environment, options: Any) -> None:
    """Raises: ConfigurationError; UpstreamError, TimeoutError: it could not be undone now."""
    undo = getattr(adapter, "retire", None)
    if undo is None:
        return
    reports = Reports(None)
    stopping = asyncio.Event()
    sink = Sink(environment, reports, stopping)
    async with asyncio.timeout(RETIRE_S):
        try:
            await undo(Source(options, environment, sink, reports, stopping))
        except OSError as error:
            raise UpstreamError("UpstreamUnavailable", str(error)) from error


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
        reports.tell()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
