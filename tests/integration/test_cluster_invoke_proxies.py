"""`faas invoke` where a proxy lies on the way to a cluster's functions: as curl goes, from the same environment."""

from __future__ import annotations

import http.server
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.credentials import server_context, write_kubeconfig
from tests.cluster.tunnelling import HttpProxy, http_proxy, socks_proxy
from tests.cluster_world import ClusterCommand, ClusterWorld, cluster, cluster_engine  # noqa: F401
from tests.port_forward_world import Door, door
from tests.serving import on_a_loop, serving

HOST = "hello.team.example.com"
SERVICES = "/apis/serving.knative.dev/v1/namespaces/team/services"
INGRESSES = "/apis/networking.internal.knative.dev/v1alpha1/namespaces/team/ingresses"
KOURIER = "/api/v1/namespaces/kourier-system/services/kourier"
READY = {"type": "Ready", "status": "True"}


class _Hello(http.server.BaseHTTPRequestHandler):
    """Says what it was asked."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        shown = self.headers.get("Proxy-Authorization", "")
        self.wfile.write(f"{self.headers['Host']} {self.path} {shown}".encode())

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture(scope="module")
def function() -> Iterator[int]:
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hello)) as (_, port):
        yield port


@pytest.fixture
def api(cluster: ClusterWorld) -> Iterator[Door]:  # noqa: F811
    """The world's API server, whose function has a name that means nothing on this machine."""
    with door(server_context(cluster.folder), cluster.cluster("robot")) as made:
        made.objects |= {f"{SERVICES}/hello": service(f"http://{HOST}")}
        yield made


def service(url: str) -> dict[str, Any]:
    status = {"url": url, "conditions": [READY], "latestReadyRevisionName": "hello-1"}
    return {"metadata": {"name": "hello", "namespace": "team"}, "status": status}


@pytest.fixture
def faas(cluster: ClusterWorld, api: Door, tmp_path: Path) -> ClusterCommand:  # noqa: F811
    kubeconfig = tmp_path / "kubeconfig"
    user = {"token": "token-of-robot"}
    write_kubeconfig(kubeconfig, api.url, cluster.ca, user, context="robot", namespace="team")
    command = cluster.command("robot", tmp_path / "state")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        command.environment |= {name: "", name.lower(): ""}
    command.environment["KUBECONFIG"] = str(kubeconfig)
    return command


@pytest.fixture
def proxied(function: int, faas: ClusterCommand) -> Iterator[HttpProxy]:
    """The environment names a proxy for http, which leads to the function whatever it is asked for."""
    with on_a_loop(lambda: http_proxy({"": function})) as (proxy, _):
        faas.environment["HTTP_PROXY"] = proxy.url
        yield proxy


def test_a_proxy_is_asked_for_the_whole_url(proxied: HttpProxy, faas: ClusterCommand) -> None:
    assert faas("invoke", "hello", "--path", "/a?b=1").split() == [HOST, "/a?b=1"]
    assert proxied.asked == [f"GET http://{HOST}/a?b=1 HTTP/1.1"]
    assert f"via the proxy {proxied.url}" in faas.said


def test_a_proxy_gets_its_password_and_the_function_does_not(function: int, faas: ClusterCommand) -> None:
    with on_a_loop(lambda: http_proxy({"": function}, "s3cret")) as (proxy, _):
        faas.environment["http_proxy"] = proxy.url.replace("//", "//ada:s3cret@")
        assert faas("invoke", "hello").split() == [HOST, "/"]
        assert "s3cret" not in faas.said


def test_tls_goes_through_a_tunnel_and_ends_at_the_function(api: Door, faas: ClusterCommand, tmp_path: Path) -> None:
    api.objects[f"{SERVICES}/hello"] = service(f"https://{HOST}")
    server = http.server.HTTPServer(("127.0.0.1", 0), _Hello)
    server.socket = server_context(tmp_path).wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with serving(server) as (_, port), on_a_loop(lambda: http_proxy({f"{HOST}:443": port})) as (proxy, _loop):
        faas.environment["HTTPS_PROXY"] = proxy.url
        assert faas("invoke", "hello", "--insecure").split() == [HOST, "/"]
        assert proxy.asked == [f"CONNECT {HOST}:443 HTTP/1.1"]


@pytest.mark.parametrize(
    ("url", "variable"),
    [
        pytest.param(f"http://{HOST}", ".example.com", id="NO_PROXY"),
        pytest.param("http://hello.team.127.0.0.1.sslip.io", "", id="an address of this machine in the name"),
        pytest.param("http://hello.team.localhost", "", id="localhost"),
        pytest.param("http://hello.team.svc.cluster.local", "", id="a name of the cluster"),
    ],
)
def test_what_is_excepted_is_dialled_without_the_proxy(
    proxied: HttpProxy, api: Door, faas: ClusterCommand, url: str, variable: str
) -> None:
    found = service(f"{url}:1")
    if url.endswith("cluster.local"):
        found["metadata"]["labels"] = {"networking.knative.dev/visibility": "cluster-local"}
    api.objects[f"{SERVICES}/hello"] = found
    faas.environment["NO_PROXY"] = variable

    faas("invoke", "hello", code=1)

    assert "there is no way to hello from here" in faas.said
    assert proxied.asked == []


@pytest.fixture
def ingress(api: Door) -> Callable[[str], None]:
    """Makes the cluster's ingress have that address."""

    def make(address: str) -> None:
        balancer = {"ingress": [{"domainInternal": "kourier.kourier-system.svc.cluster.local"}]}
        ports = [{"name": "http2", "port": 80}]
        api.objects |= {
            f"{INGRESSES}/hello": {"metadata": {}, "status": {"publicLoadBalancer": balancer}},
            KOURIER: {
                "metadata": {"name": "kourier", "namespace": "kourier-system"},
                "spec": {"type": "LoadBalancer", "ports": ports},
                "status": {"loadBalancer": {"ingress": [{"ip": address}]}},
            },
        }

    return make


def test_the_ingress_is_reached_through_a_tunnel(
    proxied: HttpProxy, faas: ClusterCommand, ingress: Callable[[str], None]
) -> None:
    ingress("203.0.113.7")
    document = json.loads(faas("invoke", "hello", "--via", "ingress", "-o", "json"))
    assert document["body"].split() == [HOST, "/"]
    assert document["via"] == f"ingress kourier-system/kourier at 203.0.113.7:80 through the proxy {proxied.url}"
    assert proxied.asked == ["CONNECT 203.0.113.7:80 HTTP/1.1"]


def test_an_address_that_is_named_is_reached_through_a_tunnel(proxied: HttpProxy, faas: ClusterCommand) -> None:
    assert faas("invoke", "hello", "--via", "http://203.0.113.8:8080").split() == [HOST, "/"]
    assert proxied.asked == ["CONNECT 203.0.113.8:8080 HTTP/1.1"]


def test_a_proxy_that_does_not_answer_or_refuses_is_named_without_its_password(
    faas: ClusterCommand, ingress: Callable[[str], None]
) -> None:
    ingress("203.0.113.7")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        faas.environment["HTTP_PROXY"] = f"http://ada:s3cret@{address}"
        faas("invoke", "hello", code=1)
    assert f"the proxy http://…@{address} does not answer: Connection refused" in faas.said
    with on_a_loop(lambda: http_proxy({})) as (proxy, _):
        faas.environment["HTTP_PROXY"] = proxy.url
        faas("invoke", "hello", "--via", "ingress", code=1)
        assert f"the proxy {proxy.url} does not connect to 203.0.113.7:80: 403 Forbidden" in faas.said
    assert "s3cret" not in faas.said


def test_a_proxy_of_another_kind_is_said_to_be_so(faas: ClusterCommand) -> None:
    faas.environment["ALL_PROXY"] = "gopher://ada:s3cret@127.0.0.1:1"
    faas("invoke", "hello", code=1)
    assert "the proxy gopher://…@127.0.0.1:1 is none that can be used here; known are http, socks5" in faas.said


def test_a_socks_proxy_looks_up_the_name(function: int, faas: ClusterCommand) -> None:
    with on_a_loop(lambda: socks_proxy(function)) as ((url, asked), _):
        faas.environment["ALL_PROXY"] = url
        assert faas("invoke", "hello").split() == [HOST, "/"]
        assert asked == [f"{HOST}:80"]


def test_a_forwarded_port_goes_through_no_proxy(
    proxied: HttpProxy, function: int, api: Door, faas: ClusterCommand, ingress: Callable[[str], None]
) -> None:
    ingress("203.0.113.7")
    api.objects[KOURIER]["spec"]["selector"] = {"app": "gateway"}
    pod = {"metadata": {"name": "gateway-1", "namespace": "kourier-system"}, "status": {"conditions": [READY]}}
    api.objects["/api/v1/namespaces/kourier-system/pods"] = {"items": [{**pod, "spec": {}}]}
    api.listening["kourier-system", "gateway-1", 80] = ("127.0.0.1", function)

    assert faas("invoke", "hello", "--via", "port-forward").split() == [HOST, "/"]
    assert proxied.asked == []
    assert api.forwards == ["kourier-system/gateway-1:80"]
