"""Why something does not become ready, in a sentence, and what helps: from Pods, Events and a Revision. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from faas.resources.loglines import in_words

Raw = Mapping[str, Any]

SIDECAR = "queue-proxy"  # Knative's own container beside the function's


Cause = Literal["", "ends", "pull", "pull refused", "missing", "refused", "room"]
"""What kind of trouble it is, for who decides how long to wait: it ends again and again, its image is not to be had (or
not for us), an object is missing, it is refused (quota, policy), there is no room for it yet; "": anything else."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """`reason` is Kubernetes' word for it; `pod` is whose log tells more, "" when it wrote none."""

    reason: str
    sentence: str
    advice: str = ""
    pod: str = ""
    container: str = ""
    restarted: bool = False  # what ended is the container before the one that is there now
    lines: tuple[str, ...] = ()  # the last it wrote, as far as the Pod's status tells
    cause: Cause = ""
    ends: int = 0  # how often it has ended

    def __str__(self) -> str:
        return self.sentence


def trouble_of(pods: Sequence[Raw], events: Sequence[Raw], revision: str) -> Trouble | None:
    """What keeps the Pods of a Revision from serving; None when nothing says so.

    Args:
        pods: of that revision. events: warnings of its namespace.
    """
    newest = sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp") or ""), reverse=True)
    own = _events_of(events, revision)
    for pod in newest:
        if found := _of_containers(pod) or _of_scheduling(pod) or _of_events(own, pod["metadata"]["name"]):
            return found
    return None if newest else _of_events(own, "")


def said_of(reason: str, message: str) -> tuple[str, str]:
    """A sentence and an advice for what a condition says by itself, where it can be told from the words."""
    message = without_frame(message)
    if reason in _PULLING or _PULL_WORDS.search(message):
        return _first(message), _pull_advice(message, "")
    if is_quota(message):
        return quota_words(message)
    if reason == "ProgressDeadlineExceeded":
        return message, "Give it longer to start, or make it start faster; its log may say what it waits for"
    return message, ""


_FRAME = re.compile(r'(?:Revision|Configuration) "[^"]*" failed with message: (?P<message>.*)\.', re.DOTALL)


def without_frame(message: str) -> str:
    """What a Service says that its Revision said, as the Revision said it."""
    found = _FRAME.fullmatch(message.strip())
    return found["message"] if found else message


# --- containers

_PULLING = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
_PULL_WORDS = re.compile(r"unable to fetch image|failed to resolve image|pull access denied", re.IGNORECASE)
_REFUSED_WORDS = re.compile(
    r"unauthorized|denied|forbidden|authentication|credentials|not found|manifest unknown|no match for platform", re.I
)
_MISSING_OBJECT = re.compile(r'(?P<kind>secret|configmap) "(?P<name>[^"]+)" not found', re.IGNORECASE)
_MISSING_KEY = re.compile(r"couldn't find key (?P<key>\S+) in (?P<kind>Secret|ConfigMap) [^/ ]+/(?P<name>\S+)")


def _of_containers(pod: Raw) -> Trouble | None:
    status = pod.get("status") or {}
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        state, name = container.get("state") or {}, str(container.get("name") or "")
        waiting = state.get("waiting") or {}
        reason, message = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
        if reason in _PULLING:
            return _pulling(reason, message, str(container.get("image") or _image_of(pod, name)))
        if reason == "CreateContainerConfigError":
            return Trouble(reason, f"its container cannot be configured: {message}", _config_advice(message),
                           cause="missing")  # fmt: skip
        if reason in ("CreateContainerError", "RunContainerError"):
            return Trouble(reason, f"its container cannot be started: {_first(message)}", _start_advice(message),
                           cause="missing")  # fmt: skip
        ended = state.get("terminated") or ((container.get("lastState") or {}).get("terminated") if waiting else None)
        if ended and (ended.get("exitCode") or reason == "CrashLoopBackOff") and name != SIDECAR:
            return _ended(pod, container, ended, restarted=not state.get("terminated"))
    return None


def _pulling(reason: str, message: str, image: str) -> Trouble:
    why = _first(message).rpartition(": ")[2]  # a container runtime tells the whole way there, image and all
    sentence = f"the image {image} cannot be pulled" + (f": {why}" if why and "ack-off" not in why else "")
    is_refused = reason == "InvalidImageName" or _REFUSED_WORDS.search(message)
    return Trouble(reason, sentence, _pull_advice(message, image), cause="pull refused" if is_refused else "pull")


def _pull_advice(message: str, image: str) -> str:
    from faas_builders.errors import ImageNameError
    from faas_builders.registry.names import ImageName  # registries are for who has trouble with one

    said = message.lower()
    try:
        host = ImageName.parse(image).registry if image else "REGISTRY"
    except ImageNameError:
        host = "REGISTRY"
    if any(word in said for word in ("unauthorized", "denied", "forbidden", "authentication", "credentials")):
        return (
            f"Give the cluster credentials:  kubectl create secret docker-registry pull --docker-server={host} "
            "--docker-username=… --docker-password=…\n"
            "and name it in imagePullSecrets of the function's service account"
        )
    if "no match for platform" in said or "exec format" in said:
        return "Make the image for the nodes' platforms:  [tool.faas.build] platforms = [...]"
    if "not found" in said or "manifest unknown" in said:
        return "It is not in that registry any more: deploy again, which pushes it"
    if "http response to https" in said:
        return f"{host} speaks plain HTTP: the nodes' container runtime has to be told so"
    if any(word in said for word in ("no such host", "timeout", "connection refused", "dial tcp")):
        return f"The nodes do not reach {host}: is that name for this machine only?"
    return ""


def _ended(pod: Raw, status: Raw, ended: Raw, *, restarted: bool) -> Trouble:
    container, ends = str(status.get("name") or ""), int(status.get("restartCount") or 0) + 1
    code, reason = ended.get("exitCode"), str(ended.get("reason") or "")
    name = str(pod["metadata"]["name"])
    if reason == "OOMKilled":
        limit = _limit_of(pod, container)
        sentence = f"it was killed for using more than its memory{f' ({limit})' if limit else ''}"
        return Trouble(reason, sentence, 'Give it more:  memory = "1Gi"', name, container, restarted, (), "ends", ends)
    message = str(ended.get("message") or "")
    why = f": {_first(message)}" if message and reason in ("ContainerCannotRun", "StartError") else ""
    return Trouble(f"ExitCode{code}", f"it ends with exit code {code}{why}", _start_advice(message), name, container,
                   restarted, () if why else last_words(ended), "ends", ends)  # fmt: skip


_WORDS = 8  # lines: the end of a traceback


def last_words(ended: Raw) -> tuple[str, ...]:
    """What a container wrote before it failed: Knative has that kept with its end, also when its log is gone."""
    return tuple(in_words(line) for line in str(ended.get("message") or "").splitlines()[-_WORDS:])


def _config_advice(message: str) -> str:
    if found := _MISSING_KEY.search(message):
        kind = found["kind"].lower()
        return f"Put the key {found['key']} into the {kind} {found['name']}"
    if found := _MISSING_OBJECT.search(message):
        table = "secrets" if found["kind"].lower() == "secret" else "config"
        return f"Make it, or declare it in [tool.faas.{table}.{found['name']}]"
    if "runAsNonRoot" in message:
        return "The namespace wants containers that do not run as root: use a base image whose user is another"
    return ""


def _start_advice(message: str) -> str:
    if "exec format error" in message:
        return "The image is for another processor:  [tool.faas.build] platforms = [...]"
    return ""


# --- scheduling, and what Events say


def _of_scheduling(pod: Raw) -> Trouble | None:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            message = str(condition.get("message") or "")
            sentence = f"no node takes it: {_first(message)}"
            return Trouble("Unschedulable", sentence, _node_advice(message), cause="room")
    return None


def _node_advice(message: str) -> str:
    if "Insufficient" in message:
        return "Ask for less (cpu, memory), or add nodes"
    if "untolerated taint" in message:
        return "Say which taints it tolerates:  tolerations = [...]"
    if "node affinity" in message or "node selector" in message:
        return "No node has the labels that node_selector or affinity ask for:  kubectl get nodes --show-labels"
    if "persistentvolumeclaim" in message:
        return "Make the claim that its volumes name, or change the name"
    return ""


_TOLD = {  # reasons of Events, and how what they say begins
    "FailedCreate": "its Pods are refused",
    "FailedScheduling": "no node takes it",
    "FailedMount": "a volume cannot be mounted",
    "FailedAttachVolume": "a volume cannot be attached",
    "FailedCreatePodSandBox": "its Pod cannot be set up",
    "Unhealthy": "it does not answer its probe",
}


_PROBES = 5  # failed ones before they are news: each start has a few


def _times(event: Raw) -> int:
    return int((event.get("series") or {}).get("count") or event.get("count") or 1)


def _of_events(events: Sequence[Raw], pod: str) -> Trouble | None:
    """Args: events: of one revision's objects, oldest first. pod: ""; what makes Pods, as there are none."""
    for event in reversed(events):
        reason, message = str(event.get("reason") or ""), str(event.get("message") or "")
        if reason not in _TOLD or (pod and (event.get("involvedObject") or {}).get("name") != pod):
            continue
        if reason == "Unhealthy" and _times(event) < _PROBES:
            continue
        if is_quota(message):
            sentence, advice = quota_words(message)
            return Trouble(reason, sentence, advice, cause="refused")
        sentence, advice = f"{_TOLD[reason]}: {_first(message)}", _event_advice(reason, message)
        wrote = pod if reason == "Unhealthy" else ""
        return Trouble(reason, sentence, advice, wrote, cause=_cause_of_event(reason, message))
    return None


def _cause_of_event(reason: str, message: str) -> Cause:
    if reason == "Unhealthy":
        return ""
    if "not found" in message:
        return "missing"
    return "refused" if reason == "FailedCreate" else "room"


def _event_advice(reason: str, message: str) -> str:
    if found := _MISSING_OBJECT.search(message):
        table = "secrets" if found["kind"].lower() == "secret" else "config"
        return f"Make it, or declare it in [tool.faas.{table}.{found['name']}]"
    if "serviceaccount" in message.lower() and "not found" in message:
        return "Make the service account that service_account names"
    if "violates PodSecurity" in message:
        return "The namespace's Pod Security level refuses it:  kubectl describe namespace NAME"
    return _node_advice(message) if reason == "FailedScheduling" else ""


_QUOTA = re.compile(
    r"exceeded quota: (?P<name>[^,]+), requested: (?P<wanted>.+?), used: .+?, limited: (?P<limit>[^:]+)"
)


def is_quota(message: str) -> bool:
    return "exceeded quota" in message


def quota_words(message: str) -> tuple[str, str]:
    """A sentence and an advice for a refusal that says which quota is used up."""
    found = _QUOTA.search(message)
    told = f"{found['name']} allows {found['limit']}, it asks for {found['wanted']} more" if found else _first(message)
    return f"the namespace's quota is used up: {told}", "Raise the quota, ask for less (cpu, memory), or delete others"


def _events_of(events: Iterable[Raw], revision: str) -> list[Raw]:
    """Those of a Revision's own objects, oldest first: all are called as it is, with something behind."""

    def belongs(event: Raw) -> bool:
        name = str((event.get("involvedObject") or {}).get("name") or "")
        return name == revision or name.startswith(f"{revision}-")

    return sorted(filter(belongs, events), key=_when)


def _when(event: Raw) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp") or "")


def _image_of(pod: Raw, container: str) -> str:
    return str(_container(pod, container).get("image") or "")


def _limit_of(pod: Raw, container: str) -> str:
    return str(((_container(pod, container).get("resources") or {}).get("limits") or {}).get("memory") or "")


def _container(pod: Raw, name: str) -> Raw:
    containers: Sequence[Raw] = (pod.get("spec") or {}).get("containers") or ()
    return next((each for each in containers if each.get("name") == name), {})


def _first(text: str) -> str:
    return text.strip().partition("\n")[0]
