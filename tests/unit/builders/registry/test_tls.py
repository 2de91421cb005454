from __future__ import annotations

import pytest
from faas_builders.registry.tls import is_loopback


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.1:5000", True),
        ("127.8.9.10", True),
        ("[::1]:5000", True),
        ("10.0.0.1:5000", False),
        ("registry.test", False),
        ("localhost.registry.test", False),
        ("[fe80::1]", False),
    ],
)
def test_only_this_machine_needs_no_certificate(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
