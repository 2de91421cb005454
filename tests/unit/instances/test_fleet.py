"""What a fleet says of its image."""

from __future__ import annotations

import pytest

from faas.engine.instances.fleet import by_digest


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param("faas.local/hello", id="bare"),
        pytest.param("faas.local/hello:v1", id="tag"),
        pytest.param("faas.local/hello@sha256:00", id="digest"),
        pytest.param("faas.local/hello:v1@sha256:00", id="tag and digest"),
    ],
)
def test_an_image_is_shown_by_its_digest_with_its_repository(reference: str) -> None:
    assert by_digest(reference, "sha256:ff") == "faas.local/hello@sha256:ff"


def test_a_registrys_port_is_no_tag() -> None:
    assert by_digest("localhost:5000/hello:v1", "sha256:ff") == "localhost:5000/hello@sha256:ff"


def test_an_image_without_a_registry_keeps_a_name_that_can_be_asked_for() -> None:
    assert by_digest("hello:v1", "sha256:ff") == "hello@sha256:ff"
