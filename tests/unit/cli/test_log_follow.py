"""Following the logs of Pods that come, restart and go, with a server that says what a script says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from faas.cli import log_follow
from faas.cli.log_follow import Follower
from faas.client.errors import BadRequest, NotFound, Unavailable
from faas.client.http.client import HttpClient
from faas.client.protocol import Object, ObjectList, WatchEvent
from faas.resources.kinds import Kind

DEADLINE_S = 20.0


def line(second: int, text: str) -> str:
    return f"2026-11-23T12:00:{second:02}.5Z {text}"


def pod(name: str, *, restarts: int = 0, state: str = "running") -> Object:
    started = {"startedAt": f"2026-11-23T11:00:{restarts:02}Z"}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "user-container"}, {"name": "queue-proxy"}]},
        "status": {
            "containerStatuses": [{"name": "user-container", "restartCount": restarts, "state": {state: started}}]
        },
    }


@dataclass
class Container:
    """What there is to read of it. `cut_after` lines a connection breaks, once."""

    lines: list[str] = field(default_factory=list)
    previous: list[str] = field(default_factory=list)
    cut_after: int | None = None
    goes_on: bool = True  # the stream stays open


@dataclass
class Server:
    """The part of `HttpClient` that a follower uses."""

    pods: dict[str, Object] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
    events: asyncio.Queue[WatchEvent] = field(default_factory=asyncio.Queue)
    asked: list[tuple[str, bool, str]] = field(default_factory=list)  # Pod, previous, since
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    open: int = 0
    most_open: int = 0
    away: bool = False
    asked_in_vain: asyncio.Event = field(default_factory=asyncio.Event)

    async def put(self, obj: Object, container: Container | None = None) -> None:
        name = obj["metadata"]["name"]
        kind = "MODIFIED" if name in self.pods else "ADDED"
        self.pods[name] = obj
        if container is not None:
            self.containers[name] = container
        await self.events.put(WatchEvent(kind, obj))  # type: ignore[arg-type]
        await self.wake()

    async def remove(self, name: str) -> None:
        obj = self.pods.pop(name)
        await self.events.put(WatchEvent("DELETED", obj))
        await self.wake()

    async def wake(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        if name not in self.pods:
            raise NotFound(f"pods {name!r} not found")
        return self.pods[name]

    async def list(self, kind: Kind, namespace: str = "", **selectors: str) -> ObjectList:
        if self.away:
            self.asked_in_vain.set()
            raise Unavailable("the API server does not answer")
        return ObjectList(list(self.pods.values()), "1")

    async def watch(self, kind: Kind, namespace: str = "", **options: str) -> AsyncIterator[WatchEvent]:
        while True:
            event = await self.events.get()
            if self.away:
                raise Unavailable("the API server does not answer")
            yield event

    async def logs(
        self, name: str, namespace: str, *, container: str, previous: bool, since: str, **options: Any
    ) -> AsyncIterator[str]:
        self.asked.append((name, previous, since))
        assert (container, options["timestamps"]) == ("user-container", True)
        found = self.containers[name]
        if previous:
            if not found.previous:
                raise BadRequest("previous terminated container not found")
            for each in found.previous:
                yield each
            return
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            sent = 0
            while True:
                while sent < len(found.lines):
                    if sent == found.cut_after:
                        found.cut_after = None
                        raise Unavailable("the connection broke")
                    if not since or found.lines[sent][:19] >= since[:19]:
                        yield found.lines[sent]
                    sent += 1
                if not found.goes_on or name not in self.pods:
                    return
                async with self.changed:
                    await self.changed.wait()
        finally:
            self.open -= 1


@dataclass
class Seen:
    lines: list[tuple[str, str]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def emit(self, pod: str, time: str, text: str) -> None:
        self.lines.append((pod, text))
        self.changed.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while len(self.lines) < count:
                self.changed.clear()
                await self.changed.wait()


def followed(test: Callable[[Server, Seen], Awaitable[None]], *, outage_s: float = 0.0) -> None:
    async def body() -> None:
        server, seen = Server(), Seen()
        follower = Follower(cast(HttpClient, server), "team", seen.emit, outage_s=outage_s)
        following = asyncio.create_task(follower.run("app=hello", known=set()))
        try:
            await test(server, seen)
        finally:
            following.cancel()
            await asyncio.wait({following})

    asyncio.run(body())


def test_pods_are_followed_as_they_come_and_go() -> None:
    async def test(server: Server, seen: Seen) -> None:
        await server.put(pod("a"), Container([line(1, "a one")]))
        await seen.until(1)
        await server.put(pod("b"), Container([line(2, "b one")]))
        await seen.until(2)
        server.containers["a"].lines.append(line(3, "a last words"))
        await server.remove("a")
        await seen.until(3)
        assert seen.lines == [("a", "a one"), ("b", "b one"), ("a", "a last words")]

    followed(test)


def test_a_pod_is_waited_for_until_it_has_started() -> None:
    async def test(server: Server, seen: Seen) -> None:
        await server.put(pod("a", state="waiting"), Container([line(1, "hello")]))
        waiting = pod("a")
        waiting["status"] = {}
        await server.put(waiting)
        assert server.asked == []
        await server.put(pod("a"))
        await seen.until(1)
        assert seen.lines == [("a", "hello")]

    followed(test)


def test_what_a_container_wrote_before_it_was_started_again_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_follow, "_FIRST_WAIT_S", 0.01)

    async def test(server: Server, seen: Seen) -> None:
        first = Container([line(1, "one"), line(2, "two")], cut_after=1)
        await server.put(pod("a"), first)
        await seen.until(1)
        # The connection breaks after the first line; by the time of the next there is another run of the container.
        again = Container([line(4, "three")], previous=[line(1, "one"), line(2, "two"), line(3, "dying")])
        await server.put(pod("a", restarts=1), again)
        await seen.until(4)
        assert [text for _, text in seen.lines] == ["one", "two", "dying", "three"]

    followed(test)


def test_a_container_that_has_ended_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_follow, "_FIRST_WAIT_S", 0.01)

    async def test(server: Server, seen: Seen) -> None:
        await server.put(pod("a", state="terminated"), Container([line(1, "crashed")], goes_on=False))
        await seen.until(1)
        await server.put(pod("a", state="terminated"))
        await server.put(pod("b"), Container([line(2, "b")]))
        await seen.until(2)
        assert [name for name, _, _ in server.asked] == ["a", "b"]

    followed(test)


def test_of_many_pods_only_so_many_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_follow, "MOST_STREAMS", 20)

    async def test(server: Server, seen: Seen) -> None:
        for number in range(100):
            await server.put(pod(f"pod-{number}"), Container([line(1, str(number))]))
        await seen.until(20)
        assert server.most_open == 20
        for number in range(100):
            await server.remove(f"pod-{number}")
        await seen.until(100)
        assert sorted(int(text) for _, text in seen.lines) == list(range(100))
        assert server.most_open == 20

    followed(test)


def test_a_server_that_is_away_for_long_is_waited_for_and_nothing_is_lost_or_shown_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log_follow, "_FIRST_WAIT_S", 0.01)

    async def test(server: Server, seen: Seen) -> None:
        await server.put(pod("a"), Container([line(1, "before")], goes_on=False))
        await seen.until(1)
        server.away = True
        await server.put(pod("b"), Container([line(3, "started meanwhile")]))
        async with asyncio.timeout(DEADLINE_S):
            await server.asked_in_vain.wait()
        server.containers["a"].lines.append(line(2, "meanwhile"))
        server.away = False
        for each in ("a", "b"):
            await server.put(server.pods[each])
        await seen.until(3)
        assert sorted(seen.lines) == [("a", "before"), ("a", "meanwhile"), ("b", "started meanwhile")]

    followed(test, outage_s=DEADLINE_S)
    said = capsys.readouterr().err
    assert "the API server does not answer; it is asked again and again, Ctrl-C ends this" in said
    assert said.count("it answers again") == 1


def test_a_server_that_stays_away_ends_the_following() -> None:
    async def body() -> None:
        server = Server(away=True)
        await server.put(pod("a"))
        follower = Follower(cast(HttpClient, server), "team", Seen().emit, outage_s=0.01)
        with pytest.raises(ExceptionGroup) as failed:
            await follower.run("app=hello", known=set())
        assert failed.group_contains(Unavailable, match="does not answer")

    asyncio.run(body())
