"""CloudEvents in their two HTTP forms. Pure, but for the id of an event that has none."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping


def make_event(
    attributes: Mapping[str, str], data: bytes | None, *, structured: bool, is_json: bool
) -> tuple[dict[str, str], bytes | None]:
    """Headers and body of a CloudEvent. Source: CloudEvents 1.0.2, HTTP protocol binding."""
    event = {"specversion": "1.0", **attributes}
    event.setdefault("id", str(uuid.uuid4()))
    content_type = "application/json" if is_json else "text/plain"
    if not structured:
        headers = {f"ce-{name}": _percent_encoded(value) for name, value in event.items()}
        return ({**headers, "Content-Type": content_type} if data is not None else headers), data or b""
    document: dict[str, object] = dict(event)
    if data is not None:
        document["datacontenttype"] = content_type
        document["data"] = json.loads(data) if is_json else data.decode()
    return {"Content-Type": "application/cloudevents+json"}, json.dumps(document).encode()


def _percent_encoded(value: str) -> str:
    """Header values: printable ASCII stays, but for space, double quote and percent."""
    return "".join(
        char if "!" <= char <= "~" and char not in '"%' else "".join(f"%{byte:02X}" for byte in char.encode())
        for char in value
    )
