"""Looks at an instance from outside, as kubelet and Knative's queue-proxy do."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeGuard

from faas.engine.contract.revision import ProbePlan

# Source: knative/serving pkg/queue/readiness/probe.go (aggressive probe).
AGGRESSIVE_PERIOD_S: Final = 0.05
AGGRESSIVE_TIMEOUT_S: Final = 0.1
DEFAULT_PERIOD_S: Final = 10.0  # Kubernetes' periodSeconds
USER_AGENT: Final = "kube-probe/1.35"
_ANSWER_BYTES: Final = 4096  # enough for a reason; who sends more is not listened to


async def probe(plan: ProbePlan, address: str, *, env: dict[str, str], timeout_s: float) -> str:
    """Ask once. Returns: why it failed, "" when it did not."""
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
                case "exec":
                    return await _exec(plan, env)
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"
    except OSError as error:
        return f"cannot connect: {error.strerror or error}"


async def _connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    scheme, _, rest = address.partition(":")
    if scheme == "unix":
        return await asyncio.open_unix_connection(rest)
    host, _, port = rest.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def _http(plan: ProbePlan, address: str) -> str:
    try:
        status, _ = await http_answer(address, plan.path or "/", dict(plan.headers))
    except ValueError:
        return "it did not answer in HTTP"
    return "" if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"


async def http_answer(
    address: str, path: str, headers: Mapping[str, str], *, limit: int = _ANSWER_BYTES
) -> tuple[int, bytes]:
    """The status of a GET and the first part of its body. Raises: OSError; ValueError: that is not HTTP."""
    reader, writer = await _connect(address)
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


async def _exec(plan: ProbePlan, env: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *plan.command,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    return "" if code == 0 else f"the command ended with exit code {code}"


async def _grpc(plan: ProbePlan, address: str) -> str:
    """grpc.health.v1.Health/Check; `path` is the service to ask for. SERVING is field 1 with value 1."""
    reader, writer = await _connect(address)
    # Imported here: 4 MB that an engine without gRPC probes can do without.
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.events import DataReceived, StreamEnded, StreamReset

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
    finally:
        writer.close()


async def wait_ready(
    readiness: ProbePlan, address: str, env: dict[str, str], ask: Callable[..., Awaitable[str]] = probe
) -> None:
    """Return once the readiness probe has succeeded as often as it has to. The caller bounds the wait."""
    period_s = readiness.period_s or AGGRESSIVE_PERIOD_S
    timeout_s = readiness.timeout_s if readiness.period_s else AGGRESSIVE_TIMEOUT_S
    await asyncio.sleep(readiness.initial_delay_s)
    successes = 0
    while True:
        failure = await ask(readiness, address, env=env, timeout_s=timeout_s)
        successes = 0 if failure else successes + 1
        if successes >= readiness.success_threshold:
            return
        await asyncio.sleep(period_s)


async def wait_failed(
    plan: ProbePlan, address: str, env: dict[str, str], ask: Callable[..., Awaitable[str]] = probe
) -> str:
    """Return why, once the probe has failed as often in a row as its threshold says."""
    await asyncio.sleep(plan.initial_delay_s)
    failures = 0
    while True:
        failure = await ask(plan, address, env=env, timeout_s=plan.timeout_s)
        failures = failures + 1 if failure else 0
        if failures >= plan.failure_threshold:
            return failure
        await asyncio.sleep(plan.period_s or DEFAULT_PERIOD_S)


async def wait_succeeded(
    plan: ProbePlan, address: str, env: dict[str, str], ask: Callable[..., Awaitable[str]] = probe
) -> str:
    """A start-up probe: return "" at its first success, or why, when it has failed as often as it may."""
    failure = ""
    await asyncio.sleep(plan.initial_delay_s)
    for _ in range(plan.failure_threshold):
        failure = await ask(plan, address, env=env, timeout_s=plan.timeout_s)
        if not failure:
            return ""
        await asyncio.sleep(plan.period_s or DEFAULT_PERIOD_S)
    return failure


def says_more_than_ready(plan: ProbePlan | None) -> TypeGuard[ProbePlan]:
    """Whether a probe has to be made at all: our runtime says itself when it accepts connections."""
    return plan is not None and plan.kind != "tcp"
