"""The Revision that a Configuration's template stands for. Source: configuration/resources/revision.go."""

from __future__ import annotations

from datetime import datetime

from faas.client.protocol import Object
from faas.engine.controllers.writes import is_controlled_by
from faas.resources import keys
from faas.resources.kinds import REVISION
from faas.resources.names import revision_name
from faas.resources.views import owner_reference


def name_of_revision(configuration: Object) -> str:
    """The name the template chooses, or one made of the Configuration's name and generation."""
    metadata = configuration["metadata"]
    chosen: str = _template_metadata(configuration).get("name", "")
    return chosen or revision_name(metadata["name"], metadata["generation"])


def make_revision(configuration: Object, now: datetime) -> Object:
    metadata, template = configuration["metadata"], _template_metadata(configuration)
    labels: dict[str, str] = {
        **(template.get("labels") or {}),
        keys.CONFIGURATION_LABEL: metadata["name"],
        keys.CONFIGURATION_UID_LABEL: metadata["uid"],
        keys.CONFIGURATION_GENERATION_LABEL: str(metadata["generation"]),
        keys.ROUTING_STATE_LABEL: "pending",
    }
    annotations: dict[str, str] = {
        **(template.get("annotations") or {}),
        keys.ROUTING_STATE_MODIFIED: now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    for label in (keys.SERVICE_LABEL, keys.SERVICE_UID_LABEL):
        if value := (metadata.get("labels") or {}).get(label):
            labels[label] = value
    inherited = metadata.get("annotations") or {}
    if creator := inherited.get(keys.LAST_MODIFIER):
        annotations[keys.CREATOR] = creator
    if routes := inherited.get(keys.ROUTES):
        annotations[keys.ROUTES] = routes
    return {
        "apiVersion": REVISION.api_version,
        "kind": REVISION.kind,
        "metadata": {
            "name": name_of_revision(configuration),
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner_reference(configuration)],
        },
        "spec": configuration["spec"]["template"].get("spec", {}),
    }


def is_revision_of(revision: Object, configuration: Object) -> bool:
    """Whether the Revision of that name is this template's: made by this Configuration, and, when the template chose
    the name, with the same spec (a name of ours holds the generation, which no two specs share)."""
    template = configuration["spec"]["template"]
    same = not _template_metadata(configuration).get("name") or revision.get("spec", {}) == template.get("spec", {})
    return is_controlled_by(revision, configuration) and same


def generation_of(revision: Object) -> int:
    """The generation of the Configuration that made it; 0 when it does not say."""
    text = (revision["metadata"].get("labels") or {}).get(keys.CONFIGURATION_GENERATION_LABEL, "")
    return int(text) if text.isdecimal() else 0


def _template_metadata(configuration: Object) -> Object:
    return configuration["spec"]["template"].get("metadata") or {}
