"""How often a container is asked, and what."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from faas.engine.api.certificates import make_certificates
from faas.engine.api.tls import SERVER
from faas.engine.contract.revision import ProbePlan
from faas.engine.instances.probes import Target, aggressive_pauses, has_to_be_made, probe, wait_ready


async def never(command: tuple[str, ...], timeout_s: float) -> str:
    raise AssertionError("no command is to be run")


def test_what_should_listen_any_moment_is_asked_often_and_after_ten_seconds_seldom() -> None:
    pauses = list(itertools.islice(aggressive_pauses(), 210))
    assert pauses[:4] == [0.01, 0.02, 0.05, 0.05]
    assert pauses[201:204] == [0.05, 1.0, 1.0]


@pytest.mark.parametrize(
    ("plan", "announced", "made"),
    [
        pytest.param(ProbePlan(), True, False, id="our runtime has said it"),
        pytest.param(ProbePlan(), False, True, id="a container has to be asked"),
        pytest.param(ProbePlan("http"), True, True, id="http says more"),
        pytest.param(None, False, False, id="a sidecar without a probe"),
    ],
)
def test_a_probe_is_made_when_it_finds_something_out(plan: ProbePlan | None, announced: bool, made: bool) -> None:
    assert has_to_be_made(plan, announced=announced) is made


def test_it_is_ready_after_as_many_successes_in_a_row_as_it_needs() -> None:
    answers = iter(["no", "", "no", "", ""])

    async def ask(plan: ProbePlan, target: Target, *, timeout_s: float) -> str:
        return next(answers)

    asyncio.run(wait_ready(ProbePlan(success_threshold=2), Target(str, never), ask))
    assert list(answers) == []


def test_somebody_is_told_why_it_is_not_ready() -> None:
    answers, told = iter(["refused", "silent", ""]), list[str]()

    async def ask(plan: ProbePlan, target: Target, *, timeout_s: float) -> str:
        return next(answers)

    asyncio.run(wait_ready(ProbePlan(), Target(str, never), ask, told.append))
    assert told == ["refused", "silent"]


def test_a_server_that_answers_a_grpc_probe_with_broken_frames_has_failed_it() -> None:
    async def main() -> str:
        closed = asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(bytes([0, 0, 1, 1, 5, 0, 0, 0, 1, 0xFF]))  # headers that no HPACK decodes
            await reader.read()
            writer.close()
            await writer.wait_closed()
            closed.set()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            target = Target(lambda number: f"tcp:127.0.0.1:{number}", never)
            said = await probe(ProbePlan("grpc", port=port), target, timeout_s=10.0)
            await closed.wait()
            return said

    assert asyncio.run(main()) == "it did not answer in HTTP/2"


def test_a_command_is_run_by_whoever_runs_the_container() -> None:
    async def execute(command: tuple[str, ...], timeout_s: float) -> str:
        return f"{command} within {timeout_s:g}"

    plan = ProbePlan("exec", command=("test", "-e", "/ready"))
    said = asyncio.run(probe(plan, Target(str, execute), timeout_s=2.0))
    assert said == "('test', '-e', '/ready') within 2"


def test_https_is_asked_at_its_own_port_and_its_certificate_is_not_verified(tmp_path: Path) -> None:
    heard = []
    make_certificates(tmp_path, datetime.now(UTC))  # of an authority that nobody knows
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / SERVER)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def main() -> str:
        async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
            own = server.sockets[0].getsockname()[1]
            plan = ProbePlan("http", own, "HTTPS", "/up")
            return await probe(plan, Target(lambda port: f"tcp:127.0.0.1:{port}", never), timeout_s=10)

    assert asyncio.run(main()) == ""
    assert heard == [b"GET /up HTTP/1.1"]
