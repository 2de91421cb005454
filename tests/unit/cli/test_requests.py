"""What `faas invoke` puts on the wire, over real sockets."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from faas.cli.errors import CommandError
from faas.cli.invoking.asking import parse_header, read_body
from faas.cli.invoking.events import make_event
from faas.cli.invoking.sending import Request, send, send_over, trusting
from faas.cli.invoking.services import address_on_engine
from faas.cli.project_options import _env
from faas.client.places.state import EngineInfo
from tests.cluster.credentials import server_context
from tests.serving import serving

ENGINE = EngineInfo(pid=1, public_url="http://127.0.0.1:8080", api_url="https://127.0.0.1:6443", runtime_dir="/run/f")


@contextmanager
def listening(listener: socket.socket, answer: bytes) -> Iterator[list[bytes]]:
    """Answers one request with `answer`."""
    received: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            received.append(data)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield received
    thread.join()
    listener.close()


def test_a_request_dials_the_gateway_and_asks_for_the_host() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    with listening(listener, b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-A: 1\r\n\r\nok") as received:
        request = Request("POST", "/a?b=1", {"X-B": "2"}, b"body")
        with send(request, "hello.default.localhost:8080", address, timeout_s=10) as answer:
            body = b"".join(answer.chunks())

    head = received[0].decode()
    assert (answer.status, answer.reason, answer.headers["x-a"], body) == (201, "Created", "1", b"ok")
    assert head.startswith("POST /a?b=1 HTTP/1.1\r\n")
    assert head.count("Host: ") == 1
    assert "Host: hello.default.localhost:8080\r\n" in head


def test_a_cluster_local_service_is_asked_over_the_engines_socket(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    with (
        listening(listener, b"HTTP/1.1 204 No Content\r\n\r\n") as received,
        send(Request("GET", "/", {}, None), "a.b.svc", f"unix:{tmp_path}/s", timeout_s=10) as answer,
    ):
        assert answer.status == 204
    assert b"Host: a.b.svc\r\n" in received[0]


def test_nobody_listening_is_said_plainly() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"

    with (
        pytest.raises(CommandError, match=f"nobody listens on {address}"),
        send(Request("GET", "/", {}, None), "h", address, timeout_s=5),
    ):
        pass


def test_a_binary_event_is_headers_and_the_data_as_it_is() -> None:
    attributes = {"type": "a.b", "source": "s", "id": "1", "subject": 'grüße "x"'}

    headers, body = make_event(attributes, b'{"a": 1}', structured=False, is_json=True)

    assert body == b'{"a": 1}'
    assert headers == {
        "ce-specversion": "1.0",
        "ce-type": "a.b",
        "ce-source": "s",
        "ce-id": "1",
        "ce-subject": "gr%C3%BC%C3%9Fe%20%22x%22",
        "Content-Type": "application/json",
    }


def test_a_structured_event_is_one_document() -> None:
    headers, body = make_event({"type": "a.b", "source": "s", "id": "1"}, b'{"a": 1}', structured=True, is_json=True)

    assert headers == {"Content-Type": "application/cloudevents+json"}
    assert json.loads(body or b"") == {
        "specversion": "1.0",
        "type": "a.b",
        "source": "s",
        "id": "1",
        "datacontenttype": "application/json",
        "data": {"a": 1},
    }


def test_an_event_without_an_id_gets_a_new_one_each_time() -> None:
    ids = {
        make_event({"type": "a", "source": "s"}, None, structured=False, is_json=False)[0]["ce-id"] for _ in range(9)
    }

    assert len(ids) == 9


def service(local: bool = False) -> dict[str, object]:
    labels = {"networking.knative.dev/visibility": "cluster-local"} if local else {}
    url = "http://hello.default.svc.cluster.local" if local else "http://hello.default.localhost:8080"
    tagged = {"tag": "canary", "url": "http://canary-hello.default.localhost:8080"}
    return {"metadata": {"name": "hello", "labels": labels}, "status": {"url": url, "traffic": [tagged]}}


@pytest.mark.parametrize(
    ("local", "tag", "expected"),
    [
        (False, None, ("hello.default.localhost:8080", "127.0.0.1:8080")),
        (False, "canary", ("canary-hello.default.localhost:8080", "127.0.0.1:8080")),
        (True, None, ("hello.default.svc.cluster.local", "unix:/run/f/internal.sock")),
    ],
    ids=["public", "tag", "local"],
)
def test_where_a_function_is_reached(local: bool, tag: str | None, expected: tuple[str, str]) -> None:
    assert address_on_engine(service(local), tag, ENGINE, "") == expected


def test_a_tag_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(CommandError, match="hello has no tag 'beta'") as error:
        address_on_engine(service(), "beta", ENGINE, " --stage live")
    assert "canary" in error.value.hint


def test_bodies_come_from_text_files_and_json(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"{}")

    assert read_body("text", None) == (b"text", False)
    assert read_body(f"@{tmp_path}/a.json", None) == (b"{}", True)
    assert read_body(None, '{"a": 1}') == (b'{"a": 1}', True)
    assert read_body(None, None) == (None, False)
    for data, document in (("a", "{}"), (None, "{"), (f"@{tmp_path}/none", None)):
        with pytest.raises(click.UsageError):
            read_body(data, document)


def test_headers_and_variables_are_read_as_written() -> None:
    assert parse_header("X-A:  b: c") == ("X-A", "b: c")
    assert _env(["A=1", "B=x=y", "C-", "D="]) == ({"A": "1", "B": "x=y", "D": ""}, frozenset({"C"}))
    for wrong in ("A", "=1", "-"):
        with pytest.raises(click.BadParameter):
            _env([wrong])


class _Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.headers["Host"].encode())

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """A server whose certificate no authority of this machine has signed."""
    server = http.server.HTTPServer(("127.0.0.1", 0), _Hello)
    server.socket = server_context(tmp_path).wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with serving(server) as address:
        yield address


@pytest.mark.parametrize("trusted", ["", "insecure", "SSL_CERT_FILE"])
def test_tls_is_spoken_over_a_connection_that_is_open_to_who_proves_to_be_the_host(
    secure: tuple[str, int], trusted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trusted == "SSL_CERT_FILE":
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    connection = socket.create_connection(secure)
    tls = trusting(insecure=trusted == "insecure")
    request = Request("GET", "/", {}, None)

    def call() -> bytes:
        with connection, send_over(connection, request, "localhost", "the ingress", timeout_s=20, tls=tls) as answer:
            return b"".join(answer.chunks())

    if trusted:
        assert call() == b"localhost"
        return
    with pytest.raises(CommandError, match="the certificate of the ingress is not that of localhost") as refused:
        call()
    assert "--insecure" in refused.value.hint


def test_a_header_that_cannot_be_written_is_not_quoted() -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        request = Request("GET", "/", {"Authorization": "Bearer PRIVATE\nX: y"}, None)
        with (
            pytest.raises(CommandError, match="the request cannot be written") as error,
            send(request, "hello", address, timeout_s=10),
        ):
            pass
    assert "PRIVATE" not in str(error.value)
