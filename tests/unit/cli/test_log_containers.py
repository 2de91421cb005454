"""Whose log is shown of a Pod that has several containers."""

from __future__ import annotations

from typing import Any

import pytest

from faas.cli.errors import CommandError
from faas.cli.log_follow import container_of, has_ended, run_of


def pod(*names: str, noted: str = "", init: tuple[str, ...] = ()) -> dict[str, Any]:
    annotations = {"kubectl.kubernetes.io/default-container": noted} if noted else {}
    return {
        "metadata": {"name": "hello-1", "annotations": annotations},
        "spec": {
            "containers": [{"name": name} for name in names],
            "initContainers": [{"name": name} for name in init],
        },
    }


@pytest.mark.parametrize(
    ("given", "container"),
    [
        pytest.param(pod("user-container", "queue-proxy"), "user-container", id="Knative's own name"),
        pytest.param(pod("queue-proxy", "web"), "web", id="a name that the Service gave"),
        pytest.param(pod("queue-proxy", "side", "web", noted="web"), "web", id="the one that the Pod names"),
        pytest.param(pod("queue-proxy", "web", noted="gone"), "web", id="the Pod names one that it does not have"),
        pytest.param(pod(), "", id="nothing is known of it yet"),
    ],
)
def test_the_functions_own_log_is_shown(given: dict[str, Any], container: str) -> None:
    assert container_of(given) == container


def test_another_container_is_shown_when_it_is_named() -> None:
    assert container_of(pod("user-container", "queue-proxy"), "queue-proxy") == "queue-proxy"
    assert container_of(pod("user-container", init=("setup",)), "setup") == "setup"


def test_a_container_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(CommandError, match="hello-1 has no container 'proxy'") as refused:
        container_of(pod("user-container", "queue-proxy"), "proxy")
    assert refused.value.hint == "It has: user-container, queue-proxy"


def status(**container: Any) -> dict[str, Any]:
    return {"status": {"containerStatuses": [{"name": "queue-proxy"}, {"name": "web", **container}]}}


RUNNING = {"running": {"startedAt": "2026-11-23T12:00:00Z"}}
ENDED = {"terminated": {"startedAt": "2026-11-23T12:00:00Z", "exitCode": 1}}
WAITING = {"waiting": {"reason": "CrashLoopBackOff"}}


@pytest.mark.parametrize(
    ("given", "run", "ended"),
    [
        pytest.param({}, None, False, id="not scheduled"),
        pytest.param(status(state={"waiting": {"reason": "ContainerCreating"}}), None, True, id="not started"),
        pytest.param(status(state=RUNNING, restartCount=0), (0, "2026-11-23T12:00:00Z"), False, id="running"),
        pytest.param(status(state=ENDED), (0, "2026-11-23T12:00:00Z"), True, id="ended"),
        pytest.param(
            status(state=WAITING, lastState=ENDED, restartCount=2), (2, "2026-11-23T12:00:00Z"), True, id="crashed"
        ),
    ],
)
def test_the_run_that_there_is_something_to_read_of(
    given: dict[str, Any], run: tuple[int, str] | None, ended: bool
) -> None:
    assert (run_of(given, "web"), has_ended(given, "web")) == (run, ended)
