"""A GitHub webhook's delivery as an event, as Knative's GitHubSource makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from faas_runtime.events.event import JSON, Event
from faas_runtime.events.shapes.making import event_of

PREFIX = "dev.knative.source.github."
HOME = "https://github.com"

EVENTS = (
    "check_suite", "commit_comment", "create", "delete", "deployment", "deployment_status", "fork", "gollum",
    "installation", "integration_installation", "issue_comment", "issues", "label", "member", "membership",
    "milestone", "org_block", "organization", "page_build", "ping", "project", "project_card", "project_column",
    "public", "pull_request", "pull_request_review", "pull_request_review_comment", "push", "release", "repository",
    "status", "team", "team_add", "watch",
)  # fmt: skip
"""The kinds that a GitHubSource takes."""


def make_event(
    repository: str, kind: str, delivery: str, body: bytes, payload: Mapping[str, Any], *, home: str = HOME
) -> Event[Any]:
    """The event of one delivery.

    Args:
        repository: `owner/repo`, or an organisation's name.
        kind: of `X-GitHub-Event`; delivery: `X-GitHub-Delivery`, the event's id.
        body: as it was signed; payload: the same, decoded.
        home: of an enterprise server.
    """
    subject = subject_of(kind, payload)
    return event_of(PREFIX + kind, f"{home}/{repository}", delivery, body, JSON, subject=subject or None)


def subject_of(kind: str, payload: Mapping[str, Any]) -> str:
    """What a delivery is about: a number, a name, the compared commits; "" when it says nothing."""
    find = _SUBJECTS.get(kind)
    if find is None:
        return ""
    try:
        found = find(payload)
    except (KeyError, TypeError, AttributeError):
        return ""
    return "" if found is None else str(found)


def _at(*path: str) -> Callable[[Any], Any]:
    def find(payload: Any) -> Any:
        for name in path:
            payload = payload[name]
        return payload

    return find


def _tail_of(*path: str) -> Callable[[Any], Any]:
    """The last part of an address, `a10867b14bb7...000000000000` of a comparison."""
    find = _at(*path)
    return lambda payload: find(payload).rpartition("/")[2]


_SUBJECTS: dict[str, Callable[[Any], Any]] = {
    "check_suite": _at("check_suite", "id"), "commit_comment": _tail_of("comment", "html_url"),
    "create": _at("ref_type"), "delete": _at("ref_type"), "deployment": _at("deployment", "id"),
    "deployment_status": _at("deployment", "id"), "fork": _at("forkee", "id"),
    "gollum": lambda payload: ",".join(page["page_name"] for page in payload["pages"]),
    "installation": _at("installation", "id"), "integration_installation": _at("installation", "id"),
    "issue_comment": _tail_of("comment", "html_url"), "issues": _at("issue", "number"), "label": _at("label", "name"),
    "member": _at("member", "id"), "membership": _at("member", "id"), "milestone": _at("milestone", "number"),
    "org_block": _at("action"), "organization": _at("action"), "page_build": _at("id"), "ping": _at("hook_id"),
    "project": _at("action"), "project_card": _at("action"), "project_column": _at("action"),
    "public": _at("repository", "id"), "pull_request": _at("pull_request", "number"),
    "pull_request_review": _at("review", "id"), "pull_request_review_comment": _at("comment", "id"),
    "push": _tail_of("compare"), "release": _at("release", "tag_name"), "repository": _at("repository", "id"),
    "status": _at("sha"), "team": _at("team", "id"), "team_add": _at("repository", "id"),
    "watch": _at("repository", "id"),
}  # fmt: skip
