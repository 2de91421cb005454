"""Which way to an API server: the environment's proxies, by Go's rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.client.transport.proxies import proxy_of

PROXY = {"HTTPS_PROXY": "http://proxy:3128"}


@pytest.mark.parametrize(
    ("server", "variables", "proxy"),
    [
        pytest.param("https://k8s.example.com", {}, "", id="none"),
        pytest.param("https://k8s.example.com", PROXY, "http://proxy:3128", id="https"),
        pytest.param("https://k8s.example.com", {"https_proxy": "proxy:3128"}, "http://proxy:3128", id="lower-bare"),
        pytest.param("http://k8s.example.com", PROXY, "", id="http-is-another"),
        pytest.param("http://k8s.example.com", {"HTTP_PROXY": "http://p"}, "http://p", id="http"),
        pytest.param("https://k8s.example.com", {"ALL_PROXY": "socks5://p"}, "socks5://p", id="all"),
        pytest.param("https://127.0.0.1:6443", PROXY, "", id="this-machine"),
        pytest.param("https://[::1]:6443", PROXY, "", id="this-machine-v6"),
        pytest.param("https://localhost", PROXY, "", id="localhost"),
    ],
)
def test_a_proxy_is_the_environments_for_the_scheme(server: str, variables: dict[str, str], proxy: str) -> None:
    assert proxy_of(server, variables) == proxy


@pytest.mark.parametrize(
    ("host", "exception", "excepted"),
    [
        ("k8s.example.com", "*", True),
        ("k8s.example.com", "example.com", True),
        ("example.com", "example.com", True),
        ("badexample.com", "example.com", False),
        ("k8s.example.com", ".example.com", True),
        ("example.com", ".example.com", False),
        ("k8s.example.com", "*.example.com", True),
        ("k8s.example.com:6443", "k8s.example.com:6443", True),
        ("k8s.example.com:6443", "k8s.example.com:443", False),
        ("k8s.example.com", "K8S.example.com", True),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.30", False),
        ("[fd00::1]", "fd00::/8", True),
        ("[fd00::1]:6443", "[fd00::1]:6443", True),
        ("[fd00::1]", "[fd00::1]", True),
        ("k8s.example.com", "internal, example.com ,", True),
    ],
)
def test_exceptions_are_names_addresses_networks_and_ports(host: str, exception: str, excepted: bool) -> None:
    assert proxy_of(f"https://{host}", {**PROXY, "NO_PROXY": exception}) == ("" if excepted else "http://proxy:3128")


@given(st.text(max_size=60))
def test_no_exception_is_too_strange_to_be_read(text: str) -> None:
    assert proxy_of("https://k8s.example.com", {**PROXY, "NO_PROXY": text}) in ("", "http://proxy:3128")
