"""A port of a Pod through an API server: with a kubeconfig's credentials, and what a node says of a failure."""

from __future__ import annotations

import http.server
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from faas.client.credentials.identity import Identity
from faas.client.kubeconfigs.cluster import Cluster
from faas.client.services.ingress import PodPort
from faas.client.services.portforward import PortForwardFailed, PortForwardMissing, forwarded
from tests.cluster.credentials import make_client_certificate, server_context
from tests.cluster.tunnelling import http_proxy, socks_proxy
from tests.port_forward_world import Door, door
from tests.serving import on_a_loop, serving

TO = PodPort("team", "hello-1", 8012)
REQUEST = b"GET /there HTTP/1.0\r\nHost: hello.team.example.com\r\n\r\n"


class _Pod(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"{self.headers['Host']} {self.path}".encode() * (1 if self.path == "/there" else 100_000)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture(scope="module")
def pod() -> Iterator[tuple[str, int]]:
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Pod)) as address:
        yield address


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("door")


@pytest.fixture
def api(folder: Path, pod: tuple[str, int]) -> Iterator[Door]:
    with door(server_context(folder)) as made:
        made.listening["team", "hello-1", 8012] = pod
        yield made


def cluster_of(api: Door, folder: Path, user: str = "alice") -> Cluster:
    certificate, key = make_client_certificate(folder, user)
    ca = (folder / "ca.crt").read_text()
    return Cluster(api.url, ca_data=ca, client_cert=certificate, client_key=key)


def ask(cluster: Cluster, identity: Identity = Identity(), to: PodPort = TO, request: bytes = REQUEST) -> bytes:
    answer = b""
    with forwarded(cluster, identity, to) as forward:
        forward.socket.sendall(request)
        while data := forward.socket.recv(65536):
            answer += data
    return answer


def test_a_client_certificate_opens_it(api: Door, folder: Path) -> None:
    assert ask(cluster_of(api, folder)).endswith(b"\r\n\r\nhello.team.example.com /there")
    assert (api.users, api.forwards) == (["alice"], ["team/hello-1:8012"])


def test_certificates_that_are_text_open_it_as_well(api: Door, folder: Path) -> None:
    """As a kubeconfig has them inside, and as a plugin gives them."""
    certificate, key = make_client_certificate(folder, "bob")
    ca = (folder / "ca.crt").read_text()
    inside = Cluster(api.url, ca_data=ca, client_cert_data=certificate.read_text(), client_key_data=key.read_text())
    given = Identity(certificate=f"{certificate.read_text()}\n{key.read_text()}")
    assert ask(inside).endswith(b"/there")
    assert ask(Cluster(api.url, ca_data=ca), given).endswith(b"/there")
    assert api.users == ["bob", "bob"]


def test_a_token_opens_it(api: Door, folder: Path) -> None:
    cluster = Cluster(api.url, ca_data=(folder / "ca.crt").read_text())
    assert ask(cluster, Identity("Bearer secret-of-robot")).endswith(b"/there")
    assert api.users == ["secret-of-robot"]


def test_one_who_may_acts_as_another(api: Door, folder: Path) -> None:
    headers = (
        ("Impersonate-User", "ada"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Group", "größe"),
        ("Impersonate-Extra-scopes", "view"),
    )
    assert ask(replace(cluster_of(api, folder), impersonation=headers)).endswith(b"/there")
    assert (api.users, api.acting_as) == (["alice"], list(headers))


def test_one_who_may_not_act_as_another_is_told_so(api: Door, folder: Path) -> None:
    api.actors = {"somebody else"}
    acting = replace(cluster_of(api, folder), impersonation=(("Impersonate-User", "ada"),))
    with pytest.raises(PortForwardFailed, match='User "alice" cannot impersonate resource "users"') as failed:
        ask(acting)
    assert failed.value.lacking == ""


def test_a_header_that_cannot_be_written_is_not_sent(api: Door, folder: Path) -> None:
    acting = replace(cluster_of(api, folder), impersonation=(("Impersonate-User", "ada\r\nX-Evil: 1"),))
    with pytest.raises(PortForwardFailed, match="a header of the kubeconfig has a character that none may have"):
        ask(acting)
    assert (api.users, api.acting_as) == ([], [])


@pytest.mark.parametrize("password", ["", "pa%ss"])
def test_a_proxy_is_gone_through(api: Door, folder: Path, password: str) -> None:
    port = int(api.url.rpartition(":")[2])
    with on_a_loop(lambda: http_proxy({"kubernetes:6443": port}, password)) as (proxy, _):
        url = proxy.url.replace("//", f"//ada:{quote(password)}@") if password else proxy.url
        through = replace(cluster_of(api, folder), server="https://kubernetes:6443", proxy_url=url)
        assert ask(through).endswith(b"/there")
        assert proxy.asked == ["CONNECT kubernetes:6443 HTTP/1.1"]


def test_a_socks_proxy_is_gone_through(api: Door, folder: Path) -> None:
    port = int(api.url.rpartition(":")[2])
    with on_a_loop(lambda: socks_proxy(port)) as ((url, asked), _):
        through = replace(cluster_of(api, folder), server="https://kubernetes:6443", proxy_url=url)
        assert ask(through).endswith(b"/there")
        assert asked == ["kubernetes:6443"]


def test_a_proxy_that_refuses_is_named_without_its_password(api: Door, folder: Path) -> None:
    with on_a_loop(lambda: http_proxy({"": 1}, "other")) as (proxy, _):
        url = proxy.url.replace("//", "//ada:SECRET@")
        through = replace(cluster_of(api, folder), server="https://kubernetes:6443", proxy_url=url)
        with pytest.raises(PortForwardFailed, match="does not connect to kubernetes:6443: 407 Proxy Auth") as failed:
            ask(through)
    assert "SECRET" not in str(failed.value)
    assert f"the proxy http://…@{proxy.url.removeprefix('http://')}" in str(failed.value)


def test_the_certificate_may_be_of_another_name_when_the_kubeconfig_says_which(api: Door, folder: Path) -> None:
    assert ask(replace(cluster_of(api, folder), tls_server_name="kubernetes")).endswith(b"/there")
    with pytest.raises(PortForwardFailed, match=r"[Hh]ostname mismatch"):
        ask(replace(cluster_of(api, folder), tls_server_name="k8s.example.com"))


def test_a_large_answer_comes_whole(api: Door, folder: Path) -> None:
    answer = ask(cluster_of(api, folder), request=REQUEST.replace(b"/there", b"/large"))
    assert len(answer.partition(b"\r\n\r\n")[2]) == len("hello.team.example.com /large") * 100_000


def test_who_may_not_is_told_which_right_is_lacking(api: Door, folder: Path) -> None:
    api.tokens.add("somebody else")
    with pytest.raises(PortForwardFailed, match="create pods/portforward in namespace team") as failed:
        ask(cluster_of(api, folder))
    assert failed.value.lacking == "create pods/portforward"


def test_a_pod_that_is_gone_is_named(api: Door, folder: Path) -> None:
    with pytest.raises(PortForwardFailed, match="no port-forward to team/hello-9:8012: there is no such Pod any more"):
        ask(cluster_of(api, folder), to=PodPort("team", "hello-9", 8012))


def test_what_the_node_says_of_a_port_where_nobody_listens_is_kept(api: Door, folder: Path) -> None:
    with forwarded(cluster_of(api, folder), Identity(), PodPort("team", "hello-1", 1)) as forward:
        assert forward.socket.recv(1) == b""
        assert forward.error == "error forwarding port 1 to pod hello-1: connect: connection refused"


def test_a_server_whose_certificate_is_not_believed_gets_nothing(api: Door, folder: Path) -> None:
    cluster = cluster_of(api, folder)
    with pytest.raises(PortForwardFailed, match="certificate verify failed"):
        ask(Cluster(api.url, client_cert=cluster.client_cert, client_key=cluster.client_key))
    assert api.users == []


def test_without_the_library_the_extra_is_named(api: Door, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "kubernetes"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    with pytest.raises(PortForwardMissing) as missing:
        ask(cluster_of(api, folder))
    assert missing.value.extra == "cluster"
