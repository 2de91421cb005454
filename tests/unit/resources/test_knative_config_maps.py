"""Our config maps against those of Knative, where these are at hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from faas.resources import kinds
from faas.resources.config import Config
from faas.resources.config.registry import PARSERS, config_namespace
from faas.resources.validation import validate

MAPS = Path(__file__).parents[4] / "shared/crds/config"
FILES = {
    "config-br-defaults": "eventing-configmaps/default-broker.yaml",
    "config-ping-defaults": "eventing-configmaps/default-pingsource.yaml",
}
# Where one person has the machine nobody has to hand out domains.
OTHERWISE = {"autocreate-cluster-domain-claims": ("true", "false")}
SERVING = [name for name in PARSERS if name not in FILES]
pytestmark = pytest.mark.skipif(
    not MAPS.is_dir(), reason=f"Knative's config maps are not at {MAPS}: there is nothing to compare with"
)


def knative_map(name: str) -> dict[str, Any]:
    file = FILES.get(name, f"serving-configmaps/{name.removeprefix('config-')}.yaml")
    raw: dict[str, Any] = yaml.safe_load((MAPS / file).read_text())
    return raw


@pytest.mark.parametrize("name", PARSERS)
def test_knatives_own_map_can_be_applied(name: str) -> None:
    raw = knative_map(name)
    raw["metadata"]["namespace"] = config_namespace(name)

    assert validate(kinds.CONFIG_MAP, raw, None, Config()) == []


@pytest.mark.parametrize("name", SERVING)
def test_what_knatives_example_says_is_our_default(name: str) -> None:
    _, settings, _ = PARSERS[name]
    documented = yaml.safe_load(knative_map(name)["data"]["_example"])
    ours = {field.metadata["key"]: field.metadata["default"] for field in dataclasses.fields(settings)}

    differing = {
        key: (default, str(documented[key]))
        for key, default in ours.items()
        if default is not None and key in documented and str(documented[key]).lower() != default.lower()
    }

    assert set(ours) <= set(documented)
    assert differing == {key: value for key, value in OTHERWISE.items() if key in ours}
