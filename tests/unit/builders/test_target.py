"""Which of several platforms is taken for the one that is asked for."""

from __future__ import annotations

import pytest
from faas_builders.target import Platform


@pytest.mark.parametrize(
    ("wanted", "there", "picked"),
    [
        pytest.param("linux/arm/v7", ["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7", id="the same"),
        pytest.param("linux/amd64", ["linux/arm64", "linux/amd64/v2"], "linux/amd64/v2", id="no variant asked for"),
        pytest.param("linux/arm", ["linux/arm/v5", "linux/arm/v7"], "linux/arm/v5", id="the first of several variants"),
        pytest.param("linux/arm/v7", ["linux/arm"], "linux/arm", id="no variant there"),
        pytest.param("linux/arm/v7", ["linux/arm/v6"], None, id="another variant"),
        pytest.param("linux/arm64/v8", ["linux/arm64"], "linux/arm64", id="arm64 has one variant"),
        pytest.param("linux/amd64", ["windows/amd64", "linux/arm64"], None, id="another system or processor"),
    ],
)
def test_the_platform_that_is_taken(wanted: str, there: list[str], picked: str | None) -> None:
    found = Platform.parse(wanted).pick(map(Platform.parse, there))

    assert (str(found) if found else None) == picked
