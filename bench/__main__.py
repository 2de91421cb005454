"""Run all measurements, or those named: `python -m bench [NAME ...]`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench import commands, engine, events, filters, runtime
from bench.report import Figure, publish

_peer_start: list[float] = []


def peer_start_s() -> float:
    """functions-framework's start, measured once a run."""
    if not _peer_start:
        _peer_start.append(runtime.functions_framework_start_s())
    return _peer_start[0]


MEASUREMENTS: dict[str, Callable[[], list[Figure]]] = {
    "throughput": runtime.throughput,
    "start": lambda: runtime.start(peer_start_s()),
    "from-zero": lambda: engine.from_zero(peer_start_s()),
    "gateway": engine.gateway,
    "burst": engine.burst,
    "memory": engine.memory,
    "deploy": commands.deploy,
    "reload": commands.save_to_served,
    "help": commands.help_time,
    "weather": commands.run_weather,
    "filters": filters.filters,
    "events": events.delivery,
}


def main() -> int:
    names = sys.argv[1:] or list(MEASUREMENTS)
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        print(f"no such measurement: {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    failed = []
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            figures += MEASUREMENTS[name]()
        except RuntimeError as error:
            failed.append(f"{name}: {error}")
            print(f"{name} could not be measured: {error}", file=sys.stderr)
    publish(figures)
    return 1 if failed else 0


sys.exit(main())
