"""The bucket adapter against SeaweedFS's S3: every object is told once, whoever is killed or away meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from tests.programs import Program, free_port, running_seaweedfs
from tests.sources_world import StandInSink, running_adapter, stand_in_sink

KEYS = {"FAAS_SOURCE_ACCESS_KEY": "any", "FAAS_SOURCE_SECRET_KEY": "thing"}


@pytest.fixture(scope="module")
def told_port() -> int:
    """Where the store tells of changes in the bucket `told`."""
    return free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, told_port: int) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("weed")
    (folder / "notification.toml").write_text(
        f'[notification.webhook]\nenabled = true\nendpoint = "http://127.0.0.1:{told_port}/"\n'
        'bearer_token = "sesame"\npath_prefixes = ["/buckets/told/"]\nbackoff_seconds = 1\nmax_retries = 10\n'
    )
    identities = [
        {"name": name, "credentials": [{"accessKey": name, "secretKey": "thing"}], "actions": [action]}
        for name, action in (("any", "Admin"), ("nobody", "Read:else"))
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    with running_seaweedfs(folder, f"-s3.config={folder}/s3.json") as program:
        yield program


def client_of(server: Program) -> Any:
    return boto3.client(
        "s3", endpoint_url=f"http://{server.address}", region_name="us-east-1", aws_access_key_id="any",
        aws_secret_access_key="thing", config=Config(retries={"total_max_attempts": 10}),
    )  # fmt: skip


@pytest.fixture
def bucket(server: Program, request: pytest.FixtureRequest) -> Iterator[Bucket]:
    with_its_own_name = Bucket(server, f"bucket-{abs(hash(request.node.name)):x}")
    yield with_its_own_name
    with_its_own_name.close()


class Bucket:
    def __init__(self, server: Program, name: str) -> None:
        self.name = name
        self.server = server
        self._client = client_of(server)
        self._client.create_bucket(Bucket=name)

    def put(self, key: str, body: bytes = b"x") -> None:
        self._client.put_object(Bucket=self.name, Key=key, Body=body)

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self.name, Key=key)

    def close(self) -> None:
        self._client.close()

    def options(self, **more: Any) -> dict[str, Any]:
        return {"bucket": self.name, "endpoint": f"http://{self.server.address}", "interval_s": 0.1, **more}


def changes(sink: StandInSink) -> list[tuple[str, str]]:
    return [(event.type.removeprefix("com.amazonaws.s3.Object"), event.subject or "") for event in sink.events]


def test_what_is_put_after_the_start_is_told_and_what_was_there_is_not(bucket: Bucket, tmp_path: Path) -> None:
    async def scenario() -> None:
        bucket.put("img/old.jpg")
        options = bucket.options(prefix="img/", suffix=[".jpg", ".png"])
        async with (
            stand_in_sink(tmp_path) as sink,
            running_adapter("bucket", sink, options, state=tmp_path / "state", **KEYS) as adapter,
        ):
            await adapter.until("running")
            bucket.put("img/notes.txt")
            bucket.put("other/cat.jpg")
            bucket.put("img/a cat+ü.jpg", b"meow")
            await sink.has(1)
            event = sink.events[0]
            assert event.type == "com.amazonaws.s3.ObjectCreated:Put"
            assert event.source == f"aws:s3.us-east-1.{bucket.name}"
            assert event.subject == "img/a cat+ü.jpg"
            assert event.data["s3"]["object"]["size"] == 4
            assert event.data["s3"]["object"]["eTag"] == "4a4be40c96ac6314e91d93f38043a634"
            bucket.put("img/b.png")
            await sink.has(2)
            assert changes(sink) == [("Created:Put", "img/a cat+ü.jpg"), ("Created:Put", "img/b.png")]
            assert await adapter.end() == 0

    asyncio.run(scenario())


def test_overwritten_objects_are_news_and_removed_ones_when_asked(bucket: Bucket, tmp_path: Path) -> None:
    async def scenario() -> None:
        options = bucket.options(on=["created", "removed"])
        async with (
            stand_in_sink(tmp_path) as sink,
            running_adapter("bucket", sink, options, state=tmp_path / "state", **KEYS) as adapter,
        ):
            await adapter.until("running")
            bucket.put("a", b"1")
            await sink.has(1)
            bucket.put("a", b"2")
            await sink.has(2)
            bucket.delete("a")
            await sink.has(3)
            bucket.put("a", b"2")
            await sink.has(4)
            assert [kind for kind, _ in changes(sink)] == [
                "Created:Put",
                "Created:Put",
                "Removed:Delete",
                "Created:Put",
            ]
            assert len({event.id for event in sink.events}) == 4
            assert await adapter.end() == 0

    asyncio.run(scenario())


def test_nothing_is_lost_or_told_twice_when_the_adapter_is_killed_under_load(bucket: Bucket, tmp_path: Path) -> None:
    def put_many(first: int, last: int) -> None:
        for number in range(first, last):
            bucket.put(f"{(number * 7919) % 1000:03}-{number}")

    async def scenario() -> None:
        state = tmp_path / "state"
        async with stand_in_sink(tmp_path) as sink:
            async with running_adapter("bucket", sink, bucket.options(), state=state, **KEYS) as adapter:
                await adapter.until("running")
                putting = asyncio.create_task(asyncio.to_thread(put_many, 0, 300))
                await sink.has(50)
                await adapter.kill()
            await putting
            sink.hold()  # taken, and the adapter does not hear of it
            async with running_adapter("bucket", sink, bucket.options(), state=state, **KEYS) as adapter:
                await sink.asked(len(sink.requests) + 1)
                await adapter.kill()
            sink.release()
            async with running_adapter("bucket", sink, bucket.options(), state=state, **KEYS) as adapter:
                await sink.until(lambda sink: len({event.subject for event in sink.events}) == 300, "300 objects")
                put_many(300, 301)
                await sink.until(lambda sink: len({event.subject for event in sink.events}) == 301, "301 objects")
                assert await adapter.end() == 0
        assert len({event.id for event in sink.events}) == 301  # what came twice came under its own id
        assert len(sink.events) <= 301 + 200  # a group in each kill

    asyncio.run(scenario())


def test_what_comes_and_goes_while_the_adapter_is_away_is_told_when_it_is_back(bucket: Bucket, tmp_path: Path) -> None:
    async def scenario() -> None:
        options, state = bucket.options(on=["created", "removed"]), tmp_path / "state"
        bucket.put("stays")
        bucket.put("goes")
        async with stand_in_sink(tmp_path) as sink:
            async with running_adapter("bucket", sink, options, state=state, **KEYS) as adapter:
                await adapter.until("running")
                bucket.put("first")
                await sink.has(1)
                assert await adapter.end() == 0
            bucket.delete("goes")
            bucket.put("second")
            async with running_adapter("bucket", sink, options, state=state, **KEYS):
                await sink.has(3)
        assert changes(sink) == [("Created:Put", "first"), ("Created:Put", "second"), ("Removed:Delete", "goes")]

    asyncio.run(scenario())


def test_from_the_earliest_a_bucket_of_several_pages_is_told(bucket: Bucket, tmp_path: Path) -> None:
    async def scenario() -> None:
        await asyncio.gather(*(asyncio.to_thread(bucket.put, f"n/{number:04}") for number in range(1100)))
        async with (
            stand_in_sink(tmp_path) as sink,
            running_adapter("bucket", sink, bucket.options(start="earliest"), state=tmp_path / "state", **KEYS),
        ):
            await sink.has(1100)
            bucket.put("n/0000a")
            await sink.has(1101)
            assert len({event.subject for event in sink.events}) == 1101

    asyncio.run(scenario())


def test_a_wider_suffix_brings_nothing_that_is_old(bucket: Bucket, tmp_path: Path) -> None:
    async def scenario() -> None:
        state = tmp_path / "state"
        bucket.put("old.txt")
        async with stand_in_sink(tmp_path) as sink:
            narrow = bucket.options(suffix=[".jpg"], on=["created", "removed"])
            async with running_adapter("bucket", sink, narrow, state=state, **KEYS) as adapter:
                await adapter.until("running")
                bucket.put("a.jpg")
                await sink.has(1)
                assert await adapter.end() == 0
            wide = bucket.options(suffix=[".txt"], on=["created", "removed"])
            async with running_adapter("bucket", sink, wide, state=state, **KEYS) as adapter:
                await adapter.until("running")
                bucket.put("b.txt")
                await sink.has(2)
        assert changes(sink) == [("Created:Put", "a.jpg"), ("Created:Put", "b.txt")]

    asyncio.run(scenario())


def test_a_store_that_is_away_and_a_sink_that_is_away_are_waited_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        with running_seaweedfs(tmp_path / "weed") as server:
            bucket = Bucket(server, "uploads")
            options = bucket.options()
            async with (
                stand_in_sink(tmp_path) as sink,
                running_adapter("bucket", sink, options, state=tmp_path / "state", **KEYS) as adapter,
            ):
                await adapter.until("running")
                sink.refuse(503)
                bucket.put("a")
                await adapter.until("failing", "SinkUnavailable")
                await asyncio.to_thread(server.kill)
                sink.take()
                await sink.has(1)
                await adapter.until("failing", "UpstreamUnavailable")
                await asyncio.to_thread(server.start)
                bucket.put("b")
                await sink.has(2)
                await adapter.until("running")
                assert changes(sink) == [("Created:Put", "a"), ("Created:Put", "b")]
            bucket.close()

    asyncio.run(scenario())


def test_what_is_wrong_is_told_and_mended_without_a_restart(server: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        options = {"bucket": "not-yet", "endpoint": f"http://{server.address}", "interval_s": 0.1}
        async with stand_in_sink(tmp_path) as sink:
            for reason, access_key, secret_key in (
                ("CredentialsRefused", "who", "thing"),
                ("CredentialsRefused", "any", "wrong"),
                ("AccessDenied", "nobody", "thing"),
            ):
                keys = {"FAAS_SOURCE_ACCESS_KEY": access_key, "FAAS_SOURCE_SECRET_KEY": secret_key}
                async with running_adapter("bucket", sink, options, **keys) as adapter:
                    report = await adapter.until("failing", reason)
                    assert f"'not-yet' at http://{server.address}" in report["message"]
            async with running_adapter("bucket", sink, {**options, "anonymous": True}) as adapter:
                await adapter.until("failing", "AccessDenied")
            async with running_adapter("bucket", sink, options, **KEYS) as adapter:
                await adapter.until("failing", "NoSuchBucket")
                Bucket(server, "not-yet").close()
                await adapter.until("running")

    asyncio.run(scenario())


def test_seaweedfs_tells_by_its_own_webhook(server: Program, told_port: int, tmp_path: Path) -> None:
    async def scenario() -> None:
        options = {"bucket": "told", "notifications": True, "suffix": [".jpg"], "on": ["created", "removed"]}
        env = {"FAAS_SOURCE_TOKEN": "sesame", "FAAS_SOURCE_LISTEN": f"tcp:127.0.0.1:{told_port}"}
        async with stand_in_sink(tmp_path) as sink, running_adapter("bucket", sink, options, **env) as adapter:
            await adapter.until("running")
            bucket = Bucket(server, "told")
            sink.refuse(503)
            bucket.put("img/a cat.jpg", b"meow")
            bucket.put("img/notes.txt")
            await adapter.until("failing", "SinkUnavailable")
            sink.take()
            await sink.has(1)
            bucket.delete("img/a cat.jpg")
            await sink.has(2)
            assert changes(sink) == [("Created:Put", "img/a cat.jpg"), ("Removed:Delete", "img/a cat.jpg")]
            assert sink.events[0].data["s3"]["object"]["eTag"] == "4a4be40c96ac6314e91d93f38043a634"
            assert await adapter.end() == 0
            bucket.close()

    asyncio.run(scenario())


def test_a_notification_is_let_in_by_its_token_and_answered_when_it_is_stored(tmp_path: Path) -> None:
    def notice(*names: str) -> dict[str, Any]:
        records = [
            {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}
            for bucket, _, key in (name.partition("/") for name in names)
        ]
        return {"Records": records}

    async def scenario() -> None:
        listen = tmp_path / "http.sock"
        env = {"FAAS_SOURCE_TOKEN": "sesame", "FAAS_SOURCE_LISTEN": f"unix:{listen}"}
        options = {"bucket": "uploads", "notifications": True}
        transport = httpx.AsyncHTTPTransport(uds=str(listen))
        async with (
            stand_in_sink(tmp_path) as sink,
            running_adapter("bucket", sink, options, **env) as adapter,
            httpx.AsyncClient(transport=transport, base_url="http://told", timeout=30) as client,
        ):
            await adapter.until("running")
            for headers, url in (({}, "/"), ({"authorization": "Bearer no"}, "/"), ({}, "/?token=sesam")):
                assert (await client.post(url, json=notice("uploads/a"), headers=headers)).status_code == 401
            let_in = {"authorization": "Bearer sesame"}
            assert (await client.post("/", json=notice("other/a"), headers=let_in)).status_code == 200
            assert (await client.post("/", json={"Records": [{}]}, headers=let_in)).status_code == 400
            assert sink.requests == []
            many = notice("uploads/a", "other/b", "uploads/c%2Fd+e")
            assert (await client.post("/?token=sesame", json=many)).status_code == 202
            assert changes(sink) == [("Created:Put", "a"), ("Created:Put", "c/d e")]
            sink.refuse(503)
            later = asyncio.create_task(client.post("/", json=notice("uploads/f"), headers=let_in))
            await adapter.until("failing", "SinkUnavailable")
            assert await adapter.end() == 0
            assert (await later).status_code == 503

    asyncio.run(scenario())


def test_without_a_token_nobody_is_let_in(tmp_path: Path) -> None:
    async def scenario() -> None:
        options = {"bucket": "uploads", "notifications": True}
        env = {"FAAS_SOURCE_LISTEN": f"unix:{tmp_path}/http.sock"}
        async with stand_in_sink(tmp_path) as sink, running_adapter("bucket", sink, options, **env) as adapter:
            assert await adapter.process.wait() == 2

    asyncio.run(scenario())
