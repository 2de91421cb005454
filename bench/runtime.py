"""The runtime alone, on one core: requests a second, events a second, process start to first answer."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

from bench.load import drive, make_request
from bench.peers import python_of
from bench.processes import away_from, cpu_s, descendants, free_port, running, wait_answer
from bench.report import Figure

APPS = Path(__file__).parent / "apps"
BODY = json.dumps({"name": "bench", "items": list(range(20))}).encode()
HTTP = make_request("/", BODY)
EVENT = make_request(
    "/",
    BODY,
    headers={"ce-specversion": "1.0", "ce-type": "bench.event", "ce-source": "/bench", "ce-id": "1"},
)
CONNECTIONS = 32
SECONDS = 4.0
ROUNDS = 2  # of all servers in turn; the best of each counts, since what else runs on the machine only ever slows
SERVER_CPU = 1  # the generator keeps to the others


def _ours(function: str, port: int) -> tuple[list[str | Path], dict[str, str]]:
    return [sys.executable, "-m", "faas_runtime"], {"PORT": str(port), "FAAS_FUNCTION": f"ours:{function}"}


def _functions_framework(target: str, signature: str, port: int) -> tuple[list[str | Path], dict[str, str]]:
    python = python_of("functions_framework")
    source = str(APPS / "functions_framework_app.py")
    arguments = ["--source", source, "--target", target, "--signature-type", signature, "--port", str(port)]
    return [python.with_name("functions-framework"), *arguments], {}


def _func_python(kind: str, port: int) -> tuple[list[str | Path], dict[str, str]]:
    python = python_of("func_python")
    return [python, APPS / "func_python_app.py", kind], {"LISTEN_ADDRESS": f"127.0.0.1:{port}"}


def _rate(server: tuple[list[str | Path], dict[str, str]], port: int, request: bytes) -> float:
    """Requests answered in a second of the server's CPU time, under more load than it can take.

    On a machine that does nothing else this is what a clock on the wall says. On one that does, the wall clock measures
    the neighbours.
    """
    command, env = server
    address = ("127.0.0.1", port)
    with running(command, cwd=APPS, env=env, cpu=SERVER_CPU) as process, away_from(SERVER_CPU):
        wait_answer(address, request, process=process, every_s=0.02)
        drive(address, request, connections=CONNECTIONS, seconds=1.0)
        used = cpu_s(descendants(process.pid))
        result = drive(address, request, connections=CONNECTIONS, seconds=SECONDS / ROUNDS)
        used = cpu_s(descendants(process.pid)) - used
    if result.failed:
        raise RuntimeError(f"{command}: {result.failed} requests failed: {result.statuses}")
    return len(result.latencies) / used


def throughput() -> list[Figure]:
    port = free_port()
    servers = {
        "ff_http": (_functions_framework("echo", "http", port), HTTP),
        "func_http": (_func_python("http", port), HTTP),
        "ff_event": (_functions_framework("on_event", "cloudevent", port), EVENT),
        "func_event": (_func_python("event", port), EVENT),
        "sync": (_ours("echo", port), HTTP),
        "async": (_ours("echo_async", port), HTTP),
        "event": (_ours("on_event", port), EVENT),
    }
    rounds = [
        {name: _rate(server, port, request) for name, (server, request) in servers.items()} for _ in range(ROUNDS)
    ]
    best = {name: max(rates[name] for rates in rounds) for name in servers}
    rows = (
        ("JSON over HTTP, sync handler, one core", "sync", 3.0, "http"),
        ("JSON over HTTP, async handler, one core", "async", 4.0, "http"),
        ("CloudEvent in, one core", "event", 3.0, "event"),
    )
    return [
        Figure(what, best[ours], "req/s", wanted, "more", peer_name, best[f"{peer}_{kind}"])
        for what, ours, wanted, kind in rows
        for peer_name, peer in (("functions-framework", "ff"), ("func-python", "func"))
    ]


def process_start_s(server: tuple[list[str | Path], dict[str, str]], port: int, runs: int = 7) -> float:
    """Median seconds from starting the process to its first answer, warm file cache."""
    command, env = server
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        with running(command, cwd=APPS, env=env) as process:
            wait_answer(("127.0.0.1", port), HTTP, process=process)
            taken.append(time.perf_counter() - begun)
    return statistics.median(taken[1:])


def functions_framework_start_s() -> float:
    port = free_port()
    return process_start_s(_functions_framework("echo", "http", port), port)


def start(peer_s: float) -> list[Figure]:
    port = free_port()
    ours = process_start_s(_ours("echo", port), port)
    return [
        Figure("process start to first answer", ours * 1000, "ms", 0.4, "less", "functions-framework", peer_s * 1000)
    ]
