"""Whether an object that is there was made by a request whose answer was lost. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from faas.client.protocol import Object

_GRANULARITY = timedelta(seconds=1)  # of creationTimestamp, and of the Date header that it is compared with
_WRITE_ONLY = ("stringData",)  # of a Secret: the server keeps it as `data`


def is_made_by(sent: Object, found: Object, *, manager: str, since: datetime) -> bool:
    """Whether `found` is what creating `sent` has left: made since then, by our manager, and with all that was said.

    Args: since: when the request began, by the server's clock.
    """
    metadata = found.get("metadata") or {}
    try:
        made = datetime.fromisoformat(str(metadata.get("creationTimestamp")))
    except ValueError:
        return False
    managers = {entry.get("manager") for entry in metadata.get("managedFields") or ()}
    said = {key: value for key, value in sent.items() if key not in _WRITE_ONLY}
    return made >= since - _GRANULARITY and manager in managers and _holds(found, said)


def _holds(found: Any, said: Any) -> bool:
    """Whether all that was said is there; the server may have added its defaults."""
    if isinstance(said, dict):
        if not isinstance(found, dict):
            return not said and found is None
        return all(_holds(found.get(key), value) for key, value in said.items())
    if isinstance(said, list):
        if not isinstance(found, list) or len(found) != len(said):
            return not said and found is None
        return all(map(_holds, found, said))
    return bool(found == said)
