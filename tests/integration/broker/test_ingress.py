"""The ingress byte by byte: what it takes, what it refuses, and what a connection may use up."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from faas.engine.broker.ingress import Door, IngressConnection, Limits
from faas.engine.broker.seams.log import EventTooLarge, LogFull, LogUnavailable
from faas.engine.broker.seams.publishing import EventRefused
from tests.broker_world import PATIENCE_S, event, run

ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
LAST = b"connection: close\r\n"
MAX_EVENT_BYTES = 1000


@dataclass
class Shop:
    """A Broker that stores in a list: at once, when it is told, or never."""

    path: Path
    door: Door
    stored: list[str] = field(default_factory=list)  # ids, in the order of the calls
    events: list[tuple[dict[str, Any], bytes | None]] = field(default_factory=list)
    failures: dict[str, Exception] = field(default_factory=dict)  # by id
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish(self, broker: str, attributes: dict[str, Any], data: bytes | None) -> int:
        self.stored.append(attributes["id"])
        self.events.append((attributes, data))
        await self.gate.wait()
        if failure := self.failures.get(attributes["id"]):
            raise failure
        return len(self.stored)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(self.path)

    async def ask(self, *requests: bytes) -> bytes:
        """Send requests of which the last one closes the connection; all answers."""
        reader, writer = await self.connect()
        writer.writelines(requests)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await reader.read(-1)
        finally:
            writer.close()

    async def until(self, stored: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.stored) < stored:  # noqa: ASYNC110  # a plain list has no event
                await asyncio.sleep(0.001)


@asynccontextmanager
async def shop(limits: Limits | None = None, *, is_open: bool = True) -> AsyncIterator[Shop]:
    with tempfile.TemporaryDirectory(prefix="fb") as folder:
        async with asyncio.TaskGroup() as tasks:

            def spawn(work: Coroutine[Any, Any, None]) -> object:
                return tasks.create_task(work)

            def limit(broker: str) -> int | None:
                return MAX_EVENT_BYTES if broker == "default/orders" else None

            async def publish(broker: str, attributes: dict[str, Any], data: bytes | None) -> int:
                return await made.publish(broker, attributes, data)

            path = Path(folder) / "broker.sock"
            door = Door(publish, limit, spawn, limits)
            made = Shop(path, door)
            if is_open:
                made.gate.set()
            server = await asyncio.get_running_loop().create_unix_server(lambda: IngressConnection(door), path)
            try:
                yield made
            finally:
                server.close()
                made.gate.set()
                await door.drain()


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


CLOSE = b"connection: close\r\n"


def _with_extension(extension: bytes) -> bytes:
    body = b'{"specversion":"1.0","id":"1","source":"/shop","type":"t","extension":' + extension + b"}"
    head = b"POST /default/orders HTTP/1.1\r\nhost: b\r\ncontent-type: application/cloudevents+json\r\n"
    return head + b"content-length: %d\r\n\r\n" % len(body) + body


def test_an_event_is_answered_when_it_is_stored_and_not_before() -> None:
    async def main() -> None:
        async with shop(is_open=False) as broker:
            asking = asyncio.create_task(broker.ask(event(7, extra=CLOSE)))
            await broker.until(stored=1)
            assert not asking.done()
            broker.gate.set()
            assert await asking == b"HTTP/1.1 202 Accepted\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            assert broker.events == [
                (
                    {
                        "specversion": "1.0", "id": "7", "source": "/shop", "type": "com.acme.order",
                        "datacontenttype": "application/json",
                    },
                    b'{"n":1}',
                )
            ]  # fmt: skip
            assert (broker.door.in_flight, broker.door.in_flight_bytes) == (0, 0)

    run(main())


def test_pipelined_requests_are_stored_and_answered_in_order() -> None:
    async def main() -> None:
        async with shop(is_open=False) as broker:
            broker.failures["2"] = LogUnavailable("away")
            requests = [event(1), event(2), b"GET /default/orders HTTP/1.1\r\nhost: b\r\n\r\n", event(4, extra=CLOSE)]
            asking = asyncio.create_task(broker.ask(*requests))
            await broker.until(stored=3)
            broker.gate.set()
            answers = await asking
            assert statuses(answers) == [202, 503, 405, 202]
            assert answers.startswith(ACCEPTED)
            assert broker.stored == ["1", "2", "4"]

    run(main())


def test_more_pipelined_requests_than_allowed_wait_in_the_kernel_and_are_all_answered() -> None:
    async def main() -> None:
        async with shop(Limits(pipelined=4), is_open=False) as broker:
            reader, writer = await broker.connect()
            for number in range(8):
                writer.write(event(number))
                await broker.until(stored=min(number + 1, 4))
            writer.write(b"".join(event(number) for number in range(8, 200)) + event(200, extra=CLOSE))
            assert len(broker.stored) == 4
            broker.gate.set()
            async with asyncio.timeout(PATIENCE_S):
                assert statuses(await reader.read(-1)) == [202] * 201
            assert broker.stored == [str(number) for number in range(201)]
            writer.close()

    run(main())


@pytest.mark.parametrize("piece", [1, 7, 100])
def test_requests_may_come_in_any_pieces(piece: int) -> None:
    async def main() -> None:
        async with shop() as broker:
            reader, writer = await broker.connect()
            data = event(1) + event(2, b"x" * 50, extra=CLOSE)
            for start in range(0, len(data), piece):
                writer.write(data[start : start + piece])
                await asyncio.sleep(0)
            async with asyncio.timeout(PATIENCE_S):
                assert statuses(await reader.read(-1)) == [202, 202]
            assert [data for _, data in broker.events] == [b'{"n":1}', b"x" * 50]
            writer.close()

    run(main())


CHUNKED = (
    b"POST /default/orders HTTP/1.1\r\nhost: b\r\nce-specversion: 1.0\r\nce-id: 1\r\nce-source: /shop\r\n"
    b"ce-type: t\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
)


def test_a_chunked_body_is_taken() -> None:
    async def main() -> None:
        async with shop() as broker:
            answer = await broker.ask(CHUNKED, b"3\r\nabc\r\n", b"2;x=y\r\nde\r\n", b"0\r\ntrailer: 1\r\n\r\n")
            assert statuses(answer) == [202]
            assert broker.events[0][1] == b"abcde"

    run(main())


def structured(body: bytes, content_type: bytes = b"application/cloudevents+json") -> bytes:
    return (
        b"POST /default/orders HTTP/1.1\r\nhost: b\r\ncontent-type: %b\r\nconnection: close\r\n"
        b"content-length: %d\r\n\r\n%b" % (content_type, len(body), body)
    )


def batch(*ids: str) -> bytes:
    items = ",".join(f'{{"specversion":"1.0","id":"{id}","source":"/s","type":"t","data":1}}' for id in ids)
    return structured(f"[{items}]".encode(), b"application/cloudevents-batch+json")


def test_a_structured_event_is_taken() -> None:
    async def main() -> None:
        async with shop() as broker:
            body = b'{"specversion":"1.0","id":"1","source":"/s","type":"t","n":5,"data":{"a":[1, 2]}}'
            assert statuses(await broker.ask(structured(body))) == [202]
            assert broker.events == [
                ({"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "n": 5}, b'{"a":[1, 2]}')
            ]

    run(main())


def test_a_batch_is_accepted_when_all_of_it_is_stored() -> None:
    async def main() -> None:
        async with shop() as broker:
            assert statuses(await broker.ask(batch("1", "2", "3"))) == [202]
            assert broker.stored == ["1", "2", "3"]
            assert statuses(await broker.ask(batch())) == [202]
            broker.failures["5"] = LogFull("full")
            assert statuses(await broker.ask(batch("4", "5", "6"))) == [503]
            assert statuses(
                await broker.ask(structured(b'[{"specversion":"1.0"}]', b"application/cloudevents-batch+json"))
            ) == [400]

    run(main())


def test_a_batch_of_very_many_events_is_stored_in_order() -> None:
    async def main() -> None:
        async with shop() as broker:
            ids = [str(number) for number in range(3000)]
            assert statuses(await broker.ask(batch(*ids))) == [202]
            assert broker.stored == ids

    run(main())


@pytest.mark.parametrize(
    ("failure", "status", "head"),
    [
        pytest.param(LogFull("full"), 503, b"retry-after: 2", id="full"),
        pytest.param(LogUnavailable("away"), 503, b"retry-after: 1", id="away"),
        pytest.param(EventTooLarge("1001 bytes"), 413, b"", id="too large"),
        pytest.param(EventRefused("knativebrokerttl is used up"), 400, b"used up", id="going round"),
    ],
)
def test_an_event_that_is_not_stored_is_never_accepted(failure: Exception, status: int, head: bytes) -> None:
    async def main() -> None:
        async with shop() as broker:
            broker.failures["1"] = failure
            answers = await broker.ask(event(1), event(2, extra=CLOSE))
            assert statuses(answers) == [status, 202]
            assert head in answers
            assert broker.door.counts.refused == {status: 1}

    run(main())


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(b"GET /default/orders HTTP/1.1\r\nhost: b\r\n\r\n", 405, id="GET"),
        pytest.param(b"PUT /default/orders HTTP/1.1\r\nhost: b\r\ncontent-length: 2\r\n\r\nab", 405, id="PUT"),
        pytest.param(event(path=b"/"), 404, id="no Broker named"),
        pytest.param(event(path=b"/default"), 400, id="half an address"),
        pytest.param(event(path=b"/default/other"), 404, id="unknown Broker"),
        pytest.param(event(data=b"x" * 1001), 413, id="too large"),
        pytest.param(event(extra=b"content-encoding: gzip\r\n"), 415, id="compressed"),
        pytest.param(b"POST /default/orders HTTP/1.1\r\nhost: b\r\ncontent-length: 2\r\n\r\n{}", 400, id="no event"),
        pytest.param(event(extra=b"ce-id: 2\r\n"), 400, id="two ids"),
        pytest.param(event(extra=b"ce-time: yesterday\r\n"), 400, id="no time"),
        pytest.param(event(path=b"/" + b"x" * 3000), 414, id="long target"),
        pytest.param(event(extra=b"x: " + b"y" * 70_000 + b"\r\n"), 431, id="large head"),
        pytest.param(event(extra=b"".join(b"x%d: y\r\n" % n for n in range(300))), 431, id="many fields"),
        pytest.param(b"nonsense\r\n\r\n", 400, id="no HTTP"),
        pytest.param(event(extra=b"transfer-encoding: chunked\r\n"), 400, id="two framings"),
        pytest.param(event(extra=b"upgrade: h2c\r\nconnection: upgrade\r\n"), 400, id="another protocol"),
        pytest.param(_with_extension(b"1e400"), 400, id="a number beyond all bounds"),
        pytest.param(_with_extension(b'"\xff"'), 400, id="no UTF-8"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_stored(request_bytes: bytes, status: int) -> None:
    async def main() -> None:
        async with shop() as broker:
            reader, writer = await broker.connect()
            writer.write(request_bytes)
            async with asyncio.timeout(PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
            assert statuses(head) == [status]
            assert b"content-type: application/problem+json\r\n" in head
            assert (b"allow: POST, OPTIONS\r\n" in head) == (status == 405)
            assert broker.stored == []
            writer.close()

    run(main())


@pytest.mark.parametrize("framing", [b"1;a=", b"1\r\nx\r\n0\r\nfield: "], ids=["chunk extension", "trailer"])
def test_the_framing_of_a_body_has_an_end(framing: bytes) -> None:
    async def main() -> None:
        async with shop() as broker:
            head = event(data=b"").replace(b"content-length: 0", b"transfer-encoding: chunked")
            reader, writer = await broker.connect()
            writer.write(head + framing)
            writer.write(b"y" * 1_000_000)
            async with asyncio.timeout(PATIENCE_S):
                assert statuses(await reader.readuntil(b"\r\n\r\n")) == [400]
            assert broker.stored == []
            writer.close()

    run(main())


def test_nothing_comes_behind_the_answer_to_head() -> None:
    async def main() -> None:
        async with shop() as broker:
            answers = await broker.ask(b"HEAD /default/orders HTTP/1.1\r\nhost: b\r\n\r\n", event(1))
            assert statuses(answers) == [405]

    run(main())


def test_a_sender_that_asks_first_may_send() -> None:
    async def main() -> None:
        async with shop() as broker:
            head = b"OPTIONS /default/orders HTTP/1.1\r\nhost: b\r\nwebhook-request-origin: x\r\n" + CLOSE + b"\r\n"
            answer = await broker.ask(head)
            assert statuses(answer) == [200]
            for expected in (b"allow: POST, OPTIONS", b"webhook-allowed-origin: *", b"webhook-allowed-rate: *"):
                assert expected in answer

    run(main())


def test_a_connection_goes_on_after_a_refusal_whose_body_it_knows() -> None:
    async def main() -> None:
        async with shop() as broker:
            answers = await broker.ask(event(1, path=b"/default/other"), event(2), event(3, extra=CLOSE))
            assert statuses(answers) == [404, 202, 202]

    run(main())


def test_a_large_body_that_is_refused_does_not_cost_the_sender_the_answer() -> None:
    async def main() -> None:
        async with shop() as broker:
            answer = await broker.ask(event(1, b"x" * 500_000))
            assert statuses(answer) == [413]
            assert LAST in answer
            assert broker.door.in_flight_bytes == 0
            endless = await broker.ask(CHUNKED, *[b"400\r\n" + b"x" * 1024 + b"\r\n"] * 600, b"0\r\n\r\n")
            assert statuses(endless) == [413]
            assert broker.stored == []

    run(main())


def test_a_sender_that_waits_for_leave_gets_it_or_the_refusal() -> None:
    async def main() -> None:
        async with shop() as broker:
            reader, writer = await broker.connect()
            head, body = event(1, extra=b"expect: 100-continue\r\n" + CLOSE).split(b"\r\n\r\n")
            writer.write(head + b"\r\n\r\n")
            async with asyncio.timeout(PATIENCE_S):
                assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
                writer.write(body)
                assert statuses(await reader.read(-1)) == [202]
            writer.close()
            reader, writer = await broker.connect()
            writer.write(event(1, b"x" * 5000, extra=b"expect: 100-continue\r\n").split(b"\r\n\r\n")[0] + b"\r\n\r\n")
            async with asyncio.timeout(PATIENCE_S):
                assert statuses(await reader.readuntil(b"\r\n\r\n")) == [413]
            writer.close()

    run(main())


def test_who_has_half_closed_still_gets_the_answer() -> None:
    async def main() -> None:
        async with shop(is_open=False) as broker:
            reader, writer = await broker.connect()
            writer.write(event(1))
            writer.write_eof()
            await broker.until(stored=1)
            broker.gate.set()
            async with asyncio.timeout(PATIENCE_S):
                assert await reader.read(-1) == ACCEPTED
            writer.close()

    run(main())


def test_an_event_whose_sender_has_left_is_stored_all_the_same() -> None:
    async def main() -> None:
        async with shop(is_open=False) as broker:
            _, writer = await broker.connect()
            writer.write(event(1))
            await broker.until(stored=1)
            writer.transport.abort()
            broker.gate.set()
            async with asyncio.timeout(PATIENCE_S):
                while broker.door.in_flight or broker.door.connections:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            assert broker.door.counts.events == 1
            _, writer = await broker.connect()
            writer.write(event(2)[:-3])
            await broker_reads(broker)
            writer.transport.abort()
            async with asyncio.timeout(PATIENCE_S):
                while broker.door.in_flight:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            assert broker.door.in_flight_bytes == 0

    async def broker_reads(broker: Shop) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not broker.door.in_flight:  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    run(main())


def test_more_than_fits_is_refused_at_once_and_memory_is_given_back() -> None:
    async def main() -> None:
        async with shop(Limits(in_flight_bytes=2500), is_open=False) as broker:
            asking = [asyncio.create_task(broker.ask(event(n, b"x" * 1000, extra=CLOSE))) for n in range(2)]
            await broker.until(stored=2)
            refused = await broker.ask(event(3, b"x" * 1000, extra=CLOSE))
            assert statuses(refused) == [503]
            assert b"retry-after: 1\r\n" in refused
            chunks = await broker.ask(CHUNKED, b"1f4\r\n" + b"x" * 500 + b"\r\n", b"2\r\nxy\r\n", b"0\r\n\r\n")
            assert statuses(chunks) == [503]
            assert broker.door.in_flight_bytes == 2000
            broker.gate.set()
            assert [statuses(await each) for each in asking] == [[202], [202]]
            assert statuses(await broker.ask(event(4, b"x" * 1000, extra=CLOSE))) == [202]

    run(main())


def test_more_requests_than_allowed_are_refused() -> None:
    async def main() -> None:
        async with shop(Limits(in_flight=2), is_open=False) as broker:
            asking = [asyncio.create_task(broker.ask(event(number, extra=CLOSE))) for number in range(2)]
            await broker.until(stored=2)
            assert statuses(await broker.ask(event(3, extra=CLOSE))) == [503]
            broker.gate.set()
            assert [statuses(await each) for each in asking] == [[202], [202]]

    run(main())


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(event(1), [202], id="one request, and no other"),
        pytest.param(event(1)[:40], [408], id="half a head"),
        pytest.param(event(1)[:-3], [408], id="half a body"),
        pytest.param(event(1) + event(2)[:-3], [202, 408], id="half a second body"),
    ],
)
def test_who_keeps_us_waiting_is_closed(sent: bytes, status: list[int]) -> None:
    async def main() -> None:
        limits = Limits(head_timeout_s=0.05, body_timeout_s=0.05, keep_alive_s=0.05)
        async with shop(limits) as broker:
            reader, writer = await broker.connect()
            writer.write(sent)
            reading = asyncio.create_task(reader.read(-1))
            async with asyncio.timeout(PATIENCE_S):
                while not reading.done():
                    broker.door.tick()
                    await asyncio.sleep(0.01)
            assert statuses(reading.result()) == status
            assert broker.door.in_flight == 0
            writer.close()

    run(main())


def test_who_takes_no_answers_is_not_read_and_is_closed() -> None:
    async def main() -> None:
        async with shop(Limits(write_timeout_s=0.05)) as broker:
            reader, writer = await broker.connect()
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            request = b"GET /default/orders HTTP/1.1\r\nhost: b\r\n\r\n" * 1000
            async with asyncio.timeout(PATIENCE_S):
                while not broker.door.connections:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
                while broker.door.connections:
                    if writer.transport.get_write_buffer_size() < 1 << 20:
                        writer.write(request)
                    broker.door.tick()
                    await asyncio.sleep(0.001)
            writer.transport.abort()

    run(main())


def test_a_broker_that_ends_answers_what_it_has_and_closes_idle_connections() -> None:
    async def main() -> None:
        async with shop(is_open=False) as broker:
            idle, idle_writer = await broker.connect()
            busy, busy_writer = await broker.connect()
            busy_writer.write(event(1))
            await broker.until(stored=1)
            draining = asyncio.create_task(broker.door.drain())
            async with asyncio.timeout(PATIENCE_S):
                assert await idle.read(-1) == b""
                broker.gate.set()
                answer = await busy.read(-1)
                await draining
            assert statuses(answer) == [202]
            assert LAST in answer
            idle_writer.close()
            busy_writer.close()

    run(main())


def test_a_broker_that_is_deleted_while_an_event_comes_is_unknown() -> None:
    async def main() -> None:
        async with shop(is_open=False) as broker:
            asking = asyncio.create_task(broker.ask(event(1, extra=CLOSE)))
            await broker.until(stored=1)
            broker.failures["1"] = KeyError("default/orders")
            broker.door.max_event_bytes = lambda key: None
            broker.gate.set()
            assert statuses(await asking) == [404]

    run(main())


def test_more_connections_than_allowed_are_not_kept() -> None:
    async def main() -> None:
        async with shop(Limits(connections=1)) as broker:
            first, first_writer = await broker.connect()
            first_writer.write(event(1))
            async with asyncio.timeout(PATIENCE_S):
                await first.readuntil(b"\r\n\r\n")
                second, second_writer = await broker.connect()
                assert await second.read(-1) == b""
                first_writer.write(event(2, extra=CLOSE))
                assert statuses(await first.read(-1)) == [202]
            first_writer.close()
            second_writer.close()

    run(main())


def test_a_defect_is_no_acceptance() -> None:
    async def main() -> None:
        async with shop() as broker:
            broker.failures["1"] = RuntimeError("a defect")
            answer = await broker.ask(event(1))
            assert statuses(answer) == [500]

    with pytest.raises(ExceptionGroup) as raised:
        run(main())
    assert isinstance(raised.value.exceptions[0], RuntimeError)
