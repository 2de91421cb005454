"""Connections through proxies, and what is said where one does not lead on."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from faas.client.transport.tunnels import Proxy, ProxyFailed, connect
from tests.cluster.tunnelling import http_proxy, socks_proxy
from tests.serving import on_a_loop


@pytest.fixture
def greeter() -> Iterator[int]:
    """Says hello to everybody who connects."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connection.sendall(b"hello")
                    connection.close()

        thread = threading.Thread(target=greet)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def greeting(proxy: str, host: str = "there") -> bytes:
    with connect(host, 7, Proxy.of_url(proxy), timeout_s=20) as connection:
        return connection.recv(100)


@pytest.mark.parametrize("host", ["there", "2001:db8::1"])
def test_what_comes_after_the_proxys_answer_is_the_hosts(greeter: int, host: str) -> None:
    with on_a_loop(lambda: http_proxy({"": greeter})) as (proxy, _):
        assert greeting(proxy.url, host) == b"hello"
        assert proxy.asked == [f"CONNECT {f'[{host}]' if ':' in host else host}:7 HTTP/1.1"]


@pytest.mark.parametrize(
    ("credentials", "why"),
    [
        pytest.param("ada:s3cret@", "", id="the-password"),
        pytest.param("ada:wrong@", "the password is wrong", id="another"),
        pytest.param("", "it wants a password", id="none"),
    ],
)
def test_a_socks_proxy_wants_its_password(greeter: int, credentials: str, why: str) -> None:
    with on_a_loop(lambda: socks_proxy(greeter, "s3cret")) as ((url, asked), _):
        proxy = url.replace("//", f"//{credentials}")
        if not why:
            assert greeting(proxy) == b"hello"
            assert asked == ["there:7"]
            return
        with pytest.raises(ProxyFailed) as failed:
            greeting(proxy)
    assert why in str(failed.value.strerror)
    assert "wrong@" not in str(failed.value)


def test_a_socks_proxy_that_does_not_lead_there_says_why(greeter: int) -> None:
    with (
        on_a_loop(lambda: socks_proxy(greeter)) as ((url, _), _loop),
        pytest.raises(ProxyFailed, match="does not connect to refused:7: connection refused"),
    ):
        greeting(url, "refused")


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_what_is_no_proxy_is_said_to_be_none(greeter: int, scheme: str) -> None:
    with pytest.raises(ProxyFailed, match=r"does not connect to there:7|broke the connection"):
        greeting(f"{scheme}://127.0.0.1:{greeter}")


@pytest.mark.parametrize("url", ["http://", "http://proxy:99999", "ftp://proxy", "http://[::1"])
def test_a_url_that_names_no_proxy_is_refused(url: str) -> None:
    with pytest.raises(ProxyFailed):
        Proxy.of_url(url)


def test_its_password_is_in_no_repr() -> None:
    proxy = Proxy.of_url("http://ada:s3cret%40@proxy:3128")
    assert (proxy.credentials, proxy.port) == (("ada", "s3cret@"), 3128)
    assert "s3cret" not in repr(proxy)
