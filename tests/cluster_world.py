"""The embedded engine dressed as a cluster: rights, credentials, kinds that are missing, and things that go wrong.

Integration tests have the fixtures `cluster` and `cluster_engine` (tests/integration/conftest.py names them):

    from tests.cluster.faults import refuse
    from tests.cluster_world import ClusterWorld

    def test_a_deploy_gets_over_a_busy_server(cluster: ClusterWorld, tmp_path: Path) -> None:
        cluster.faults.add(refuse(429, retry_after=1), times=2, method="PATCH")
        faas = cluster.command("alice", tmp_path / "state")      # `faas`, aimed at the cluster as alice
        faas("deploy", project)
        assert [str(seen) for seen in cluster.writes()] == [...]

`cluster_engine` is one engine a module; `cluster` is the same for each test, with rights, faults and records as new.
Where no controllers are needed, `dressed(kubeconfig, folder)` does the same in front of any API server.

Users, each with a kubeconfig of its own whose one context bears the user's name:

- `admin`    may everything; client certificate
- `robot`    may everything; token
- `plugin`   may everything; token of an exec plugin
- `alice`    may everything in namespace `team` (her context's), and nothing else; client certificate
- `viewer`   may read everything; password

`cluster.rights["alice"] = [Right("get,list", "pods", "team")]` changes what a user may.
`cluster.hidden.add("sources.knative.dev")` or `.add("domainmappings.serving.knative.dev")`: no such kind, as 404.
`cluster.services["team", "name"] = "http://127.0.0.1:1234"`: what services/NAME/proxy reaches.
`cluster.warnings.append(("PATCH .*/services/", "spec.x is deprecated"))`: Warning headers.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from faas.client.http.client import HttpClient
from faas.client.kubeconfigs.cluster import Cluster
from faas.client.kubeconfigs.loading import load
from faas.client.transport.retry import RetryPolicy
from tests.cluster.credentials import make_client_certificate, make_plugin, server_context, write_kubeconfig
from tests.cluster.faults import Faults
from tests.cluster.proxy import Proxy, Seen, User
from tests.cluster.rights import Right
from tests.faas_command import FaasCommand

TEAM = "team"  # alice's namespace
_TOKENS = {"robot": "token-of-robot", "plugin": "token-of-plugin"}
_PASSWORDS = {"viewer": "password-of-viewer"}
_CERTIFICATES = ("admin", "alice")


def _rights() -> dict[str, list[Right]]:
    everything = [Right()]
    return {
        "admin": everything,
        "robot": everything,
        "plugin": everything,
        "alice": [Right(namespace=TEAM)],
        "viewer": [Right("get,list,watch")],
    }


@dataclass
class ClusterCommand(FaasCommand):
    """`faas` with a kubeconfig and a context in its environment."""

    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str | Path, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "faas.cli.main", *map(str, arguments)],
            env={**os.environ, "FAAS_STATE": str(self.state), **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        self.said = done.stderr
        assert done.returncode == code, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@dataclass
class ClusterWorld:
    folder: Path
    url: str
    upstream: Cluster  # the API server itself, as its administrator
    proxy: Proxy

    @property
    def faults(self) -> Faults:
        return self.proxy.faults

    @property
    def hidden(self) -> set[str]:
        return self.proxy.hidden

    @property
    def services(self) -> dict[tuple[str, str], str]:
        return self.proxy.services

    @property
    def warnings(self) -> list[tuple[str, str]]:
        return self.proxy.warnings

    @property
    def rights(self) -> dict[str, list[Right]]:
        return self.proxy.rights

    @property
    def ca(self) -> Path:
        return self.folder / "ca.crt"

    def kubeconfig(self, user: str = "admin") -> Path:
        return self.folder / f"{user}.kubeconfig"

    def environment(self, user: str = "admin") -> dict[str, str]:
        """For a command that is to work as this user; home and settings are a folder that is empty."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return {
            "KUBECONFIG": str(self.kubeconfig(user)),
            "FAAS_CONTEXT": user,
            "XDG_CONFIG_HOME": str(home / ".config"),
            "HOME": str(home),
        }

    def command(self, user: str, state: Path) -> ClusterCommand:
        return ClusterCommand(state, environment=self.environment(user))

    def cluster(self, user: str = "admin") -> Cluster:
        return load(self.kubeconfig(user), user)

    def client(self, user: str = "admin", *, retry: RetryPolicy = RetryPolicy(), **options: Any) -> HttpClient:
        return HttpClient(self.cluster(user), retry=retry, **options)

    def direct(self) -> HttpClient:
        """A client of the API server behind, past rights, faults and records."""
        return HttpClient(self.upstream)

    def requests(self, method: str = "", path: str = "") -> list[Seen]:
        """What was asked, in order; `path` is a part of it."""
        return [seen for seen in list(self.proxy.seen) if method in ("", seen.method) and path in seen.path]

    def writes(self) -> list[Seen]:
        """What was carried out and changes something (dry runs do not)."""
        return [seen for seen in list(self.proxy.seen) if seen.writes and seen.carried_out]

    def plugin_calls(self) -> int:
        calls = self.folder / "plugin.calls"
        return len(calls.read_text().splitlines()) if calls.exists() else 0

    def reset(self) -> None:
        self.faults.clear()
        self.proxy.seen.clear()
        self.proxy.most_in_flight = 0
        for changed in (self.hidden, self.services, self.warnings):
            changed.clear()
        self.rights.clear()
        self.rights.update(_rights())


@contextmanager
def dressed(kubeconfig: Path, folder: Path) -> Iterator[ClusterWorld]:
    """A cluster in front of the API server of `kubeconfig`; certificates and kubeconfigs are made in `folder`."""
    upstream = load(kubeconfig)
    tls = server_context(folder)
    users = [User(name, token=_TOKENS.get(name, ""), password=_PASSWORDS.get(name, "")) for name in _rights()]
    proxy = Proxy(upstream, users, _rights())
    started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=tls)
        started.set_result((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), stop))
        await stop.wait()
        server.close()
        await proxy.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="cluster-under-test")
    thread.start()
    port, loop, stop = started.result(30)
    world = ClusterWorld(folder, f"https://127.0.0.1:{port}", upstream, proxy)
    try:
        _write_kubeconfigs(world)
        asyncio.run(_make_namespace(world))
        yield world
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def cluster_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterWorld]:
    """A whole engine behind a cluster's door."""
    folder = tmp_path_factory.mktemp("cluster")
    faas = FaasCommand(folder / "engine")
    faas("up", "--port", "0")
    try:
        with dressed(faas.state / "kubeconfig", folder) as world:
            yield world
    finally:
        faas("down")


@pytest.fixture
def cluster(cluster_engine: ClusterWorld) -> ClusterWorld:
    cluster_engine.reset()
    return cluster_engine


def _write_kubeconfigs(world: ClusterWorld) -> None:
    plugin = make_plugin(world.folder, _TOKENS["plugin"])
    users: dict[str, dict[str, Any]] = {
        "robot": {"token": _TOKENS["robot"]},
        "viewer": {"username": "viewer", "password": _PASSWORDS["viewer"]},
        "plugin": {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": str(plugin),
                "args": ["get-token"],
                "interactiveMode": "Never",
            }
        },
    }
    for name in _CERTIFICATES:
        certificate, key = make_client_certificate(world.folder, name)
        users[name] = {"client-certificate": str(certificate), "client-key": str(key)}
    for name, user in users.items():
        namespace = TEAM if name == "alice" else ""
        write_kubeconfig(world.kubeconfig(name), world.url, world.ca, user, context=name, namespace=namespace)


async def _make_namespace(world: ClusterWorld) -> None:
    from faas.client.errors import AlreadyExists
    from faas.resources.kinds import NAMESPACE

    async with world.direct() as client:
        try:
            await client.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TEAM}})
        except AlreadyExists:
            return
