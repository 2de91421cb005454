"""Deploys through a cluster's door: few requests, rights, faults, and what others have set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from faas.cli.deploy_letters import with_dead_letters
from faas.client.errors import Forbidden
from faas.client.http.client import HttpClient
from faas.client.protocol import Object
from faas.deploy.deploying import carry_out_deploy
from faas.deploy.errors import CutOff, FieldConflicts, KindMissing, NoNamespace, NotReady, QuotaExceeded
from faas.deploy.planning import Plan, plan_deploy
from faas.deploy.prepare import Prepared
from faas.deploy.programs.dead_letters import make_sink
from faas.deploy.services.rollout import DeployOptions
from faas.deploy.steps import Steps
from faas.engine.contract.revision import InstanceFailure
from faas.project.manifests.objects import Objects
from faas.resources.kinds import CONFIG_MAP, POD, REVISION, SERVICE, TRIGGER
from tests.cluster.faults import Fault, cut, drop_after, drop_before, gone_in_watch, refuse
from tests.cluster.rights import Right
from tests.deploy_world import Obedient, obedient_cluster, service
from tests.engine_world import World


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Obedient]:
    with obedient_cluster(tmp_path_factory.mktemp("obedient")) as obedient:
        yield obedient


@pytest.fixture
def obedient(shared: Obedient) -> Iterator[Obedient]:
    shared.cluster.reset()
    yield shared
    shared.cluster.reset()

    async def clear(world: World) -> None:
        for kind in (SERVICE, CONFIG_MAP):
            for item in (await world.client.list(kind, "team")).items:
                await world.client.delete(kind, item["metadata"]["name"], "team")
        for item in (await world.client.list(SERVICE, "team")).items:
            await world.until_gone(SERVICE, item["metadata"]["name"])

    shared.call(clear)


def settings_map(name: str = "texts", **data: str) -> Object:
    labels = {"faas.dev/project": "shop"}
    metadata = {"name": name, "namespace": "team", "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def trigger(name: str = "web") -> Object:
    ref = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "web"}
    metadata = {"name": name, "namespace": "team", "labels": {"faas.dev/project": "shop"}}
    spec = {"broker": "default", "subscriber": {"ref": ref}}
    return {"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger", "metadata": metadata, "spec": spec}


def with_delivery(made: Object, delivery: Object) -> Object:
    return {**made, "spec": {**made["spec"], "delivery": delivery}}


def objects(version: str, *names: str, **more: Any) -> Objects:
    services = tuple(service(name, f"{name}-{version}") for name in names or ("city", "web"))
    return Objects(services, (), (), (), **more)


def deploy(
    obedient: Obedient,
    wanted: Objects,
    *,
    user: str = "admin",
    force: bool = False,
    prune: bool = False,
    **options: Any,
) -> Plan:
    async def work(client: HttpClient) -> Plan:
        plan = await plan_deploy(client, wanted, project="shop", namespace="team", whole=True, force=force)
        chosen = DeployOptions(**{"wait_timeout_s": 20.0, "force_conflicts": force, **options})
        await carry_out_deploy(client, plan, chosen, Steps(), namespace="team", prune=prune)
        return plan

    plan: Plan = obedient.as_user(user, work)
    return plan


def serving(obedient: Obedient) -> dict[str, list[tuple[str, int]]]:
    """Who serves each Service, as its status says."""

    async def read(world: World) -> dict[str, list[tuple[str, int]]]:
        return {
            item["metadata"]["name"]: [
                (target["revisionName"], target["percent"]) for target in item["status"].get("traffic", ())
            ]
            for item in (await world.client.list(SERVICE, "team")).items
        }

    found: dict[str, list[tuple[str, int]]] = obedient.call(read)
    return found


def revisions(obedient: Obedient) -> list[str]:
    async def read(world: World) -> list[str]:
        return sorted(item["metadata"]["name"] for item in (await world.client.list(REVISION, "team")).items)

    found: list[str] = obedient.call(read)
    return found


def test_a_deploy_of_the_same_writes_nothing_and_asks_for_each_kind_once(obedient: Obedient) -> None:
    wanted = objects("1", *(f"f{number}" for number in range(12)), config_maps=(settings_map(greeting="hello"),))
    deploy(obedient, wanted)
    obedient.cluster.proxy.seen.clear()

    plan = deploy(obedient, wanted)

    assert {change.action for change in plan.changes} == {"unchanged"}
    assert obedient.cluster.writes() == []
    asked = obedient.cluster.requests()
    assert {seen.method for seen in asked} == {"GET"}
    assert len(asked) == len({seen.path for seen in asked}) == 16
    assert all(seen.query["labelSelector"] == "faas.dev/project=shop" for seen in asked)


def test_many_new_functions_are_looked_for_at_once_and_tried_before_any_is_written(obedient: Obedient) -> None:
    deploy(obedient, objects("1", *(f"f{number}" for number in range(12))), wait=False)

    asked = obedient.cluster.requests()
    unlabelled = [seen for seen in asked if seen.method == "GET" and not seen.query.get("labelSelector")]
    assert [seen.path for seen in unlabelled] == ["/apis/serving.knative.dev/v1/namespaces/team/services"]
    tried = [bool(seen.query.get("dryRun")) for seen in asked if seen.method == "PATCH"]
    assert tried == [True] * 12 + [False] * 12


def test_who_may_not_list_is_answered_for_each_name(obedient: Obedient) -> None:
    names = [f"f{number}" for number in range(5)]
    deploy(obedient, objects("1", *names))
    obedient.cluster.rights["alice"] = [Right("get,create,patch", "*", "team")]

    plan = deploy(obedient, objects("1", *names), user="alice")

    assert {change.action for change in plan.services} == {"unchanged"}


def test_a_change_of_one_asks_about_that_one_and_writes_that_one(obedient: Obedient) -> None:
    deploy(obedient, objects("1"))
    obedient.cluster.proxy.seen.clear()
    changed = objects("1")
    changed.services[1]["spec"]["template"]["spec"]["containers"][0]["image"] = "web-2"

    deploy(obedient, changed)

    assert [seen.path.rpartition("/")[2] for seen in obedient.cluster.writes()] == ["web"]
    assert serving(obedient) == {"city": [("city-00001", 100)], "web": [("web-00002", 100)]}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(refuse(429, retry_after=0), id="busy"),
        pytest.param(refuse(500), id="internal-error"),
        pytest.param(refuse(503), id="unavailable"),
        pytest.param(refuse(409, reason="Conflict"), id="somebody-was-faster"),
        pytest.param(drop_before(), id="connection-lost-before"),
        pytest.param(drop_after(), id="connection-lost-after"),
        pytest.param(cut(), id="answer-cut"),
    ],
)
def test_whatever_goes_wrong_on_the_way_nothing_is_applied_twice_or_lost(obedient: Obedient, fault: Fault) -> None:
    deploy(obedient, objects("1", "city", "web", "menu"))
    obedient.cluster.faults.add(fault, times=3, method="PATCH")
    obedient.cluster.faults.add(fault, times=2, method="PATCH", after=3)

    deploy(obedient, objects("2", "city", "web", "menu"))

    assert serving(obedient) == {name: [(f"{name}-00002", 100)] for name in ("city", "menu", "web")}
    assert len(revisions(obedient)) == 6
    assert len(obedient.cluster.faults.used) == 5


def test_a_watch_that_has_to_begin_again_misses_nothing(obedient: Obedient) -> None:
    obedient.cluster.faults.add(gone_in_watch(), times=2, method="GET", path="watch=true")

    deploy(obedient, objects("1"))

    assert serving(obedient) == {"city": [("city-00001", 100)], "web": [("web-00001", 100)]}


def test_who_may_work_in_one_namespace_deploys_there(obedient: Obedient) -> None:
    deploy(obedient, objects("1", config_maps=(settings_map(a="1"),)), user="alice")

    assert sorted(serving(obedient)) == ["city", "web"]


def test_who_may_not_see_the_store_of_dead_letters_leaves_the_sinks_that_are_there(obedient: Obedient) -> None:
    sink = make_sink("team", "default", "web")

    async def others(world: World) -> None:
        await world.client.create(TRIGGER, with_delivery(trigger(), {"retry": 3, "deadLetterSink": sink}))

    obedient.call(others)
    obedient.cluster.rights["alice"] = [Right("*", "triggers.eventing.knative.dev", "team")]
    events = Objects((), (), (), (with_delivery(trigger(), {"retry": 5}), trigger("other")))
    prepared = Prepared("shop", "team", None, None, (), events, whole=True, letters="kept")

    found, beside = obedient.as_user("alice", lambda client: with_dead_letters(client, prepared))

    assert [each["spec"].get("delivery") for each in found.triggers] == [{"retry": 5, "deadLetterSink": sink}, None]
    assert beside == ()
    obedient.call(lambda world: world.client.delete(TRIGGER, "web", "team"))


def test_who_may_see_neither_pods_nor_events_nor_other_kinds_still_deploys(obedient: Obedient) -> None:
    obedient.cluster.rights["alice"] = [Right("get,list,watch,patch,create", "services.serving.knative.dev", "team")]

    deploy(obedient, objects("1"), user="alice")

    assert sorted(serving(obedient)) == ["city", "web"]


def test_without_the_right_to_write_nothing_is_written(obedient: Obedient) -> None:
    with pytest.raises(Forbidden, match="viewer"):
        deploy(obedient, objects("1"), user="viewer")

    assert serving(obedient) == {}


def edit(obedient: Obedient, name: str, patch: Object) -> None:
    async def write(world: World) -> None:
        await world.client.patch(SERVICE, name, patch, "team", field_manager="kubectl-edit")

    obedient.call(write)


def test_what_others_have_set_is_shown_for_all_before_anything_changes(obedient: Obedient) -> None:
    deploy(obedient, objects("1", "city", "menu", "web"))
    for name in ("city", "web"):
        edit(obedient, name, {"spec": {"template": {"spec": {"containerConcurrency": 5}}}})
    obedient.cluster.proxy.seen.clear()

    with pytest.raises(FieldConflicts) as error:
        deploy(obedient, objects("2", "city", "menu", "web"))

    assert [(each.name, each.owner, each.field) for each in error.value.conflicts] == [
        ("city", "kubectl-edit", ".spec.template.spec.containerConcurrency"),
        ("web", "kubectl-edit", ".spec.template.spec.containerConcurrency"),
    ]
    assert obedient.cluster.writes() == []

    deploy(obedient, objects("2", "city", "menu", "web"), force=True)
    assert {name: targets[0][1] for name, targets in serving(obedient).items()} == {
        "city": 100,
        "menu": 100,
        "web": 100,
    }


def test_what_others_add_beside_ours_stays_and_is_no_conflict(obedient: Obedient) -> None:
    deploy(obedient, objects("1"))
    edit(
        obedient,
        "web",
        {"metadata": {"labels": {"team": "sales"}}, "spec": {"template": {"spec": {"timeoutSeconds": 9}}}},
    )

    assert {change.action for change in deploy(obedient, objects("1")).services} == {"unchanged"}
    deploy(obedient, objects("2"))

    async def read(world: World) -> Object:
        return await world.client.get(SERVICE, "web", "team")

    live = obedient.call(read)
    assert (live["metadata"]["labels"]["team"], live["spec"]["template"]["spec"]["timeoutSeconds"]) == ("sales", 9)


@pytest.mark.parametrize(
    ("labels", "manager", "owner"),
    [
        pytest.param({}, "helm", "helm", id="made-by-something-else"),
        pytest.param({"faas.dev/project": "blog"}, "faas", "project blog", id="of-another-project"),
        pytest.param({"faas.dev/project": "shop", "faas.dev/stage": "live"}, "faas", "stage live", id="of-a-stage"),
    ],
)
def test_what_others_have_made_is_not_taken_silently(
    obedient: Obedient, labels: dict[str, str], manager: str, owner: str
) -> None:
    """With other keys there is no field that two managers could quarrel about."""

    async def others(world: World) -> None:
        made = settings_map("texts", theirs="1")
        made["metadata"]["labels"] = labels
        await world.client.create(CONFIG_MAP, made, field_manager=manager)

    async def read(world: World) -> Object:
        return await world.client.get(CONFIG_MAP, "texts", "team")

    obedient.call(others)
    before = obedient.call(read)
    wanted = objects("1", "city", config_maps=(settings_map("texts", ours="2"),))
    with pytest.raises(FieldConflicts, match=rf"texts \(ConfigMap\): all of it is {owner}'s"):
        deploy(obedient, wanted)

    assert obedient.call(read) == before
    assert serving(obedient) == {}
    deploy(obedient, wanted, force=True)
    assert obedient.call(read)["data"]["ours"] == "2"


def test_a_split_that_somebody_set_by_hand_is_kept(obedient: Obedient) -> None:
    deploy(obedient, objects("1"))
    split = [{"revisionName": "web-00001", "percent": 90}, {"latestRevision": True, "percent": 10}]
    edit(obedient, "web", {"spec": {"traffic": split}})

    deploy(obedient, objects("2"))

    assert serving(obedient)["web"] == [("web-00001", 90), ("web-00002", 10)]


def test_a_failed_deploy_says_who_serves_still(obedient: Obedient) -> None:
    deploy(obedient, objects("1"))
    obedient.fleet.broken["web-2"] = InstanceFailure("ExitCode1", "Container failed with: boom", restarts=1)

    with pytest.raises(NotReady, match="boom") as error:
        deploy(obedient, objects("2"))

    assert [str(kept) for kept in error.value.kept] == ["city (city-00001 100 %)", "web (web-00001 100 %)"]
    assert serving(obedient) == {"city": [("city-00001", 100)], "web": [("web-00001", 100)]}


def test_what_ends_again_and_again_is_not_waited_for(obedient: Obedient) -> None:
    deploy(obedient, objects("1"))
    ended = {"terminated": {"exitCode": 3, "reason": "Error", "message": "no database"}}
    crashing = {"name": "user-container", "restartCount": 4, "lastState": ended, "state": {
        "waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}}  # fmt: skip
    labels = {"serving.knative.dev/revision": "web-00002"}
    metadata = {"name": "web-00002-x", "namespace": "team", "labels": labels}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"containerStatuses": [crashing]}}

    async def crash(world: World) -> None:
        world.fleet.held.add("web-3")
        await world.client.create(POD, pod)

    obedient.call(crash)
    with pytest.raises(NotReady) as error:
        deploy(obedient, objects("3"), wait_timeout_s=600.0)

    (failure,) = error.value.failures
    assert (failure.service, failure.reason) == ("web", "ExitCode3")
    assert failure.message == "it ends with exit code 3 (5 times)"
    assert serving(obedient) == {"city": [("city-00001", 100)], "web": [("web-00001", 100)]}


def test_a_cluster_without_eventing_takes_functions_and_says_what_it_lacks_for_events(obedient: Obedient) -> None:
    obedient.cluster.hidden.update({"eventing.knative.dev", "sources.knative.dev"})

    deploy(obedient, objects("1"))
    with pytest.raises(KindMissing, match="Knative Eventing is not installed there"):
        deploy(obedient, Objects(objects("1").services, (), (), (trigger(),)))


def test_a_missing_namespace_is_known_before_anything_is_made(obedient: Obedient) -> None:
    async def plan(client: HttpClient) -> Plan:
        wanted = Objects((service("web", "web-1", "nowhere"),), (), (), ())
        return await plan_deploy(client, wanted, project="shop", namespace="nowhere", whole=True)

    with pytest.raises(NoNamespace, match="nowhere"):
        obedient.as_user("admin", plan)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("PATCH", r"/services/city\?(?!.*dryRun)", id="while-it-is-applied"),
        pytest.param("GET", r"/services\?.*watch", id="while-it-is-waited-for"),
    ],
)
def test_a_server_that_goes_away_in_the_middle_leaves_words_for_what_stays(
    obedient: Obedient, method: str, path: str
) -> None:
    deploy(obedient, objects("near"))
    obedient.fleet.held.add("city-far")
    obedient.cluster.faults.add(refuse(503, message="away"), times=1000, method=method, path=path)

    with pytest.raises(CutOff, match="away") as error:
        deploy(obedient, objects("far"))

    assert error.value.hint.startswith("What was applied stays, and requests go where they went")
    assert "the same command" in error.value.hint
    obedient.cluster.faults.clear()
    obedient.call(release)
    deploy(obedient, objects("far"))
    assert serving(obedient) == {"city": [("city-00002", 100)], "web": [("web-00002", 100)]}


async def release(world: World) -> None:
    world.fleet.release("city-far")


def test_what_a_namespace_wants_of_every_pod_is_told_with_what_helps(obedient: Obedient) -> None:
    words = (
        'admission webhook "validation.webhook.serving.knative.dev" denied the request: validation callback failed: '
        'dry run failed with pods "dry-run-validation" is forbidden: failed quota: q: must specify limits.cpu for: '
        "user-container; limits.memory for: user-container: spec.template"
    )
    obedient.cluster.faults.add(refuse(400, reason="BadRequest", message=words), method="PATCH", path="/services/city")

    with pytest.raises(QuotaExceeded) as error:
        deploy(obedient, objects("1", "city"))

    assert error.value.message == "city is refused: quota q of the namespace wants limits.cpu, limits.memory of it"
    assert error.value.hint == "Say cpu and memory, of the stage or of the function"


def test_what_the_project_no_longer_has_goes_and_what_is_not_its_own_stays(obedient: Obedient) -> None:
    deploy(
        obedient, objects("1", "city", "old", config_maps=(settings_map("texts", a="1"), settings_map("gone", b="2")))
    )

    async def others(world: World) -> None:
        for name, labels in (("by-hand", {}), ("staged", {"faas.dev/project": "shop", "faas.dev/stage": "staging"})):
            made = settings_map(name, c="3")
            made["metadata"]["labels"] = labels
            await world.client.create(CONFIG_MAP, made)

    obedient.call(others)
    left = objects("1", "city", config_maps=(settings_map("texts", a="1"),))
    plan = deploy(obedient, left)

    assert [(change.kind.kind, change.name) for change in plan.pruned] == [("ConfigMap", "gone")]
    assert [(change.kind.kind, change.name) for change in plan.gone.asked] == [("Service", "old")]

    async def names(world: World) -> list[str]:
        return sorted(item["metadata"]["name"] for item in (await world.client.list(CONFIG_MAP, "team")).items)

    assert obedient.call(names) == ["by-hand", "staged", "texts"]
    assert sorted(serving(obedient)) == ["city", "old"]
    deploy(obedient, left, prune=True)
    assert sorted(serving(obedient)) == ["city"]
