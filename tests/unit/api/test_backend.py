"""The API in process: admission, versions, status, finalizers, owners, namespaces."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from faas.client.errors import AlreadyExists, ApiError, BadRequest, Conflict, Forbidden, Gone, Invalid, NotFound
from faas.engine.api.objects.backend import Backend
from faas.engine.api.objects.bootstrap import bootstrap
from faas.engine.api.objects.collector import Collector
from faas.engine.api.objects.options import WriteOptions
from faas.engine.contract.storage import StoreFull
from faas.engine.store import MemoryStore
from faas.resources.kinds import CONFIG_MAP, EVENT, NAMESPACE, POD, SECRET, SERVICE

USER = WriteOptions(field_manager="kubectl-create", field_validation="Strict", user="me")


def run(test: Callable[[Backend], Awaitable[None]], *, history: int = 4096) -> None:
    async def main() -> None:
        async with MemoryStore(history=history) as store:
            backend = Backend(store)
            await bootstrap(backend)
            collector = Collector(backend)
            collecting = asyncio.create_task(collector.run())
            try:
                async with asyncio.timeout(20):
                    await test(backend)
            finally:
                collecting.cancel()

    asyncio.run(main())


def config_map(name: str = "a", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default", **metadata}, "data": {"k": "v"}}


def service(name: str = "hello") -> dict[str, Any]:
    spec = {"template": {"spec": {"containers": [{"image": "example.com/x"}]}}}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


async def until_gone(backend: Backend, kind: Any, name: str, namespace: str = "default") -> None:
    async for event in backend.watch(kind, namespace, field_selector=f"metadata.name={name}"):
        if event.type == "DELETED":
            return
        try:
            await backend.get(kind, name, namespace)
        except NotFound:
            return


def test_a_created_object_has_the_servers_metadata() -> None:
    async def test(api: Backend) -> None:
        obj = await api.create(SERVICE, service())
        assert obj["apiVersion"] == "serving.knative.dev/v1"
        assert obj["metadata"]["generation"] == 1
        assert len(obj["metadata"]["uid"]) == 36
        assert obj["metadata"]["creationTimestamp"].endswith("Z")
        assert obj["spec"]["template"]["spec"]["timeoutSeconds"] == 300
        assert await api.get(SERVICE, "hello", "default") == obj
        with pytest.raises(AlreadyExists, match=r'services.serving.knative.dev "hello" already exists'):
            await api.create(SERVICE, service())

    run(test)


def test_generated_names_begin_with_their_prefix() -> None:
    async def test(api: Backend) -> None:
        obj = await api.create(CONFIG_MAP, {"metadata": {"generateName": "job-", "namespace": "default"}})
        assert obj["metadata"]["name"].startswith("job-")
        assert len(obj["metadata"]["name"]) == 9

    run(test)


def test_generation_counts_changes_of_the_spec_only() -> None:
    async def test(api: Backend) -> None:
        await api.create(SERVICE, service())
        labelled = await api.patch(SERVICE, "hello", {"metadata": {"labels": {"a": "b"}}}, "default")
        assert labelled["metadata"]["generation"] == 1
        changed = await api.patch(SERVICE, "hello", {"spec": {"template": {"spec": {"timeoutSeconds": 10}}}}, "default")
        assert changed["metadata"]["generation"] == 2

    run(test)


def test_status_and_spec_are_written_apart() -> None:
    async def test(api: Backend) -> None:
        obj = await api.create(SERVICE, service())
        obj["spec"]["template"]["spec"]["timeoutSeconds"] = 10
        obj["status"] = {"url": "http://x"}
        written = await api.update(SERVICE, obj, subresource="status")
        assert written["status"] == {"url": "http://x"}
        assert written["spec"]["template"]["spec"]["timeoutSeconds"] == 300
        written["status"] = {"url": "http://other"}
        written["spec"]["template"]["spec"]["timeoutSeconds"] = 20
        again = await api.update(SERVICE, written)
        assert again["status"] == {"url": "http://x"}
        assert again["spec"]["template"]["spec"]["timeoutSeconds"] == 20

    run(test)


def test_a_write_that_changes_nothing_makes_no_new_version() -> None:
    async def test(api: Backend) -> None:
        obj = await api.create(SERVICE, service())
        assert await api.update(SERVICE, obj) == obj
        assert await api.patch(SERVICE, "hello", {}, "default") == obj

    run(test)


def test_a_stale_resource_version_is_a_conflict() -> None:
    async def test(api: Backend) -> None:
        first = await api.create(CONFIG_MAP, config_map())
        await api.patch(CONFIG_MAP, "a", {"data": {"k": "2"}}, "default")
        with pytest.raises(Conflict, match="the object has been modified; please apply your changes"):
            await api.update(CONFIG_MAP, first)

    run(test)


def test_of_two_writers_from_the_same_version_one_wins() -> None:
    async def test(api: Backend) -> None:
        first = await api.create(CONFIG_MAP, config_map())
        writes = [api.update(CONFIG_MAP, {**first, "data": {"k": str(number)}}) for number in range(5)]
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert sum(isinstance(result, Conflict) for result in results) == 4

    run(test)


def test_unknown_fields_are_refused_warned_of_or_dropped() -> None:
    async def test(api: Backend) -> None:
        obj = {**config_map(), "dat": {}}
        with pytest.raises(BadRequest, match='strict decoding error: unknown field "dat"'):
            await api.writer.new(CONFIG_MAP, "default", obj, USER)
        warned = await api.writer.new(
            CONFIG_MAP, "default", obj, WriteOptions(field_manager="x", field_validation="Warn")
        )
        assert warned.warnings == ('unknown field "dat"',)
        assert "dat" not in warned.object

    run(test)


def test_invalid_objects_name_their_fields() -> None:
    async def test(api: Backend) -> None:
        with pytest.raises(Invalid) as caught:
            await api.create(CONFIG_MAP, config_map("Not_A_Name"))
        assert caught.value.status["details"]["causes"][0]["field"] == "metadata.name"
        wrong = service()
        wrong["spec"]["template"]["spec"]["containerConcurrency"] = -1
        with pytest.raises(BadRequest, match=r"containerConcurrency"):
            await api.create(SERVICE, wrong)

    run(test)


def test_the_namespace_must_exist() -> None:
    async def test(api: Backend) -> None:
        with pytest.raises(NotFound, match='namespaces "nowhere" not found'):
            await api.create(CONFIG_MAP, {"metadata": {"name": "a", "namespace": "nowhere"}})

    run(test)


def test_dry_run_shows_the_result_and_stores_nothing() -> None:
    async def test(api: Backend) -> None:
        before = api.records.store.version
        shown = await api.create(SERVICE, service(), dry_run=True)
        assert shown["spec"]["traffic"] == [{"latestRevision": True, "percent": 100}]
        assert api.records.store.version == before

    run(test)


def test_an_object_with_finalizers_waits_for_them() -> None:
    async def test(api: Backend) -> None:
        await api.create(CONFIG_MAP, config_map(finalizers=["x.dev/hold"]))
        await api.delete(CONFIG_MAP, "a", "default")
        held = await api.get(CONFIG_MAP, "a", "default")
        assert "deletionTimestamp" in held["metadata"]
        with pytest.raises(Invalid, match="no new finalizers can be added"):
            await api.patch(CONFIG_MAP, "a", {"metadata": {"finalizers": ["x.dev/hold", "y.dev/more"]}}, "default")
        await api.patch(CONFIG_MAP, "a", {"metadata": {"finalizers": None}}, "default")
        with pytest.raises(NotFound):
            await api.get(CONFIG_MAP, "a", "default")

    run(test)


async def owned_pair(api: Backend, *, block: bool = False) -> None:
    owner = await api.create(CONFIG_MAP, config_map("owner"))
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": block,
    }
    await api.create(CONFIG_MAP, config_map("dependent", ownerReferences=[reference]))


def test_dependents_go_after_their_owner() -> None:
    async def test(api: Backend) -> None:
        await owned_pair(api)
        await api.delete(CONFIG_MAP, "owner", "default")
        await until_gone(api, CONFIG_MAP, "dependent")

    run(test)


def test_foreground_deletion_takes_the_dependents_first() -> None:
    async def test(api: Backend) -> None:
        await owned_pair(api, block=True)
        with api.records.store.watch("configmaps") as watch:
            await api.delete(CONFIG_MAP, "owner", "default", propagation="Foreground")
            gone: list[str] = []
            while len(gone) < 2:
                gone += [change.record.key.name for change in await watch.next() if change.deleted]
        assert gone == ["dependent", "owner"]

    run(test)


def test_orphans_stay_without_their_owner() -> None:
    async def test(api: Backend) -> None:
        await owned_pair(api)
        await api.delete(CONFIG_MAP, "owner", "default", propagation="Orphan")
        await until_gone(api, CONFIG_MAP, "owner")
        assert "ownerReferences" not in (await api.get(CONFIG_MAP, "dependent", "default"))["metadata"]

    run(test)


def test_an_owner_that_never_was_takes_its_dependent_with_it() -> None:
    async def test(api: Backend) -> None:
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "ghost", "uid": "1-2-3"}
        await api.create(CONFIG_MAP, config_map("haunted", ownerReferences=[reference]))
        await until_gone(api, CONFIG_MAP, "haunted")

    run(test)


def test_a_namespace_goes_when_it_is_empty_and_takes_nothing_new_until_then() -> None:
    async def test(api: Backend) -> None:
        await api.create(NAMESPACE, {"metadata": {"name": "n"}})
        held = {"metadata": {"name": "a", "namespace": "n", "finalizers": ["x.dev/hold"]}}
        await api.create(CONFIG_MAP, held)
        await api.create(SECRET, {"metadata": {"name": "s", "namespace": "n"}})
        await api.delete(NAMESPACE, "n")
        await until_gone(api, SECRET, "s", "n")
        assert (await api.get(NAMESPACE, "n"))["status"]["phase"] == "Terminating"
        with pytest.raises(Forbidden, match="because it is being terminated"):
            await api.create(SECRET, {"metadata": {"name": "new", "namespace": "n"}})
        await api.patch(CONFIG_MAP, "a", {"metadata": {"finalizers": None}}, "n")
        await until_gone(api, NAMESPACE, "n", "")

    run(test)


def test_users_may_read_pods_and_not_write_them() -> None:
    async def test(api: Backend) -> None:
        pod = {"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": []}}
        with pytest.raises(ApiError, match="read-only here"):
            await api.writer.new(POD, "default", pod, USER)
        created = await api.create(POD, {**pod, "status": {"phase": "Running"}})
        assert created["status"] == {"phase": "Running"}

    run(test)


def test_a_watch_shows_what_starts_and_stops_matching() -> None:
    async def test(api: Backend) -> None:
        await api.create(CONFIG_MAP, config_map("a", labels={"tier": "one"}))
        version = str(api.records.store.version)
        await api.patch(CONFIG_MAP, "a", {"metadata": {"labels": {"tier": "two"}}}, "default")
        await api.patch(CONFIG_MAP, "a", {"metadata": {"labels": {"tier": "one"}}}, "default")
        await api.patch(CONFIG_MAP, "a", {"data": {"k": "2"}}, "default")
        await api.delete(CONFIG_MAP, "a", "default")
        seen = []
        async for event in api.watch(CONFIG_MAP, "default", resource_version=version, label_selector="tier=one"):
            seen.append(event.type)
            if len(seen) == 4:
                break
        assert seen == ["DELETED", "ADDED", "MODIFIED", "DELETED"]

    run(test)


def test_a_watch_from_too_long_ago_is_gone() -> None:
    async def test(api: Backend) -> None:
        for number in range(40):
            await api.create(CONFIG_MAP, config_map(f"n{number}"))
        with pytest.raises(Gone):
            await anext(api.watch(CONFIG_MAP, resource_version="1"))

    run(test, history=10)


def test_config_maps_of_the_system_are_live() -> None:
    async def test(api: Backend) -> None:
        assert api.records.config.defaults.revision_timeout_seconds == 300
        await api.patch(CONFIG_MAP, "config-defaults", {"data": {"revision-timeout-seconds": "60"}}, "knative-serving")
        created = await api.create(SERVICE, service())
        assert created["spec"]["template"]["spec"]["timeoutSeconds"] == 60

    run(test)


def test_events_go_after_an_hour() -> None:
    async def test(api: Backend) -> None:
        now = datetime(2026, 1, 1, 12, tzinfo=UTC)
        about = {"kind": "Service", "name": "x", "namespace": "default"}
        for name, seen in (("old", "2026-01-01T10:59:59Z"), ("new", "2026-01-01T11:30:00Z")):
            metadata = {"name": name, "namespace": "default"}
            await api.create(EVENT, {"metadata": metadata, "involvedObject": about, "lastTimestamp": seen})
        await Collector(api).expire_events(now)
        assert [item["metadata"]["name"] for item in (await api.list(EVENT)).items] == ["new"]

    run(test)


def test_a_store_that_takes_no_writes_says_what_to_do(tmp_path: Any) -> None:
    class Full(MemoryStore):
        def put(self, key: Any, obj: Any, *, expected: Any = None) -> Any:
            failed = asyncio.get_running_loop().create_future()
            failed.set_exception(StoreFull(tmp_path, "database or disk is full"))
            return failed

    async def main() -> None:
        async with MemoryStore() as working:
            backend = Backend(working)
            await bootstrap(backend)
            full = Full()
            full._ledger = working._ledger
            backend.records.store = full
            with pytest.raises(ApiError, match="free some disk space") as caught:
                await backend.create(CONFIG_MAP, config_map())
            assert caught.value.code == 507
            assert (await backend.get(NAMESPACE, "default"))["metadata"]["name"] == "default"

    asyncio.run(main())
