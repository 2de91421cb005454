"""Objects of one kind in another version than the one they are stored in.

Source: knative/eventing pkg/apis/eventing/v1beta1, v1beta2: *_conversion.go. What an older version cannot say of an
object that is there stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faas.resources.fields import prune
from faas.resources.kinds import EVENT_TYPE_V1BETA1, EVENT_TYPE_V1BETA2, Kind, stored
from faas.resources.views import Raw

_OLD_EVENT_TYPES = (EVENT_TYPE_V1BETA1, EVENT_TYPE_V1BETA2)
_ALWAYS = ("specversion", "id", "type", "source")  # attributes that each event has
_SCHEMA = "schemadata"


def to_stored(kind: Kind, raw: Raw, live: Raw | None = None) -> Raw:
    """The object as it is stored, out of one of version `kind`; `live` is what it replaces, as stored."""
    target = stored(kind)
    if target == kind:
        return raw
    result = {**raw, "apiVersion": target.api_version}
    if kind in _OLD_EVENT_TYPES and isinstance(raw.get("spec"), Mapping):
        result["spec"] = _to_attributes(raw["spec"], live)
    return result


def from_stored(kind: Kind, raw: Raw) -> Raw:
    """The stored object in version `kind`."""
    if stored(kind) == kind:
        return raw
    result = {**raw, "apiVersion": kind.api_version}
    if kind in _OLD_EVENT_TYPES and isinstance(raw.get("spec"), Mapping):
        result["spec"] = _from_attributes(raw["spec"])
    return prune(kind, result)[0]


def _to_attributes(spec: Mapping[str, Any], live: Raw | None) -> Raw:
    schema = spec.get("schema") or spec.get("schemaData")
    values = {"type": spec.get("type"), "source": spec.get("source"), _SCHEMA: schema}
    attributes: list[Raw] = [_attribute(name, values.get(name)) for name in _ALWAYS]
    if schema:
        attributes.append({"name": _SCHEMA, "value": schema})
    known = {*_ALWAYS, _SCHEMA}
    before = ((live or {}).get("spec") or {}).get("attributes") or ()
    attributes += [attribute for attribute in before if attribute.get("name") not in known]
    if not any(values.values()):
        attributes = []  # a part of an object, to be merged into one
    reference = spec.get("reference")
    if not reference and spec.get("broker"):
        reference = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": spec["broker"]}
    return {
        **({"attributes": attributes} if attributes else {}),
        **({"description": spec["description"]} if spec.get("description") else {}),
        **({"reference": reference} if reference else {}),
    }


def _from_attributes(spec: Mapping[str, Any]) -> Raw:
    values = {attribute.get("name"): attribute.get("value") for attribute in spec.get("attributes") or ()}
    schema = values.get(_SCHEMA) or ""
    inline = schema.lstrip()[:1] in ("{", "[", "<")  # a schema itself, not its URI
    found = {
        "type": values.get("type"),
        "source": values.get("source"),
        "schemaData" if inline else "schema": schema,
        "description": spec.get("description"),
        "reference": spec.get("reference"),
    }
    return {name: value for name, value in found.items() if value}


def _attribute(name: str, value: str | None) -> Raw:
    return {"name": name, "required": True, **({"value": value} if value else {})}
