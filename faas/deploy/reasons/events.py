"""What Events tell of a Revision's objects. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from faas.deploy.reasons import advice
from faas.deploy.reasons.quota import is_quota, quota_words
from faas.deploy.reasons.trouble import Cause, Raw, Trouble, first_line

_TOLD = {  # reasons of Events, and how what they say begins
    "FailedCreate": "its Pods are refused",
    "FailedScheduling": "no node takes it",
    "FailedMount": "a volume cannot be mounted",
    "FailedAttachVolume": "a volume cannot be attached",
    "FailedCreatePodSandBox": "its Pod cannot be set up",
    "Unhealthy": "it does not answer its probe",
}


_PROBE_FRAME = re.compile(r'^\w+ probe failed: (?:Get "[^"]*": )?(?:dial tcp \S+: )?(?:connect: )?')
_PROBES = 5  # failed ones before they are news: each start has a few


def _times(event: Raw) -> int:
    return int((event.get("series") or {}).get("count") or event.get("count") or 1)


def of_events(events: Sequence[Raw], pod: str) -> Trouble | None:
    """Args: events: of one revision's objects, oldest first. pod: ""; what makes Pods, as there are none."""
    for event in reversed(events):
        reason, message = str(event.get("reason") or ""), str(event.get("message") or "")
        if reason not in _TOLD or (pod and (event.get("involvedObject") or {}).get("name") != pod):
            continue
        if reason == "Unhealthy" and _times(event) < _PROBES:
            continue
        if is_quota(message):
            sentence, helps = quota_words(message)
            return Trouble(reason, sentence, helps, cause="refused")
        told = _of_probe(message) if reason == "Unhealthy" else first_line(message)
        sentence, helps = f"{_TOLD[reason]}: {told}", advice.against_event(reason, message)
        wrote = pod if reason == "Unhealthy" else ""
        return Trouble(reason, sentence, helps, wrote, cause=_cause_of_event(reason, message))
    return None


def _of_probe(message: str) -> str:
    """What came of it: whoever waits for a function does not know its Pod's address."""
    if "deadline exceeded" in message or "Client.Timeout" in message:
        return "not in time"
    return _PROBE_FRAME.sub("", first_line(message))


def _cause_of_event(reason: str, message: str) -> Cause:
    if reason == "Unhealthy":
        return ""
    if "not found" in message:
        return "missing"
    return "refused" if reason == "FailedCreate" else "room"


def events_of(events: Iterable[Raw], revision: str) -> list[Raw]:
    """Those of a Revision's own objects, oldest first: all are called as it is, with something behind."""

    def belongs(event: Raw) -> bool:
        name = str((event.get("involvedObject") or {}).get("name") or "")
        return name == revision or name.startswith(f"{revision}-")

    return sorted(filter(belongs, events), key=_when)


def _when(event: Raw) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp") or "")
