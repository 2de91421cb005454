"""Looks at an instance from outside, as kubelet and Knative's queue-proxy do."""

from __future__ import annotations

import asyncio
import itertools
import os
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeGuard

from faas.engine.contract.revision import ProbePlan

if TYPE_CHECKING:
    import ssl

# Source: knative/serving pkg/queue/readiness/probe.go (aggressive probe).
AGGRESSIVE_PERIOD_S: Final = 0.05
AGGRESSIVE_FIRST_S: Final = 0.01  # a small server listens a few milliseconds after its container has started
AGGRESSIVE_TIMEOUT_S: Final = 0.1
AGGRESSIVE_FOR_S: Final = 10.0
SLOW_PERIOD_S: Final = 1.0
DEFAULT_PERIOD_S: Final = 10.0  # Kubernetes' periodSeconds
USER_AGENT: Final = "kube-probe/1.35"
_ANSWER_BYTES: Final = 4096  # enough for a reason; who sends more is not listened to


@dataclass(frozen=True, slots=True)
class Target:
    """What a container can be asked by: its ports, and commands that run beside it."""

    reach: Callable[[int], str]  # the address of a port; 0: of the one for requests
    execute: Callable[[tuple[str, ...], float], Awaitable[str]]


async def probe(plan: ProbePlan, target: Target, *, timeout_s: float) -> str:
    """Ask once. Returns: why it failed, "" when it did not."""
    if plan.kind == "exec":
        return await target.execute(plan.command, timeout_s)
    address = target.reach(plan.port)
    try:
        async with asyncio.timeout(timeout_s):
            match plan.kind:
                case "tcp":
                    _, writer = await _connect(address)
                    writer.close()
                    return ""
                case "http":
                    return await _http(plan, address)
                case "grpc":
                    return await _grpc(plan, address)
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"
    except OSError as error:
        return f"cannot connect: {os.strerror(error.errno) if error.errno else error}"  # asyncio has words of its own


async def accepts(address: str, *, timeout_s: float) -> bool:
    """Whether somebody takes connections there."""
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await _connect(address)
    except OSError:  # and TimeoutError
        return False
    writer.close()
    return True


async def _connect(address: str, *, tls: bool = False) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    scheme, _, rest = address.partition(":")
    if scheme == "unix":
        return await asyncio.open_unix_connection(rest)
    host, _, port = rest.rpartition(":")
    return await asyncio.open_connection(host.strip("[]"), int(port), ssl=_unverified() if tls else None)


def _unverified() -> ssl.SSLContext:
    """As kubelet does it: a certificate of a container's own is made for its service's name, not for its address."""
    import ssl  # here: a megabyte that an engine without such probes can do without

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _http(plan: ProbePlan, address: str) -> str:
    try:
        status, _ = await http_answer(address, plan.path or "/", dict(plan.headers), tls=plan.scheme == "HTTPS")
    except ValueError:
        return "it did not answer in HTTP"
    return "" if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"


async def http_answer(
    address: str, path: str, headers: Mapping[str, str], *, limit: int = _ANSWER_BYTES, tls: bool = False
) -> tuple[int, bytes]:
    """The status of a GET and the first part of its body. Raises: OSError; ValueError: that is not HTTP."""
    reader, writer = await _connect(address, tls=tls)
    try:
        fields = {"host": "localhost", "user-agent": USER_AGENT, "connection": "close"}
        fields.update({name.lower(): value for name, value in headers.items()})
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        status = (await reader.readline()).split()
        if len(status) < 2 or not status[1].isdigit():
            raise ValueError("not HTTP")
        rest = b""
        while len(rest) < limit and (data := await reader.read(limit)):
            rest += data
        return int(status[1]), rest.partition(b"\r\n\r\n")[2]
    finally:
        writer.close()


async def _grpc(plan: ProbePlan, address: str) -> str:
    """grpc.health.v1.Health/Check; `path` is the service to ask for. SERVING is field 1 with value 1."""
    reader, writer = await _connect(address)
    # Imported here: 4 MB that an engine without gRPC probes can do without.
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.events import DataReceived, StreamEnded, StreamReset
    from h2.exceptions import ProtocolError

    connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    service = plan.path.strip("/").encode()[:127]
    message = b"\x0a" + bytes([len(service)]) + service if service else b""
    try:
        connection.initiate_connection()
        head = {
            ":method": "POST",
            ":scheme": "http",
            ":path": "/grpc.health.v1.Health/Check",
            ":authority": "localhost",
        }
        connection.send_headers(1, [*head.items(), ("content-type", "application/grpc"), ("te", "trailers")])
        connection.send_data(1, struct.pack(">BI", 0, len(message)) + message, end_stream=True)
        writer.write(connection.data_to_send())
        answer = b""
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                match event:
                    case DataReceived():
                        answer += event.data or b""
                    case StreamEnded() | StreamReset():
                        return "" if answer[5:7] == b"\x08\x01" else "the gRPC health service does not say SERVING"
            writer.write(connection.data_to_send())
        return "it closed the connection"
    except ProtocolError:
        return "it did not answer in HTTP/2"
    finally:
        writer.close()


async def wait_ready(
    readiness: ProbePlan,
    target: Target,
    ask: Callable[..., Awaitable[str]] = probe,
    failed: Callable[[str], None] = lambda failure: None,
) -> None:
    """Return once the readiness probe has succeeded as often as it has to. The caller bounds the wait.

    Args: failed: told each time why it was not ready.
    """
    aggressive = not readiness.period_s and readiness.kind != "exec"  # a command costs too much for that
    timeout_s = AGGRESSIVE_TIMEOUT_S if aggressive else readiness.timeout_s
    await asyncio.sleep(readiness.initial_delay_s)
    successes = 0
    for pause_s in aggressive_pauses() if aggressive else itertools.repeat(readiness.period_s or SLOW_PERIOD_S):
        failure = await ask(readiness, target, timeout_s=timeout_s)
        if failure:
            failed(failure)
        successes = 0 if failure else successes + 1
        if successes >= readiness.success_threshold:
            return
        await asyncio.sleep(pause_s)


def aggressive_pauses() -> Iterator[float]:
    """Between probes of what should listen any moment; after ten seconds it no longer counts as that."""
    yield from (AGGRESSIVE_FIRST_S, 2 * AGGRESSIVE_FIRST_S)
    yield from itertools.repeat(AGGRESSIVE_PERIOD_S, int(AGGRESSIVE_FOR_S / AGGRESSIVE_PERIOD_S))
    yield from itertools.repeat(SLOW_PERIOD_S)


async def wait_failed(plan: ProbePlan, target: Target, ask: Callable[..., Awaitable[str]] = probe) -> str:
    """Return why, once the probe has failed as often in a row as its threshold says."""
    await asyncio.sleep(plan.initial_delay_s)
    failures = 0
    while True:
        failure = await ask(plan, target, timeout_s=plan.timeout_s)
        failures = failures + 1 if failure else 0
        if failures >= plan.failure_threshold:
            return failure
        await asyncio.sleep(plan.period_s or DEFAULT_PERIOD_S)


async def wait_succeeded(plan: ProbePlan, target: Target, ask: Callable[..., Awaitable[str]] = probe) -> str:
    """A start-up probe: return "" at its first success, or why, when it has failed as often as it may."""
    failure = ""
    await asyncio.sleep(plan.initial_delay_s)
    for _ in range(plan.failure_threshold):
        failure = await ask(plan, target, timeout_s=plan.timeout_s)
        if not failure:
            return ""
        await asyncio.sleep(plan.period_s or DEFAULT_PERIOD_S)
    return failure


def has_to_be_made(plan: ProbePlan | None, *, announced: bool) -> TypeGuard[ProbePlan]:
    """Whether a readiness probe finds anything out: our own runtime says itself when it accepts connections."""
    return plan is not None and not (announced and plan.kind == "tcp")
