"""docs/mapping.md leaves nothing out that a project can say."""

from __future__ import annotations

import re
from pathlib import Path

from faas_runtime.options.known import DELIVERY, OPTIONS
from faas_runtime.options.sources import OPTIONS as SOURCES

from faas.project.manifests.in_cluster import KAFKA_ORDER
from faas.resources import keys

PAGE = (Path(__file__).parents[3] / "docs" / "mapping.md").read_text()
FIRST_CELLS = " ".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("|"))


def test_every_option_and_every_source_is_there() -> None:
    said = set(re.findall(r"`(\w+)", FIRST_CELLS))

    assert (set(OPTIONS) | set(DELIVERY) | set(SOURCES)) - {"name", "service", "max_body"} - said == set()


def test_every_annotation_of_ours_is_there() -> None:
    of_status = {keys.SOURCE_URL, keys.PUBLIC_URL}
    ours = {value for value in vars(keys).values() if isinstance(value, str) and value.startswith("faas.dev/")}

    assert {key for key in ours - of_status if key not in PAGE} == set()
    assert KAFKA_ORDER in PAGE
