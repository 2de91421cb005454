"""`faas invoke` where a function's name leads nowhere: through forwarded ports, to the ingress or past it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from faas.client.places.state import State
from tests.cluster.credentials import server_context, write_kubeconfig
from tests.cluster.rights import READ, Right
from tests.cluster_world import ClusterCommand, ClusterWorld, cluster, cluster_engine  # noqa: F401
from tests.faas_command import FaasCommand
from tests.port_forward_world import Door, door

PROJECT = """
from faas import function

@function
def hello(name: str = "World") -> str:
    return f"Hello {name}!"
"""
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
INGRESSES = "/apis/networking.internal.knative.dev/v1alpha1/namespaces/team/ingresses"
SYSTEM = "/api/v1/namespaces/kourier-system"


@pytest.fixture(scope="module")
def deployed(cluster_engine: ClusterWorld, tmp_path_factory: pytest.TempPathFactory) -> None:  # noqa: F811
    folder = tmp_path_factory.mktemp("shop")
    (folder / "main.py").write_text(PROJECT)
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n')
    FaasCommand(cluster_engine.folder / "engine")("deploy", folder, "-n", "team", "--context", "local")


@pytest.fixture
def api(cluster: ClusterWorld, deployed: None) -> Iterator[Door]:  # noqa: F811
    """The world's API server, with an ingress in kourier-system whose Pods can be forwarded to."""
    with door(server_context(cluster.folder), cluster.cluster("robot")) as made:
        engine = State(cluster.folder / "engine").engine()
        assert engine is not None
        gateway = urlsplit(engine.public_url)
        made.listening["kourier-system", "gateway-1", 8080] = (gateway.hostname or "", gateway.port or 0)
        made.objects |= {
            f"{INGRESSES}/hello": {
                "metadata": {"name": "hello", "namespace": "team"},
                "status": {
                    "publicLoadBalancer": {"ingress": [{"domainInternal": "kourier.kourier-system.svc.cluster.local"}]}
                },
            },
            f"{SYSTEM}/services/kourier": {
                "metadata": {"name": "kourier", "namespace": "kourier-system"},
                "spec": {
                    "type": "ClusterIP",
                    "selector": {"app": "gateway"},
                    "ports": [{"name": "http2", "port": 80, "targetPort": 8080}],
                },
            },
            f"{SYSTEM}/pods": {
                "items": [
                    {"metadata": {"name": "gateway-1", "namespace": "kourier-system"}, "spec": {}, "status": READY}
                ]
            },
        }
        yield made


@pytest.fixture
def faas(cluster: ClusterWorld, api: Door, tmp_path: Path) -> ClusterCommand:  # noqa: F811
    """As robot, who shows a token."""
    kubeconfig = tmp_path / "kubeconfig"
    user = {"token": "token-of-robot"}
    write_kubeconfig(kubeconfig, api.url, cluster.ca, user, context="robot", namespace="team")
    command = cluster.command("robot", tmp_path / "state")
    command.environment["KUBECONFIG"] = str(kubeconfig)
    return command


def test_the_ingress_is_forwarded_to_when_there_is_no_other_way(api: Door, faas: ClusterCommand) -> None:
    assert faas("invoke", "hello", "--path", "/?name=Ada") == "Hello Ada!"
    assert "via port-forward to kourier-system/gateway-1:8080" in faas.said
    assert (api.forwards, api.users) == (["kourier-system/gateway-1:8080"], ["token-of-robot"])


def test_data_tells_the_way_too(faas: ClusterCommand) -> None:
    document = json.loads(faas("invoke", "hello", "--via", "port-forward", "-o", "json"))
    assert (document["status"], document["body"]) == (200, "Hello World!")
    assert document["via"] == "port-forward to kourier-system/gateway-1:8080"


def test_only_the_way_that_is_asked_for_is_taken(api: Door, faas: ClusterCommand) -> None:
    faas("invoke", "hello", "--via", "ingress", code=1)
    assert "Service kourier-system/kourier has no address outside the cluster" in faas.said
    faas("invoke", "hello", "--via", "sideways", code=2)
    assert "'sideways' is not ingress, port-forward or a URL" in faas.said
    assert api.forwards == []


def test_a_right_that_is_lacking_is_named(
    cluster: ClusterWorld,  # noqa: F811
    api: Door,
    faas: ClusterCommand,
) -> None:
    cluster.rights["robot"] = [Right(READ, "*", "team"), Right(READ, "*", "kourier-system")]
    faas("invoke", "hello", code=1)
    assert "you lack the right to create pods/portforward in namespace kourier-system" in faas.said
    assert api.forwards == []


def test_a_port_where_nobody_listens_any_more_is_said(api: Door, faas: ClusterCommand) -> None:
    api.listening["kourier-system", "gateway-1", 8080] = ("127.0.0.1", 1)
    faas("invoke", "hello", code=1)
    assert "error forwarding port 8080 to pod gateway-1" in faas.said


def test_a_pod_that_has_gone_meanwhile_is_said(api: Door, faas: ClusterCommand) -> None:
    api.listening.clear()
    faas("invoke", "hello", code=1)
    assert "no port-forward to kourier-system/gateway-1:8080: there is no such Pod any more" in faas.said


def test_an_instance_itself_is_left_to_whoever_may_not_see_the_ingress(
    cluster: ClusterWorld,  # noqa: F811
    api: Door,
    faas: ClusterCommand,
) -> None:
    cluster.rights["robot"] = [Right(namespace="team")]
    for path in [path for path in api.objects if path.startswith(SYSTEM)]:
        del api.objects[path]
    ports = [{"name": "queue-port", "containerPort": 8012}]
    pod = {"metadata": {"name": "hello-1", "namespace": "team"}, "status": READY}
    pod["spec"] = {"containers": [{"name": "queue-proxy", "ports": ports}]}
    api.objects["/api/v1/namespaces/team/pods"] = {"items": [pod]}
    api.listening["team", "hello-1", 8012] = api.listening["kourier-system", "gateway-1", 8080]
    assert faas("invoke", "hello") == "Hello World!"
    assert "straight to an instance of hello-00001, past the ingress: traffic is not split" in faas.said
