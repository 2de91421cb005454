"""Why something does not become ready, in words: what Pods and Events say, and what is made of it."""

from __future__ import annotations

from typing import Any

import pytest

from faas.deploy.reasons.conditions import said_of
from faas.deploy.reasons.quota import is_quota, quota_words
from faas.deploy.reasons.revision import trouble_of

IMAGE = "registry.example.org/team/shop@sha256:" + "ab" * 32


def pod(*, state: dict[str, Any] | None = None, name: str = "web-00001-deployment-x", **more: Any) -> dict[str, Any]:
    containers = [
        {"name": "user-container", "image": IMAGE, "resources": {"limits": {"memory": "64Mi"}}},
        {"name": "queue-proxy", "image": "queue"},
    ]
    statuses = [{"name": "user-container", "image": IMAGE, "restartCount": 0, **(state or {"state": {"running": {}}})}]
    return {
        "metadata": {"name": name, "creationTimestamp": "2026-11-23T12:00:00Z"},
        "spec": {"containers": containers},
        "status": {"containerStatuses": statuses, **more},
    }


def waiting(reason: str, message: str = "", **last: Any) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": message}}, **({"lastState": last} if last else {})}


def event(reason: str, message: str, name: str = "web-00001-deployment-x", **more: Any) -> dict[str, Any]:
    return {"reason": reason, "message": message, "involvedObject": {"name": name}, **more}


@pytest.mark.parametrize(
    ("state", "reason", "sentence", "advice"),
    [
        pytest.param(
            waiting("ErrImagePull", f'rpc error: code = NotFound desc = failed to pull and unpack image "{IMAGE}": '
                    f'failed to resolve reference "{IMAGE}": {IMAGE}: not found'),
            "ErrImagePull", f"the image {IMAGE} cannot be pulled: not found",
            "It is not in that registry any more: deploy again, which pushes it", id="not-in-the-registry",
        ),
        pytest.param(
            waiting("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"'),
            "ImagePullBackOff", f"the image {IMAGE} cannot be pulled", "", id="back-off-that-says-nothing",
        ),
        pytest.param(
            waiting("ErrImagePull", "unexpected status from HEAD request to https://registry.example.org/v2/: "
                    "401 Unauthorized"),
            "ErrImagePull", f"the image {IMAGE} cannot be pulled: 401 Unauthorized",
            "The nodes need a login of registry.example.org, in a Secret that image_pull_secrets names.",
            id="no-credentials",
        ),
        pytest.param(
            waiting("CreateContainerConfigError", 'secret "db" not found'),
            "CreateContainerConfigError", 'its container cannot be configured: secret "db" not found',
            "Make it, or declare it in [tool.faas.secrets.db]", id="no-such-secret",
        ),
        pytest.param(
            waiting("CreateContainerConfigError", "couldn't find key url in Secret team/db"),
            "CreateContainerConfigError", "its container cannot be configured: couldn't find key url in Secret team/db",
            "Put the key url into the secret db", id="no-such-key",
        ),
        pytest.param(
            waiting("CrashLoopBackOff", "back-off 10s", terminated={"exitCode": 3, "reason": "Error"}),
            "ExitCode3", "it ends with exit code 3", "", id="crash",
        ),
        pytest.param(
            waiting("CrashLoopBackOff", "", terminated={"exitCode": 137, "reason": "OOMKilled"}),
            "OOMKilled", "it was killed for using more than its memory (64Mi)", "memory", id="out-of-memory",
        ),
        pytest.param(
            {"state": {"terminated": {"exitCode": 128, "reason": "StartError", "message": "exec: exec format error"}}},
            "ExitCode128", "it ends with exit code 128: exec: exec format error", "for another processor",
            id="another-processor",
        ),
    ],
)  # fmt: skip
def test_what_a_container_says(state: dict[str, Any], reason: str, sentence: str, advice: str) -> None:
    trouble = trouble_of([pod(state=state)], [], "web-00001")

    assert trouble is not None
    assert (trouble.reason, trouble.sentence) == (reason, sentence)
    assert advice in trouble.advice
    assert bool(advice) == bool(trouble.advice)


def test_what_a_container_wrote_last_is_told_with_its_end() -> None:
    written = "Traceback (most recent call last):\n" + "".join(f"line {n}\n" for n in range(9)) + "KeyError: 'DB'\n"
    state = waiting("CrashLoopBackOff", "back-off", terminated={"exitCode": 4, "reason": "Error", "message": written})

    trouble = trouble_of([pod(state=state)], [], "web-00001")

    assert trouble is not None
    assert trouble.sentence == "it ends with exit code 4"
    assert (trouble.lines[0], trouble.lines[-1]) == ("line 2", "KeyError: 'DB'")


def test_who_is_not_scheduled_is_told_what_would_help() -> None:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "message": "0/1 nodes are available: 1 Insufficient memory.",
    }

    trouble = trouble_of([pod(conditions=[condition])], [], "web-00001")

    assert trouble is not None
    assert str(trouble) == "no node takes it: 0/1 nodes are available: 1 Insufficient memory."
    assert trouble.advice == "Ask for less (cpu, memory), or add nodes"


def test_a_mount_that_fails_is_only_in_events() -> None:
    events = [event("FailedMount", 'MountVolume.SetUp failed for volume "s" : secret "db" not found')]

    trouble = trouble_of([pod(state=waiting("ContainerCreating"))], events, "web-00001")

    assert trouble is not None
    assert (trouble.reason, trouble.advice) == ("FailedMount", "Make it, or declare it in [tool.faas.secrets.db]")


def test_without_any_pod_what_should_make_them_says_why() -> None:
    message = 'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=6, limited: pods=6'
    events = [event("FailedCreate", message, "web-00001-deployment-abc"), event("FailedCreate", "no", "other-00001-x")]

    trouble = trouble_of([], events, "web-00001")

    assert trouble is not None
    assert str(trouble) == "the namespace's quota is used up: q allows pods=6, it asks for pods=1 more"


def test_a_few_failed_probes_are_no_news() -> None:
    few = event("Unhealthy", "Readiness probe failed: connection refused", count=2)
    many = {**few, "count": 9}

    assert trouble_of([pod()], [few], "web-00001") is None
    assert str(trouble_of([pod()], [many], "web-00001")) == "it does not answer its probe: connection refused"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        pytest.param(
            'Readiness probe failed: Get "http://10.244.0.209:8012/": context deadline exceeded (Client.Timeout '
            "exceeded while awaiting headers)",
            "it does not answer its probe: not in time",
            id="slow",
        ),
        pytest.param(
            'Readiness probe failed: Get "http://10.244.0.209:8012/": dial tcp 10.244.0.209:8012: connect: '
            "connection refused",
            "it does not answer its probe: connection refused",
            id="not-listening",
        ),
        pytest.param(
            "Liveness probe failed: HTTP probe failed with statuscode: 503",
            "it does not answer its probe: HTTP probe failed with statuscode: 503",
            id="answers-otherwise",
        ),
    ],
)
def test_a_failed_probe_is_told_without_the_address_of_the_pod(said: str, sentence: str) -> None:
    assert str(trouble_of([pod()], [event("Unhealthy", said, count=9)], "web-00001")) == sentence


def test_the_newest_pod_speaks_and_the_sidecar_does_not() -> None:
    old = pod(state=waiting("CreateContainerConfigError", "old"), name="old")
    new = pod()
    new["metadata"]["creationTimestamp"] = "2026-11-23T13:00:00Z"
    ended = {"name": "queue-proxy", "state": {"terminated": {"exitCode": 1}}}
    new["status"]["containerStatuses"].append(ended)

    assert str(trouble_of([old, new], [], "web-00001")) == "its container cannot be configured: old"
    assert trouble_of([new], [], "web-00001") is None


@pytest.mark.parametrize(
    ("reason", "message", "sentence"),
    [
        pytest.param("RevisionFailed", 'Revision "web-00001" failed with message: 0/1 nodes are available..',
                     "0/1 nodes are available.", id="revision"),
        pytest.param("RevisionFailed", "boom", "boom", id="plain"),
    ],
)  # fmt: skip
def test_what_a_condition_says_is_taken_out_of_its_frame(reason: str, message: str, sentence: str) -> None:
    assert said_of(reason, message)[0] == sentence


def test_a_webhook_that_tried_a_pod_names_the_quota() -> None:
    said, _ = quota_words(
        'denied the request: dry run failed with pods "x" is forbidden: exceeded quota: q, requested: pods=1, '
        "used: pods=6, limited: pods=0: spec.template"
    )

    assert said == "the namespace's quota is used up: q allows pods=0, it asks for pods=1 more"


_WEBHOOK = (
    'admission webhook "validation.webhook.serving.knative.dev" denied the request: validation callback failed: '
    'dry run failed with pods "dry-run-validation" is forbidden: {}: spec.template'
)


@pytest.mark.parametrize(
    ("refusal", "sentence", "advice"),
    [
        pytest.param(
            "failed quota: q: must specify limits.cpu for: user-container; limits.memory for: user-container",
            "quota q of the namespace wants limits.cpu, limits.memory of it",
            "Say cpu and memory, of the stage or of the function",
            id="quota-without-limits",
        ),
        pytest.param(
            "failed quota: q: must specify limits.cpu,memory",
            "quota q of the namespace wants limits.cpu, memory of it",
            "Say cpu and memory, of the stage or of the function",
            id="quota-as-older-servers-say-it",
        ),
        pytest.param(
            "failed quota: q: must specify limits.cpu for: queue-proxy; limits.memory for: queue-proxy",
            "quota q of the namespace wants limits.cpu, limits.memory of queue-proxy, Knative's own container",
            "Have whoever runs the cluster make a LimitRange with defaults in the namespace,\n"
            "or say queue-sidecar-cpu-limit and queue-sidecar-memory-limit in config-deployment of knative-serving",
            id="quota-of-the-sidecar",
        ),
        pytest.param(
            "maximum cpu usage per Container is 200m, but limit is 100",
            "the namespace's LimitRange refuses it: maximum cpu usage per Container is 200m, but limit is 100",
            "Ask for less (cpu, memory)",
            id="limit-range-above",
        ),
        pytest.param(
            "[minimum cpu usage per Container is 100m, but request is 10m, maximum memory usage per Pod is 1Gi, "
            "but limit is 2147483648]",
            "the namespace's LimitRange refuses it: minimum cpu usage per Container is 100m, but request is 10m, "
            "maximum memory usage per Pod is 1Gi, but limit is 2147483648",
            "Ask for what is between (cpu, memory)",
            id="limit-range-on-both-sides",
        ),
        pytest.param(
            "cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000",
            "the namespace's LimitRange refuses it: cpu max limit to request ratio per Container is 2, but provided "
            "ratio is 4.000000",
            "Ask for what is between (cpu, memory)",
            id="limit-range-ratio",
        ),
    ],
)
def test_what_a_namespace_wants_of_a_pod_is_told_without_the_webhook_that_says_it(
    refusal: str, sentence: str, advice: str
) -> None:
    message = _WEBHOOK.format(refusal)

    assert is_quota(message)
    assert quota_words(message) == (sentence, advice)
    assert said_of("RevisionFailed", f'Revision "web-00001" failed with message: {message}.') == (sentence, advice)


def test_other_refusals_are_left_as_they_are() -> None:
    assert not is_quota(_WEBHOOK.format("violates PodSecurity"))
