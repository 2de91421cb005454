"""Why an image cannot be had, in words."""

from __future__ import annotations

import pytest

from faas.engine.instances.docker.failures import retry_after, unavailable

REGISTRY = "127.0.0.1:5000"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(
            "manifest for 127.0.0.1:5000/a:b not found: manifest unknown: manifest unknown", "not found: ", id="no tag"
        ),
        pytest.param(
            "pull access denied for a, repository does not exist or may require 'docker login'",
            "does not let us have it, or it does not exist; log in (docker login 127.0.0.1:5000)",
            id="denied",
        ),
        pytest.param("unauthorized: authentication required", "imagePullSecrets", id="unauthorized"),
        pytest.param(
            "dial tcp 127.0.0.1:5000: connect: connection refused", "cannot reach 127.0.0.1:5000", id="nobody there"
        ),
        pytest.param(
            "no matching manifest for linux/arm64/v8 in the manifest list entries",
            "no image for this machine's platform",
            id="platform",
        ),
        pytest.param("http: server gave HTTP response to HTTPS client", "speaks plain HTTP", id="plain HTTP"),
    ],
)
def test_the_reasons_are_told_apart(said: str, expected: str) -> None:
    message = str(unavailable("127.0.0.1:5000/a:b", REGISTRY, said))
    assert message.startswith('Unable to fetch image "127.0.0.1:5000/a:b": failed to resolve image to digest: ')
    assert expected in message
    assert said in message


def test_trying_again_takes_longer_each_time_and_never_more_than_five_minutes() -> None:
    assert [retry_after(failures) for failures in range(1, 8)] == [10, 20, 40, 80, 160, 300, 300]
