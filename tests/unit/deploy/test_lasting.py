"""How long a deploy waits for what may mend by itself, and when it waits no longer."""

from __future__ import annotations

from typing import Any

import pytest

from faas.deploy.reasons.lasting import Lasting, given_up_words, lasts
from faas.deploy.reasons.revision import trouble_of
from faas.deploy.reasons.trouble import Cause, Trouble


def trouble(cause: Cause, ends: int = 0) -> Trouble:
    return Trouble("Reason", "a sentence", cause=cause, ends=ends)


@pytest.mark.parametrize(
    ("found", "for_s", "expected"),
    [
        pytest.param(trouble("ends", 2), 500.0, False, id="it-may-start-yet"),
        pytest.param(trouble("ends", 3), 0.0, True, id="three-ends-are-enough"),
        pytest.param(trouble("pull refused"), 29.0, False, id="an-image-that-is-asked-for-again"),
        pytest.param(trouble("pull refused"), 30.0, True, id="an-image-that-is-not-there"),
        pytest.param(trouble("pull"), 30.0, False, id="a-registry-that-does-not-answer"),
        pytest.param(trouble("pull"), 60.0, True, id="a-registry-that-never-answers"),
        pytest.param(trouble("missing"), 59.0, False, id="a-secret-somebody-may-be-making"),
        pytest.param(trouble("missing"), 60.0, True, id="a-secret-nobody-makes"),
        pytest.param(trouble("refused"), 30.0, True, id="a-quota"),
        pytest.param(trouble("room"), 119.0, False, id="nodes-may-be-added"),
        pytest.param(trouble("room"), 120.0, True, id="no-node-comes"),
        pytest.param(trouble(""), 5000.0, False, id="a-slow-start"),
    ],
)
def test_a_trouble_gets_as_long_as_what_may_mend_it_needs(found: Trouble, for_s: float, expected: bool) -> None:
    assert lasts(found, for_s) is expected


def test_a_back_off_that_does_not_say_why_is_the_same_trouble() -> None:
    lasting = Lasting()

    assert lasting.note({"web": trouble("pull refused")}, 100.0) == {}
    assert lasting.note({"web": trouble("pull")}, 120.0) == {}
    assert set(lasting.note({"web": trouble("pull refused")}, 131.0)) == {"web"}


def test_another_trouble_or_none_for_a_while_begins_anew() -> None:
    lasting = Lasting()
    lasting.note({"web": trouble("refused"), "city": trouble("refused")}, 0.0)
    lasting.note({"web": trouble("room")}, 20.0)

    assert lasting.note({"web": trouble("room"), "city": trouble("refused")}, 40.0) == {}


def test_a_probe_that_is_not_answered_yet_is_news_when_it_lasts() -> None:
    lasting, slow, missing = Lasting(), Trouble("Unhealthy", "it does not answer its probe"), trouble("missing")
    found = {"web": slow, "city": missing}

    lasting.note(found, 100.0)
    assert [lasting.is_news(name, found[name], 100.0) for name in found] == [False, True]
    lasting.note(found, 119.0)
    assert not lasting.is_news("web", slow, 119.0)
    lasting.note(found, 120.0)
    assert lasting.is_news("web", slow, 120.0)


def crashing(restarts: int) -> dict[str, Any]:
    ended = {"terminated": {"exitCode": 1, "reason": "Error"}}
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
    status = {"name": "user-container", "restartCount": restarts, "state": waiting, "lastState": ended}
    metadata = {"name": "web-00001-x", "creationTimestamp": "2026-11-23T12:00:00Z"}
    return {"metadata": metadata, "spec": {}, "status": {"containerStatuses": [status]}}


@pytest.mark.parametrize(("restarts", "expected"), [(1, False), (2, True)])
def test_a_pod_tells_how_often_its_function_has_ended(restarts: int, expected: bool) -> None:
    found = trouble_of([crashing(restarts)], (), "web-00001")

    assert found is not None
    assert lasts(found, 0.0) is expected


def pulling(message: str) -> dict[str, Any]:
    status = {"name": "user-container", "image": "registry.example.org/team/shop:1", "state": {
        "waiting": {"reason": "ErrImagePull", "message": message}}}  # fmt: skip
    return {"metadata": {"name": "web-00001-x"}, "spec": {}, "status": {"containerStatuses": [status]}}


def event(reason: str, message: str, name: str = "web-00001-deployment-1") -> dict[str, Any]:
    return {"reason": reason, "message": message, "involvedObject": {"name": name}}


@pytest.mark.parametrize(
    ("pods", "events", "cause"),
    [
        ([pulling("failed to resolve reference: not found")], [], "pull refused"),
        ([pulling("unexpected status: 401 Unauthorized")], [], "pull refused"),
        ([pulling("dial tcp: connection refused")], [], "pull"),
        ([], [event("FailedCreate", 'pods "x" is forbidden: exceeded quota: small, requested: pods=1')], "refused"),
        ([], [event("FailedCreate", 'pods "x" is forbidden: violates PodSecurity "restricted:latest"')], "refused"),
        ([], [event("FailedCreate", 'error looking up service account team/robot: serviceaccount "robot" not found')],
         "missing"),
    ],
)  # fmt: skip
def test_what_is_seen_tells_what_may_mend_it(pods: list[Any], events: list[Any], cause: str) -> None:
    found = trouble_of(pods, events, "web-00001")

    assert found is not None
    assert found.cause == cause


def test_who_gives_up_says_what_was_enough() -> None:
    assert given_up_words(trouble("ends", 4)) == "a sentence (4 times)"
    assert given_up_words(trouble("room")) == "a sentence (for 120 s)"
