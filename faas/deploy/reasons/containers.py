"""What the containers of a Pod say: not pulled, not configured, not started, ended. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from faas.deploy.reasons import advice
from faas.deploy.reasons.trouble import SIDECAR, Raw, Trouble, first_line
from faas.resources.loglines import in_words

PULLING = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
_REFUSED_WORDS = re.compile(
    r"unauthorized|denied|forbidden|authentication|credentials|not found|manifest unknown|no match for platform", re.I
)


def of_containers(pod: Raw) -> Trouble | None:
    """The first of them that is in trouble."""
    status = pod.get("status") or {}
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        state, name = container.get("state") or {}, str(container.get("name") or "")
        waiting = state.get("waiting") or {}
        reason, message = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
        if reason in PULLING:
            return _pulling(reason, message, str(container.get("image") or _image_of(pod, name)))
        if reason == "CreateContainerConfigError":
            sentence = f"its container cannot be configured: {message}"
            return Trouble(reason, sentence, advice.against_configuration(message), cause="missing")
        if reason in ("CreateContainerError", "RunContainerError"):
            sentence = f"its container cannot be started: {first_line(message)}"
            return Trouble(reason, sentence, advice.against_start(message), cause="missing")
        ended = state.get("terminated") or ((container.get("lastState") or {}).get("terminated") if waiting else None)
        if ended and (ended.get("exitCode") or reason == "CrashLoopBackOff") and name != SIDECAR:
            return _ended(pod, container, ended, restarted=not state.get("terminated"))
    return None


def _pulling(reason: str, message: str, image: str) -> Trouble:
    why = first_line(message).rpartition(": ")[2]  # a container runtime tells the whole way there, image and all
    sentence = f"the image {image} cannot be pulled" + (f": {why}" if why and "ack-off" not in why else "")
    is_refused = reason == "InvalidImageName" or _REFUSED_WORDS.search(message)
    return Trouble(
        reason, sentence, advice.against_pull(message, image), cause="pull refused" if is_refused else "pull"
    )


def _ended(pod: Raw, status: Raw, ended: Raw, *, restarted: bool) -> Trouble:
    container, ends = str(status.get("name") or ""), int(status.get("restartCount") or 0) + 1
    code, reason = ended.get("exitCode"), str(ended.get("reason") or "")
    name = str(pod["metadata"]["name"])
    if reason == "OOMKilled":
        limit = _limit_of(pod, container)
        sentence = f"it was killed for using more than its memory{f' ({limit})' if limit else ''}"
        return Trouble(reason, sentence, 'Give it more:  memory = "1Gi"', name, container, restarted, (), "ends", ends)
    message = str(ended.get("message") or "")
    why = f": {first_line(message)}" if message and reason in ("ContainerCannotRun", "StartError") else ""
    sentence, lines = f"it ends with exit code {code}{why}", () if why else last_words(ended)
    helps = advice.against_start(message)
    return Trouble(f"ExitCode{code}", sentence, helps, name, container, restarted, lines, "ends", ends)


_WORDS = 8  # lines: the end of a traceback


def last_words(ended: Raw) -> tuple[str, ...]:
    """What a container wrote before it failed: Knative has that kept with its end, also when its log is gone."""
    return tuple(in_words(line) for line in str(ended.get("message") or "").splitlines()[-_WORDS:])


def _image_of(pod: Raw, container: str) -> str:
    return str(_container(pod, container).get("image") or "")


def _limit_of(pod: Raw, container: str) -> str:
    return str(((_container(pod, container).get("resources") or {}).get("limits") or {}).get("memory") or "")


def _container(pod: Raw, name: str) -> Raw:
    containers: Sequence[Raw] = (pod.get("spec") or {}).get("containers") or ()
    return next((each for each in containers if each.get("name") == name), {})
