"""What a container is made with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from faas.engine.contract.revision import ContainerPlan, ProbePlan, RevisionKey, RevisionPlan, SecurityPlan
from faas.engine.instances.docker.spec import NotStartable, Surroundings, make_container, ports_of
from faas.engine.instances.driver import Image, Launch

AROUND = Surroundings("net", {"faas.dev/engine": "e"})
MIB = 1024 * 1024


def made(plan: ContainerPlan, *, user: str = "", around: Surroundings = AROUND, pod: str = "hello-1") -> dict[str, Any]:
    revision = RevisionPlan(RevisionKey("default", "hello-00001"), "uid", "hello", "hello", plan)
    launch = Launch(revision, plan, pod, 0, Image("sha256:1", (), None), {"PORT": "8080", "A": "b=c"})
    return make_container(launch, "sha256:id", user, around)


PLAIN = ContainerPlan("image")


def test_without_a_word_in_the_revision_the_images_own_command_user_and_folder_count() -> None:
    body = made(PLAIN)
    assert body["Image"] == "sha256:id"
    assert body["Env"] == ["PORT=8080", "A=b=c"]
    assert body["Hostname"] == "hello-1"
    assert not body.keys() & {"Entrypoint", "Cmd", "User", "WorkingDir"}


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        pytest.param(("a",), (), {"Entrypoint": ["a"], "Cmd": []}, id="a command takes the image's arguments away"),
        pytest.param((), ("b",), {"Cmd": ["b"]}, id="arguments go to the image's entrypoint"),
        pytest.param(("a",), ("b", "c"), {"Entrypoint": ["a"], "Cmd": ["b", "c"]}, id="both"),
    ],
)
def test_command_and_arguments_are_as_in_kubernetes(
    command: tuple[str, ...], args: tuple[str, ...], expected: dict[str, list[str]]
) -> None:
    body = made(replace(PLAIN, command=command, args=args))
    assert {name: body[name] for name in ("Entrypoint", "Cmd") if name in body} == expected


def test_limits_and_requests_become_the_kernels() -> None:
    plan = replace(
        PLAIN,
        memory_limit_bytes=64 * MIB,
        memory_request_bytes=32 * MIB,
        cpu_limit_millis=1500,
        cpu_request_millis=250,
    )
    host = made(plan)["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["MemoryReservation"]) == (64 * MIB, 64 * MIB, 32 * MIB)
    assert (host["NanoCpus"], host["CpuShares"]) == (1_500_000_000, 256)


def test_a_limit_below_what_docker_takes_is_raised_to_it() -> None:
    assert made(replace(PLAIN, memory_limit_bytes=MIB))["HostConfig"]["Memory"] == 6 * MIB


@pytest.mark.parametrize(
    ("millis", "nanos"),
    [
        pytest.param(8000, 2_000_000_000, id="more than there is"),
        pytest.param(500, 500_000_000, id="less"),
        pytest.param(1, 10_000_000, id="less than Docker takes"),
    ],
)
def test_a_cpu_limit_is_brought_into_what_docker_takes(millis: int, nanos: int) -> None:
    host = made(replace(PLAIN, cpu_limit_millis=millis), around=replace(AROUND, processors=2))["HostConfig"]
    assert host["NanoCpus"] == nanos


def test_security_is_passed_on() -> None:
    security = SecurityPlan(
        user=1000,
        group=2000,
        read_only_root=True,
        allow_privilege_escalation=False,
        drop_capabilities=("ALL",),
        add_capabilities=("NET_BIND_SERVICE",),
        seccomp="Unconfined",
    )
    body = made(replace(PLAIN, security=security))
    host = body["HostConfig"]
    assert body["User"] == "1000:2000"
    assert host["ReadonlyRootfs"] is True
    assert (host["CapDrop"], host["CapAdd"]) == (["ALL"], ["NET_BIND_SERVICE"])
    assert host["SecurityOpt"] == ["no-new-privileges", "seccomp=unconfined"]


@pytest.mark.parametrize(
    ("image_user", "user", "message"),
    [
        pytest.param("", None, "container has runAsNonRoot and image will run as root", id="no user"),
        pytest.param("0:0", None, "container has runAsNonRoot and image will run as root", id="root by number"),
        pytest.param("65532", 0, "container's runAsUser breaks non-root policy", id="runAsUser 0"),
        pytest.param(
            "app",
            None,
            "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root",
            id="by name",
        ),
    ],
)
def test_run_as_non_root_is_held_to_in_kubelets_words(image_user: str, user: int | None, message: str) -> None:
    with pytest.raises(NotStartable) as caught:
        made(replace(PLAIN, security=SecurityPlan(user=user, non_root=True)), user=image_user)
    assert str(caught.value) == message


def test_a_numeric_user_of_the_image_is_fine_with_run_as_non_root() -> None:
    assert "User" not in made(replace(PLAIN, security=SecurityPlan(non_root=True)), user="65532:65532")


def test_a_group_alone_keeps_the_images_user() -> None:
    assert made(replace(PLAIN, security=SecurityPlan(group=5)), user="app:app")["User"] == "app:5"


def test_a_sidecar_shares_the_network_and_has_no_name_or_ports_of_its_own() -> None:
    around = replace(AROUND, network="container:abc", published=(8080,), hosts=("a:1.2.3.4",))
    body = made(PLAIN, around=around)
    assert body["HostConfig"]["NetworkMode"] == "container:abc"
    assert "Hostname" not in body
    assert not body["HostConfig"].keys() & {"PortBindings", "ExtraHosts"}


def test_ports_are_published_on_loopback_only() -> None:
    host = made(PLAIN, around=replace(AROUND, published=(8080,)))["HostConfig"]
    assert host["PortBindings"] == {"8080/tcp": [{"HostIp": "127.0.0.1"}]}


def test_a_pods_name_that_is_too_long_for_a_host_is_cut() -> None:
    assert made(PLAIN, pod="a" * 62 + "-b")["Hostname"] == "a" * 62


def test_probes_are_reached_at_their_own_ports() -> None:
    serving = ContainerPlan("a", port=8080, liveness=ProbePlan("http", port=9000))
    sidecar = ContainerPlan("b", name="side", port=0, readiness=ProbePlan("tcp", port=7000))
    plan = RevisionPlan(RevisionKey("n", "r"), "u", "s", "c", serving, (sidecar,))
    assert ports_of(plan) == (7000, 8080, 9000)
