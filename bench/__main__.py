"""Run all measurements, or those named: `python -m bench [NAME ...]`; `events` names all of `events-…`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench import builds, cluster, commands, containers, engine, filters, runtime
from bench.events import delivery, ingress, latency, memory, mqtt
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
    "cluster-unchanged": cluster.unchanged_deploy,
    "cluster-requests": cluster.requests,
    "cluster-exports": cluster.exports,
    "help": commands.help_time,
    "weather": commands.run_weather,
    "builds": builds.builds,
    "containers": containers.cold_start,
    "filters": filters.filters,
    "events-delivery": delivery.delivery,
    "events-latency": latency.latency,
    "events-ingress": ingress.ingress,
    "events-mqtt": mqtt.mqtt,
    "events-memory": memory.memory,
}


def main() -> int:
    asked = sys.argv[1:] or list(MEASUREMENTS)
    named = {name: [each for each in MEASUREMENTS if each == name or each.startswith(f"{name}-")] for name in asked}
    unknown = [name for name, found in named.items() if not found]
    if unknown:
        print(f"no such measurement: {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    failed = []
    for name in dict.fromkeys(each for found in named.values() for each in found):
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            figures += MEASUREMENTS[name]()
        except RuntimeError as error:
            failed.append(f"{name}: {error}")
            print(f"{name} could not be measured: {error}", file=sys.stderr)
    publish(figures)
    return 1 if failed else 0


sys.exit(main())
