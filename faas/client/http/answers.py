"""What an API server answers, read and held against what an answer has to be. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from faas.client.errors import ApiError, Gone, NoSuchKind, NotFound
from faas.client.protocol import Object, WatchEvent
from faas.client.transport.ask import Answer
from faas.client.transport.refusals import error_of_status
from faas.resources.kinds import Kind


def decode(content: bytes) -> Object:
    """Raises: ApiError."""
    try:
        found = msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
        raise ApiError(f"the API server's answer is not JSON: {content[:200]!r}") from error
    if not isinstance(found, dict):
        raise ApiError(f"the API server's answer is no object: {content[:200]!r}")
    return found


def checked(found: object) -> Object:
    """An object as everybody takes it to be, who reads its name. Raises: ApiError."""
    if not isinstance(found, dict) or not isinstance(found.get("metadata"), dict):
        raise ApiError("the API server's answer is no object of Kubernetes: it has no metadata")
    return found


def items_of(kind: Kind, page: Object) -> Iterator[Object]:
    """The objects of a list, each with its apiVersion and kind, which lists of built-in kinds leave out."""
    listed = page.get("items") or []
    if not isinstance(listed, list) or not isinstance(page.get("metadata") or {}, dict):
        raise ApiError(f"the API server's answer is no list of {kind.plural}")
    for item in listed:
        yield {"apiVersion": kind.api_version, "kind": kind.kind, **checked(item)}


def event_of(line: bytes) -> WatchEvent:
    """Raises: Gone and what else a watch may end with; ApiError."""
    raw = decode(line)
    found = raw.get("object")
    if raw.get("type") == "ERROR":
        error = error_of_status(found if isinstance(found, dict) else {})
        raise Gone(error.message) if error.code == 410 else error
    if raw.get("type") not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK"):
        raise ApiError(f"the API server's watch says what is no change: {line[:200]!r}")
    return WatchEvent(raw["type"], checked(found))


def about_kind(kind: Kind, error: NotFound) -> NotFound:
    """A 404 that names no object is about the kind."""
    if error.name:
        return error
    missing = NoSuchKind(f"{kind}/{kind.version}")
    missing.context, missing.unsure_since = error.context, error.unsure_since
    return missing


def date_of(answer: Answer) -> datetime | None:
    """What time the server had; None when it does not say."""
    from email.utils import parsedate_to_datetime  # imports half of email, for what hardly any command asks

    try:
        return parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError):
        return None
