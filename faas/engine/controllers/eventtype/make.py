"""The EventType of a type that a Broker has seen. Source: knative/eventing pkg/eventtype/eventtypes_autohandler.go."""

from __future__ import annotations

import hashlib

from faas.client.protocol import Object
from faas.engine.contract.eventing import SeenType
from faas.resources.kinds import EVENT_TYPE
from faas.resources.views import owner_reference


def event_type_name(broker: Object, seen: SeenType) -> str:
    """The same for the same type and source at the same Broker."""
    metadata = broker["metadata"]
    cause = seen.type + seen.source + metadata["namespace"] + metadata["name"]
    return f"et-{metadata['name'][:20]}-{hashlib.md5(cause.encode(), usedforsecurity=False).hexdigest()}"


def make_event_type(broker: Object, seen: SeenType) -> Object:
    values = {"type": seen.type, "source": seen.source, "specversion": "1.0", "id": "", "schemadata": seen.schema}
    return {
        "apiVersion": EVENT_TYPE.api_version,
        "kind": EVENT_TYPE.kind,
        "metadata": {
            "name": event_type_name(broker, seen),
            "namespace": broker["metadata"]["namespace"],
            "ownerReferences": [owner_reference(broker)],
        },
        "spec": {
            "reference": {
                "apiVersion": broker["apiVersion"],
                "kind": broker["kind"],
                "name": broker["metadata"]["name"],
                "namespace": broker["metadata"]["namespace"],
            },
            "description": "Event Type auto-created by controller",
            "attributes": [
                {"name": name, "required": name != "schemadata", **({"value": value} if value else {})}
                for name, value in values.items()
                if value or name != "schemadata"
            ],
        },
    }
