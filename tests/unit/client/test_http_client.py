"""The client over real sockets: paths, retries, watches that survive broken connections, refusals as exceptions."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from faas.client.errors import (
    AlreadyExists,
    ApiError,
    BadRequest,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Unauthorized,
    Unavailable,
)
from faas.client.http.client import HttpClient
from faas.client.kubeconfigs.cluster import Cluster
from faas.client.services.service_proxy import ServiceProxy
from faas.client.transport.retry import RetryPolicy
from faas.resources.kinds import NAMESPACE, SECRET, SERVICE


def status(code: int, reason: str, message: str = "no", **details: Any) -> dict[str, Any]:
    return {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}


def service(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default", "resourceVersion": str(version)}}


def added(name: str, version: int) -> dict[str, Any]:
    return {"type": "ADDED", "object": service(name, version)}


def test_requests_go_to_kubernetes_paths_with_the_token(scripted: Any, reply: Any) -> None:
    async def scenario() -> list[tuple[str, str]]:
        async with scripted(reply({"metadata": {"name": "x", "namespace": "ns"}})) as (client, script):
            await client.get(SERVICE, "hello", "default")
            await client.get(NAMESPACE, "prod")
            await client.create(SERVICE, {"metadata": {"name": "x", "namespace": "ns"}}, dry_run=True)
            await client.patch(SERVICE, "a/b", {}, "ns", type="apply", force=True)
            assert {seen.headers["authorization"] for seen in script.seen} == {"Bearer secret"}
            assert script.seen[3].headers["content-type"] == "application/apply-patch+yaml"
            return [(seen.method, seen.target) for seen in script.seen]

    assert asyncio.run(scenario()) == [
        ("GET", "/apis/serving.knative.dev/v1/namespaces/default/services/hello"),
        ("GET", "/api/v1/namespaces/prod"),
        (
            "POST",
            "/apis/serving.knative.dev/v1/namespaces/ns/services?fieldManager=faas&fieldValidation=Strict&dryRun=All",
        ),
        (
            "PATCH",
            "/apis/serving.knative.dev/v1/namespaces/ns/services/a%2Fb"
            "?fieldManager=faas&fieldValidation=Strict&force=true",
        ),
    ]


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (404, "NotFound", NotFound),
        (409, "AlreadyExists", AlreadyExists),
        (409, "Conflict", Conflict),
        (403, "Forbidden", Forbidden),
        (401, "Unauthorized", Unauthorized),
        (410, "Expired", Gone),
    ],
)
def test_refusals_are_exceptions_of_their_own(
    scripted: Any, reply: Any, code: int, reason: str, error: type[ApiError]
) -> None:
    async def scenario() -> None:
        async with scripted(reply(status(code, reason, "refused", name="hello"), status=code)) as (client, _):
            await client.get(SERVICE, "hello", "default")

    with pytest.raises(error, match="refused") as caught:
        asyncio.run(scenario())
    assert (type(caught.value), caught.value.reason) == (error, reason)


def test_an_invalid_object_names_its_fields(scripted: Any, reply: Any) -> None:
    causes = [{"reason": "FieldValueInvalid", "message": "invalid value: -1", "field": "spec.x"}]

    async def scenario() -> None:
        async with scripted(reply(status(422, "Invalid", causes=causes), status=422)) as (client, _):
            await client.create(SERVICE, {"metadata": {}})

    with pytest.raises(Invalid) as caught:
        asyncio.run(scenario())
    assert [(cause.field, cause.message) for cause in caught.value.causes] == [("spec.x", "invalid value: -1")]


def test_a_read_is_tried_again_after_a_broken_connection_and_a_503(scripted: Any, reply: Any) -> None:
    async def scenario() -> tuple[str, int]:
        found = service("hello", 1)
        async with scripted(reply(broken=True), reply(status=503), reply(found)) as (client, script):
            obj = await client.get(SERVICE, "hello", "default")
            return obj["metadata"]["name"], len(script.seen)

    assert asyncio.run(scenario()) == ("hello", 3)


def test_a_create_whose_fate_is_unknown_is_tried_again_when_it_has_a_name(scripted: Any, reply: Any) -> None:
    async def scenario() -> list[str]:
        async with scripted(reply(broken=True), reply({"metadata": {"name": "x"}})) as (client, script):
            await client.create(SERVICE, {"metadata": {"name": "x"}})
            return [seen.method for seen in script.seen]

    assert asyncio.run(scenario()) == ["POST", "POST"]


def test_a_create_that_the_server_would_name_is_not_made_twice(scripted: Any, reply: Any) -> None:
    async def scenario() -> int:
        async with scripted(reply(broken=True), reply({})) as (client, script):
            with pytest.raises(Unavailable):
                await client.create(SERVICE, {"metadata": {"generateName": "x-"}})
            return len(script.seen)

    assert asyncio.run(scenario()) == 1


def test_a_login_page_in_between_is_not_taken_for_an_answer(scripted: Any, reply: Any) -> None:
    async def scenario() -> None:
        async with scripted(reply("log in", status=302, headers={"Location": "https://login"})) as (client, _):
            await client.get(SERVICE, "hello", "default")

    with pytest.raises(ApiError, match="answered 302"):
        asyncio.run(scenario())


def test_nobody_listening_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

    async def scenario() -> None:
        async with HttpClient(Cluster(url), retry=RetryPolicy(2, 0.001, 0.001)) as client:
            await client.get(SERVICE, "hello", "default")

    with pytest.raises(Unavailable, match=f"the API server at {url} does not answer"):
        asyncio.run(scenario())


def test_a_list_reads_every_page_and_names_its_items_kinds(scripted: Any, reply: Any) -> None:
    pages = [
        {"items": [service("a", 1)], "metadata": {"resourceVersion": "7", "continue": "next"}},
        {"items": [service("b", 2)], "metadata": {"resourceVersion": "7"}},
    ]

    async def scenario() -> tuple[list[str], set[str], str, str]:
        async with scripted(*[reply(page) for page in pages]) as (client, script):
            found = await client.list(SERVICE, label_selector="a=b")
            names = [item["metadata"]["name"] for item in found.items]
            return names, {item["kind"] for item in found.items}, found.resource_version, script.seen[1].target

    names, kinds, version, second = asyncio.run(scenario())
    assert (names, kinds, version) == (["a", "b"], {"Service"}, "7")
    assert second == "/apis/serving.knative.dev/v1/services?labelSelector=a%3Db&limit=500&continue=next"


def test_a_watch_goes_on_where_a_broken_connection_left_it(scripted: Any, reply: Any) -> None:
    replies = [
        reply({"items": [service("a", 3)], "metadata": {"resourceVersion": "5"}}),
        reply(lines=[added("b", 6), {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}}]),
        reply(broken=True),
        reply(lines=[added("c", 10)]),
    ]

    async def scenario() -> tuple[list[str], list[str]]:
        async with scripted(*replies) as (client, script):
            names = []
            async for event in client.watch(SERVICE, "default"):
                if event.type != "BOOKMARK":
                    names.append(event.object["metadata"]["name"])
                if names[-1] == "c":
                    break
            asked = [seen.target.partition("resourceVersion=")[2].partition("&")[0] for seen in script.seen[1:]]
            return names, asked

    assert asyncio.run(scenario()) == (["a", "b", "c"], ["5", "9", "9"])


def test_a_version_that_is_too_old_ends_the_watch(scripted: Any, reply: Any) -> None:
    async def scenario() -> None:
        gone = {"type": "ERROR", "object": status(410, "Expired", "too old resource version")}
        async with scripted(reply(lines=[gone])) as (client, _):
            async for _ in client.watch(SERVICE, resource_version="1"):
                raise AssertionError("there is no event")

    with pytest.raises(Gone, match="too old"):
        asyncio.run(scenario())


def test_logs_come_line_by_line(scripted: Any, reply: Any) -> None:
    found: list[str] = []
    targets: list[str] = []

    async def scenario() -> None:
        async with scripted(reply(lines=["one", "two"])) as (client, script):
            async for line in client.logs("pod", "default", tail=5, since_s=60):
                targets[:] = [seen.target for seen in script.seen]
                found.append(line)

    with pytest.raises(Unavailable):  # the script breaks off; what came before is there
        asyncio.run(scenario())
    assert found == ["one", "two"]
    assert targets == [
        "/api/v1/namespaces/default/pods/pod/log?follow=false&timestamps=false&tailLines=5&sinceSeconds=60"
    ]


class Listening:
    """A server that can be away from its port; each time nobody is there is heard of."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.port = 0

    async def open(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()


def test_a_server_that_has_answered_is_waited_for_while_it_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never has is given up after three attempts: nobody is there."""
    listening, sleep = Listening(), asyncio.sleep

    async def scenario() -> None:
        server = await listening.open()

        async def slept(seconds: float) -> None:
            nonlocal server
            listening.waits.append(seconds)
            if len(listening.waits) == 5:
                server = await listening.open()
            await sleep(0)

        monkeypatch.setattr("faas.client.transport.transport.asyncio.sleep", slept)
        retry = RetryPolicy(attempts=9, first_s=0.001, most_s=0.001)
        async with HttpClient(Cluster(f"http://127.0.0.1:{listening.port}"), retry=retry) as client:
            await client.version()
            server.close()
            await server.wait_closed()
            await client.version()
        server.close()
        await server.wait_closed()
        assert len(listening.waits) == 5
        async with HttpClient(Cluster(f"http://127.0.0.1:{listening.port}"), retry=retry) as client:
            with pytest.raises(Unavailable):
                await client.version()

    asyncio.run(scenario())
    assert len(listening.waits) == 7


@pytest.mark.parametrize(
    ("name", "namespace"), [(".", "team"), ("..", "team"), ("", "team"), ("%2e", "."), ("x", ".."), ("x", ".")]
)
def test_a_name_that_leads_elsewhere_deletes_nothing(scripted: Any, reply: Any, name: str, namespace: str) -> None:
    """`..` would be the namespace, and no name at all every object of the kind."""

    async def scenario() -> None:
        async with scripted(reply({"metadata": {}})) as (client, script):
            for ask in (client.delete, client.get):
                with pytest.raises(BadRequest):
                    await ask(SECRET, name, namespace)
            with pytest.raises(BadRequest):
                await client.patch(SECRET, name, {}, namespace)
            with pytest.raises(BadRequest):
                await client.update(SECRET, {"metadata": {"name": name, "namespace": namespace}})
            assert script.seen == []

    asyncio.run(scenario())


def test_no_path_behind_a_service_leaves_it(scripted: Any, reply: Any) -> None:
    """A Broker's status says where it is; what it says is not believed to be one's own."""

    async def scenario() -> None:
        async with scripted(reply({})) as (client, script):
            proxy, path = ServiceProxy.of_url(client, "http://broker.team.svc/../../../../secrets")
            with pytest.raises(BadRequest):
                await proxy.ask("POST", path, content=b"{}")
            assert script.seen == []

    asyncio.run(scenario())
