"""What goes wrong between the client and an API server: nothing is applied twice, nothing lost, nobody hurried."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from faas.client.credentials.identity import _printed
from faas.client.errors import AlreadyExists, ApiError, Conflict, Forbidden, Gone, Unauthorized, Unavailable
from faas.client.http.client import HttpClient
from faas.client.transport.retry import RetryPolicy
from faas.resources.kinds import CONFIG_MAP
from tests.cluster import faults
from tests.cluster.faults import Fault
from tests.cluster.proxy import User
from tests.cluster_world import TEAM, ClusterWorld

T = TypeVar("T")
QUICK = RetryPolicy(attempts=5, first_s=0.002, most_s=0.01)
PATIENCE_S = 20.0


def ask(cluster: ClusterWorld, work: Callable[[HttpClient], Awaitable[T]], *, user: str = "admin", **options: Any) -> T:
    async def session() -> T:
        async with cluster.client(user, retry=QUICK, **options) as client, asyncio.timeout(PATIENCE_S):
            return await work(client)

    return asyncio.run(session())


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": TEAM},
        "data": data or {"key": "value"},
    }


async def apply(client: HttpClient, name: str, **data: str) -> Any:
    return await client.patch(CONFIG_MAP, name, config_map(name, **data), TEAM, type="apply")


def stored(cluster: ClusterWorld, name: str) -> dict[str, Any]:
    async def read() -> Any:
        async with cluster.direct() as client:
            return await client.get(CONFIG_MAP, name, TEAM)

    return dict(asyncio.run(read()))


PASSING = [
    pytest.param(faults.refuse(429), id="429"),
    pytest.param(faults.refuse(500), id="500"),
    pytest.param(faults.refuse(503), id="503"),
    pytest.param(faults.drop_before(), id="dropped-before"),
    pytest.param(faults.drop_after(), id="dropped-after"),
    pytest.param(faults.cut(), id="cut"),
    pytest.param(faults.trickle(), id="trickle"),
]


@pytest.mark.parametrize("fault", PASSING)
def test_what_is_read_is_whole(cluster: ClusterWorld, fault: Fault) -> None:
    cluster.faults.add(fault, times=2, method="GET")

    found = ask(cluster, lambda client: client.list(CONFIG_MAP, "knative-serving"))

    direct = ask(cluster, lambda client: client.list(CONFIG_MAP, "knative-serving"))
    assert len(cluster.faults.used) == 2 or fault.kind == "trickle"
    assert found.items == direct.items != []


@pytest.mark.parametrize("fault", PASSING)
def test_what_is_applied_is_there_once_and_as_applied(
    cluster: ClusterWorld, fault: Fault, request: pytest.FixtureRequest
) -> None:
    name = f"applied-{request.node.callspec.id}"
    cluster.faults.add(fault, times=2, method="PATCH")

    ask(cluster, lambda client: apply(client, name, key="new"))

    assert stored(cluster, name)["data"] == {"key": "new"}
    managers = stored(cluster, name)["metadata"]["managedFields"]
    assert [(entry["manager"], entry["operation"]) for entry in managers] == [("faas", "Apply")]


@pytest.mark.parametrize("fault", PASSING)
def test_what_is_created_is_created_once(cluster: ClusterWorld, fault: Fault, request: pytest.FixtureRequest) -> None:
    name = f"created-{request.node.callspec.id}"
    cluster.faults.add(fault, method="POST")

    made = ask(cluster, lambda client: client.create(CONFIG_MAP, config_map(name)))

    assert made["metadata"]["uid"] == stored(cluster, name)["metadata"]["uid"]
    assert [seen.code for seen in cluster.writes()].count(201) <= 1 or fault.kind == "cut"


def test_a_create_that_is_carried_out_and_not_answered_is_not_somebody_elses(cluster: ClusterWorld) -> None:
    cluster.faults.add(faults.drop_after(), method="POST")

    made = ask(cluster, lambda client: client.create(CONFIG_MAP, config_map("lost")))

    assert made["data"] == {"key": "value"}
    assert [seen.method for seen in cluster.requests(path="configmaps")] == ["POST", "POST", "GET"]


def test_what_was_there_before_is_somebody_elses_though_an_answer_was_lost(cluster: ClusterWorld) -> None:
    ask(cluster, lambda client: client.create(CONFIG_MAP, config_map("theirs", key="theirs"), field_manager="them"))
    cluster.faults.add(faults.drop_before(), method="POST")

    with pytest.raises(AlreadyExists):
        ask(cluster, lambda client: client.create(CONFIG_MAP, config_map("theirs")))

    assert stored(cluster, "theirs")["data"] == {"key": "theirs"}


def test_what_is_deleted_is_gone_though_the_answer_was_lost(cluster: ClusterWorld) -> None:
    ask(cluster, lambda client: client.create(CONFIG_MAP, config_map("unwanted")))
    cluster.faults.add(faults.drop_after(), method="DELETE")

    ask(cluster, lambda client: client.delete(CONFIG_MAP, "unwanted", TEAM))

    with pytest.raises(ApiError, match="not found"):
        stored(cluster, "unwanted")


def test_an_update_that_was_overtaken_is_a_conflict_and_overwrites_nothing(cluster: ClusterWorld) -> None:
    async def race(client: HttpClient) -> None:
        old = await client.create(CONFIG_MAP, config_map("contested"))
        async with cluster.direct() as other:
            await other.update(CONFIG_MAP, {**old, "data": {"key": "theirs"}})
        await client.update(CONFIG_MAP, {**old, "data": {"key": "ours"}})

    with pytest.raises(Conflict):
        ask(cluster, race)

    assert stored(cluster, "contested")["data"] == {"key": "theirs"}


def test_a_busy_server_is_asked_again_by_those_it_turned_away_and_by_them_alone(cluster: ClusterWorld) -> None:
    cluster.faults.add(faults.refuse(429, retry_after=1), times=3, method="PATCH")

    async def many(client: HttpClient) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(30):
                tasks.create_task(apply(client, f"busy-{number}"))

    ask(cluster, many)

    assert len(cluster.requests("PATCH")) == 33
    assert len(cluster.writes()) == 30


def test_a_server_that_asks_for_too_long_a_pause_is_reported_at_once(cluster: ClusterWorld) -> None:
    cluster.faults.add(faults.refuse(429, retry_after=3600), times=faults.EVER)

    with pytest.raises(Unavailable) as busy:
        ask(cluster, lambda client: client.list(CONFIG_MAP, TEAM))

    assert (busy.value.code, busy.value.retry_after_s, len(cluster.requests())) == (429, 3600, 1)


def test_what_stays_broken_ends_after_a_bounded_number_of_requests(cluster: ClusterWorld) -> None:
    cluster.faults.add(faults.refuse(503), times=faults.EVER)

    with pytest.raises(Unavailable):
        ask(cluster, lambda client: apply(client, "never"))

    assert len(cluster.requests()) == QUICK.attempts
    assert cluster.writes() == []


def test_many_requests_are_a_few_at_a_time(cluster: ClusterWorld) -> None:
    async def many(client: HttpClient) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(100):
                tasks.create_task(client.list(CONFIG_MAP, TEAM))

    ask(cluster, many)

    assert len(cluster.requests("GET")) == 100
    assert cluster.proxy.most_in_flight <= 16


def test_a_list_whose_pages_are_of_a_forgotten_version_is_read_at_once(
    cluster: ClusterWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faas.client.http.client.PAGE", 2)
    cluster.faults.add(faults.refuse(410, reason="Expired"), path="continue=")

    found = ask(cluster, lambda client: client.list(CONFIG_MAP, "knative-serving"))

    names = [item["metadata"]["name"] for item in found.items]
    assert len(names) > 2
    assert len(names) == len(set(names))
    queries = [(seen.query.get("limit"), "continue" in seen.query) for seen in cluster.requests("GET")]
    assert queries == [("2", False), ("2", True), (None, False)]


async def _names_until(client: HttpClient, last: str, **options: Any) -> list[tuple[str, str]]:
    events = []
    async for event in client.watch(CONFIG_MAP, TEAM, **options):
        if event.type != "BOOKMARK" and event.object["metadata"]["name"].startswith("w-"):
            events.append((event.type, event.object["metadata"]["name"]))
            if events[-1][1] == last:
                break
    return events


def _forget(cluster: ClusterWorld, *names: str) -> None:
    async def forget() -> None:
        async with cluster.direct() as client:
            for item in (await client.list(CONFIG_MAP, TEAM)).items:
                if item["metadata"]["name"].startswith("w-"):
                    await client.delete(CONFIG_MAP, item["metadata"]["name"], TEAM)

    asyncio.run(forget())


BREAKING = [
    pytest.param(faults.drop_before(), id="dropped"),
    pytest.param(faults.cut(30), id="cut"),
    pytest.param(faults.gone_in_watch(), id="gone"),
    pytest.param(faults.refuse(410, reason="Expired"), id="gone-at-once"),
    pytest.param(faults.refuse(429, retry_after=1), id="429"),
    pytest.param(faults.refuse(500), id="500"),
    pytest.param(faults.silent(), id="half-closed"),
    pytest.param(faults.silent(1), id="half-closed-after-one"),
    pytest.param(faults.trickle(3), id="trickle"),
]


@pytest.mark.parametrize("fault", BREAKING)
def test_a_watch_tells_of_everything_once_whatever_happens_to_it(cluster: ClusterWorld, fault: Fault) -> None:
    _forget(cluster)
    cluster.faults.add(fault, times=2, path="watch=true")

    async def watched(client: HttpClient) -> list[tuple[str, str]]:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(_names_until(client, "w-end"))
            async with cluster.direct() as other:
                for name in ("w-1", "w-2", "w-3", "w-end"):
                    await other.create(CONFIG_MAP, config_map(name))
        return watching.result()

    events = ask(cluster, watched, watch_s=1, watch_grace_s=0.5)

    assert events == [("ADDED", "w-1"), ("ADDED", "w-2"), ("ADDED", "w-3"), ("ADDED", "w-end")]


def test_what_happened_while_a_watch_was_too_old_is_told_of(cluster: ClusterWorld) -> None:
    _forget(cluster)

    async def scenario(client: HttpClient) -> list[tuple[str, str]]:
        async with cluster.direct() as other:
            for name in ("w-changed", "w-deleted", "w-kept"):
                await other.create(CONFIG_MAP, config_map(name))
            events, told = [], False
            cluster.faults.add(faults.gone_in_watch(), path="watch=true")
            async for event in client.watch(CONFIG_MAP, TEAM):
                name = event.object["metadata"]["name"]
                if not name.startswith("w-"):
                    continue
                events.append((event.type, name))
                if len(events) == 3 and not told:  # before the watch itself begins
                    told = True
                    await other.delete(CONFIG_MAP, "w-deleted", TEAM)
                    await apply(other, "w-new")
                    await other.patch(CONFIG_MAP, "w-changed", {"data": {"key": "new"}}, TEAM)
                if len(events) == 6:
                    return events
        raise AssertionError(events)

    events = ask(cluster, scenario)

    assert sorted(events[:3]) == [("ADDED", "w-changed"), ("ADDED", "w-deleted"), ("ADDED", "w-kept")]
    assert sorted(events[3:]) == [("ADDED", "w-new"), ("DELETED", "w-deleted"), ("MODIFIED", "w-changed")]


def test_whoever_says_from_where_is_told_when_that_is_too_old(cluster: ClusterWorld) -> None:
    cluster.faults.add(faults.gone_in_watch(), path="watch=true")

    with pytest.raises(Gone):
        ask(cluster, lambda client: _names_until(client, "w-end", resource_version="1"))


def test_a_watch_that_may_not_be_is_refused_and_not_repeated(cluster: ClusterWorld) -> None:
    cluster.rights["alice"] = []

    with pytest.raises(Forbidden):
        ask(cluster, lambda client: _names_until(client, "w-end"), user="alice")

    assert len(cluster.requests()) == 1


def test_what_the_server_warns_of_is_kept_once(cluster: ClusterWorld) -> None:
    cluster.warnings.append(("PATCH .*configmaps", "data.key is out of fashion"))

    async def warned(client: HttpClient) -> list[str]:
        await apply(client, "old-fashioned")
        await apply(client, "old-fashioned")
        return client.warnings

    assert ask(cluster, warned) == ["data.key is out of fashion"]


def test_a_plugin_is_asked_once_and_again_when_its_token_is_refused(cluster: ClusterWorld) -> None:
    token_file = cluster.folder / "plugin.token"
    good = token_file.read_text()

    async def twice(client: HttpClient) -> None:
        await client.list(CONFIG_MAP, TEAM)
        await client.list(CONFIG_MAP, TEAM)
        cluster.proxy.users = [
            user if user.name != "plugin" else type(user)("plugin", token="renewed") for user in cluster.proxy.users
        ]
        token_file.write_text("renewed")
        await client.list(CONFIG_MAP, TEAM)
        before = cluster.plugin_calls()
        async with cluster.client("plugin") as another:  # of the same process: what was printed is still good
            await another.list(CONFIG_MAP, TEAM)
        assert cluster.plugin_calls() == before

    before, users = cluster.plugin_calls(), cluster.proxy.users
    try:
        ask(cluster, twice, user="plugin")
    finally:
        token_file.write_text(good)
        cluster.proxy.users = users
    assert cluster.plugin_calls() - before == 2


def test_credentials_that_are_refused_for_good_are_said_to_be_so(cluster: ClusterWorld) -> None:
    users, cluster.proxy.users = cluster.proxy.users, []
    try:
        for user, requests in (("robot", 1), ("plugin", 2)):
            cluster.proxy.seen.clear()
            with pytest.raises(Unauthorized) as refused:
                ask(cluster, lambda client: client.list(CONFIG_MAP, TEAM), user=user)
            assert (refused.value.context, len(cluster.requests())) == (user, requests)
    finally:
        cluster.proxy.users = users


def test_requests_that_begin_or_are_refused_together_ask_the_plugin_once(cluster: ClusterWorld) -> None:
    token_file, users = cluster.folder / "plugin.token", cluster.proxy.users
    good = token_file.read_text()
    _printed.clear()

    async def many(client: HttpClient) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(20):
                tasks.create_task(client.list(CONFIG_MAP, TEAM))

    async def twice(client: HttpClient) -> None:
        await many(client)
        cluster.proxy.users = [User("plugin", token="renewed")]
        token_file.write_text("renewed")
        await many(client)

    before = cluster.plugin_calls()
    try:
        ask(cluster, twice, user="plugin")
    finally:
        token_file.write_text(good)
        cluster.proxy.users = users
    assert cluster.plugin_calls() - before == 2


STORM = (
    faults.refuse(429, retry_after=1),
    faults.refuse(500),
    faults.refuse(503),
    faults.drop_before(),
    faults.drop_after(),
    faults.cut(),
    faults.trickle(),
)


@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_storm_of_faults_all_is_done_once_and_all_is_seen(cluster: ClusterWorld, seed: int) -> None:
    _forget(cluster)
    chance = random.Random(seed)
    for _ in range(40):
        cluster.faults.add(chance.choice(STORM), method="POST|PATCH|DELETE", after=chance.randrange(8))
    for _ in range(4):
        breaking = chance.choice((faults.cut(200), faults.drop_before(), faults.gone_in_watch(), faults.silent(2)))
        cluster.faults.add(breaking, path="watch=true")
    seen: dict[str, str] = {}

    async def watch(client: HttpClient) -> None:
        async for event in client.watch(CONFIG_MAP, TEAM):
            if event.type == "BOOKMARK" or not (name := event.object["metadata"]["name"]).startswith("w-"):
                continue
            if event.type == "DELETED":
                del seen[name]
            else:
                assert (name in seen) == (event.type == "MODIFIED"), f"{name} was {event.type} and is known: {seen}"
                seen[name] = event.object["data"]["key"]
            if name == "w-end":
                return

    async def live(client: HttpClient, number: int) -> None:
        name = f"w-{number}"
        await client.create(CONFIG_MAP, config_map(name, key="made"))
        await client.patch(CONFIG_MAP, name, {"data": {"key": f"changed {number}"}}, TEAM)
        if number % 3 == 0:
            await client.delete(CONFIG_MAP, name, TEAM)

    async def storm(client: HttpClient) -> None:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch(client))
            async with asyncio.TaskGroup() as lives:
                for number in range(30):
                    lives.create_task(live(client, number))
            async with cluster.direct() as other:
                await other.create(CONFIG_MAP, config_map("w-end", key="end"))
            await watching

    async def session() -> list[Any]:
        patient = RetryPolicy(attempts=20, first_s=0.002, most_s=0.05)
        async with cluster.client(retry=patient, watch_s=1, watch_grace_s=0.5) as client, asyncio.timeout(60):
            await storm(client)
        async with cluster.direct() as direct:
            return (await direct.list(CONFIG_MAP, TEAM)).items

    items = asyncio.run(session())

    expected = {f"w-{number}": f"changed {number}" for number in range(30) if number % 3} | {"w-end": "end"}
    stored_ = {item["metadata"]["name"]: item["data"].get("key") for item in items}
    assert {name: key for name, key in stored_.items() if name.startswith("w-")} == expected
    assert seen == expected
    assert len(cluster.faults.used) > 40
    made = [seen_ for seen_ in cluster.writes() if seen_.method == "POST" and seen_.code == 201]
    assert len({seen_.body for seen_ in made}) == len(made), "something was made twice"


def test_a_server_that_falls_silent_is_asked_once_more(cluster: ClusterWorld) -> None:
    cluster.faults.add(faults.silent(), times=2, path="configmaps", method="GET")

    async def listed(client: HttpClient) -> int:
        return len((await client.list(CONFIG_MAP, TEAM)).items)

    with pytest.raises(Unavailable, match="it took the request and fell silent"):
        ask(cluster, listed, timeout_s=0.5)

    ask(cluster, listed, timeout_s=5.0)
    assert len(cluster.requests()) == 3


def test_a_create_that_is_carried_out_in_silence_is_ours(cluster: ClusterWorld) -> None:
    cluster.faults.add(faults.silent(), method="POST")

    made = ask(cluster, lambda client: client.create(CONFIG_MAP, config_map("silent")), timeout_s=3.0)

    assert made["metadata"]["uid"] == stored(cluster, "silent")["metadata"]["uid"]
    assert [seen.method for seen in cluster.requests(path="configmaps")] == ["POST", "POST", "GET"]
