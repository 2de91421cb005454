"""CustomResourceDefinitions of what is served, beside Knative's own where those are at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from faas.resources import kinds
from faas.resources.definitions import make_definition
from faas.resources.fields import type_errors, unknown_fields
from faas.resources.kinds import Kind

CRDS = Path(__file__).parents[4] / "shared/crds/eventing"
NOW = "2026-11-23T12:00:00Z"
CUSTOM = [kind for kind in kinds.KINDS if kind.custom]


def definition(kind: Kind) -> dict[str, Any]:
    return make_definition(kind, kinds.versions(kind), NOW)


@pytest.mark.parametrize("kind", CUSTOM, ids=str)
def test_a_definition_fits_its_own_schema(kind: Kind) -> None:
    raw = definition(kind)

    assert type_errors(kinds.CUSTOM_RESOURCE_DEFINITION, raw) == []
    assert unknown_fields(kinds.CUSTOM_RESOURCE_DEFINITION, raw) == []


def test_a_definition_tells_of_all_versions() -> None:
    raw = definition(kinds.EVENT_TYPE)

    assert raw["metadata"]["name"] == "eventtypes.eventing.knative.dev"
    assert [(version["name"], version["storage"]) for version in raw["spec"]["versions"]] == [
        ("v1beta3", True),
        ("v1beta2", False),
        ("v1beta1", False),
    ]
    assert "is deprecated" in raw["spec"]["versions"][2]["deprecationWarning"]
    assert raw["status"]["storedVersions"] == ["v1beta3"]


def test_kn_finds_sources_by_a_label() -> None:
    labelled = {
        kind for kind in CUSTOM if definition(kind)["metadata"]["labels"].get("duck.knative.dev/source") == "true"
    }

    assert labelled == set(kinds.SOURCES)


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        pytest.param(kinds.PING_SOURCE, "pingsource.yaml", id="ping"),
        pytest.param(kinds.API_SERVER_SOURCE, "apiserversource.yaml", id="apiserver"),
        pytest.param(kinds.KAFKA_SOURCE, "extensions/100-kafka-source.yaml", id="kafka"),
        pytest.param(kinds.GITHUB_SOURCE, "extensions/300-githubsource.yaml", id="github"),
    ],
)
def test_the_events_of_a_source_are_those_that_knative_names(kind: Kind, file: str) -> None:
    if not CRDS.is_dir():
        pytest.skip(f"Knative's resource definitions are not at {CRDS}")
    theirs = yaml.safe_load((CRDS / file).read_text())["metadata"]["annotations"]["registry.knative.dev/eventTypes"]
    ours = definition(kind)["metadata"]["annotations"]["registry.knative.dev/eventTypes"]

    assert json.loads(ours) == json.loads(theirs)
