"""Kubeconfigs that are odd or mean harm: said in a sentence, and nothing that is private in it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from faas.client.credentials.identity import credentials_of
from faas.client.credentials.plugins import ask_plugin
from faas.client.http.client import HttpClient
from faas.client.kubeconfigs.cluster import Cluster, Plugin
from faas.client.kubeconfigs.files import KubeconfigError
from faas.client.kubeconfigs.loading import load
from faas.client.kubeconfigs.servers import parse_server, without_password
from faas.client.places.contexts import list_contexts
from faas.client.places.state import State
from faas.resources.kinds import CONFIG_MAP

V1 = "client.authentication.k8s.io/v1"


def write(folder: Path, *, server: str = "https://127.0.0.1:1", user: str = "{token: t}", before: str = "") -> Path:
    path = folder / "config"
    path.write_text(
        f"{before}\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n"
        f'clusters: [{{name: k, cluster: {{server: "{server}"}}}}]\nusers: [{{name: u, user: {user}}}]\n'
    )
    return path


@pytest.mark.parametrize(
    "server",
    [
        "https://me:PRIVATE@host",
        "https://me:PRIVATE/x@host",
        "https://host:99999",
        "https://host:PRIVATE",
        "https://",
        "https://[::1",
        "https://host/?a=b",
        "https://host/a b",
        "https://host/\\n",
        "ftp://me:PRIVATE@host",
    ],
)
def test_a_server_that_cannot_be_used_is_an_error_without_its_password(tmp_path: Path, server: str) -> None:
    with pytest.raises(KubeconfigError, match="cluster 'k' has") as error:
        load(write(tmp_path, server=server))

    assert "PRIVATE" not in str(error.value)


@pytest.mark.parametrize("server", ["https://[::1]:6443", "https://rancher.example.com/k8s/clusters/c-1", "http://h:1"])
def test_a_server_may_have_a_path_and_any_address(server: str) -> None:
    assert parse_server(server + "/") == server


def test_contexts_are_listed_without_the_passwords_of_their_servers(tmp_path: Path) -> None:
    path = write(tmp_path, server="https://me:PRIVATE@host:1/path")

    (_, listed) = list_contexts(State(tmp_path / "state"), {"KUBECONFIG": str(path)})

    assert listed.server == "https://…@host:1/path"
    assert without_password("https://host/a@b") == "https://host/a@b"


def test_credentials_are_not_sent_in_clear(tmp_path: Path) -> None:
    cluster = load(write(tmp_path, server="http://10.0.0.1:8001", user="{token: t, username: a, password: b, as: c}"))

    assert (cluster.token, cluster.username, cluster.impersonation) == ("", "", ())


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("a: &a [*a]", id="a-list-of-itself"),
        pytest.param(
            "a0: &a0 [x, x, x, x]\n"
            + "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 4)}]" for i in range(1, 30)),
            id="aliases-of-aliases",
        ),
        pytest.param("a: 2026-99-99", id="no-day-of-any-calendar"),
    ],
)
def test_yaml_that_means_harm_is_an_error(tmp_path: Path, before: str) -> None:
    with pytest.raises(KubeconfigError):
        load(write(tmp_path, before=before))


@pytest.mark.parametrize("token", ['"PRI\\nVATE"', '"PRI\\rVATE"', '"PRIVATÉ"', '" "'])
def test_a_token_that_fits_into_no_header_is_not_quoted(tmp_path: Path, token: str) -> None:
    async def scenario() -> None:
        async with HttpClient(load(write(tmp_path, user=f"{{token: {token}}}"))) as client:
            await client.get(CONFIG_MAP, "x", "y")

    with pytest.raises(KubeconfigError, match="the token of user 'u' is no token") as error:
        asyncio.run(scenario())
    assert "PRI" not in str(error.value)


def test_a_token_may_have_a_line_end_after_it(tmp_path: Path) -> None:
    cluster = load(write(tmp_path, user='{token: "t\\n"}'))

    assert asyncio.run(credentials_of(cluster).identity()).authorization == "Bearer t"


def test_a_token_file_that_is_none_is_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"PRIVATE\xff")

    with pytest.raises(KubeconfigError, match="what tokenFile names") as error:
        asyncio.run(credentials_of(Cluster("https://k8s", token_file=path)).identity())
    assert "PRIVATE" not in str(error.value)


def test_a_proxy_on_a_port_that_there_cannot_be_is_not_quoted() -> None:
    async def scenario() -> None:
        async with HttpClient(Cluster("https://10.0.0.1", proxy_url="http://me:PRIVATE@127.0.0.1:99999")) as client:
            await client.get(CONFIG_MAP, "x", "y")

    with pytest.raises(KubeconfigError, match="the proxy that proxy-url names") as error:
        asyncio.run(scenario())
    assert "PRIVATE" not in str(error.value)


def plugin(code: str, *arguments: str, environment: tuple[tuple[str, str], ...] = ()) -> Plugin:
    return Plugin(sys.executable, ("-c", code, *arguments), environment, V1, "Never")


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        pytest.param(plugin("while True: print('x' * 65536)"), "printed more than", id="floods"),
        pytest.param(
            plugin(f'print(\'{{"apiVersion":"{V1}","kind":"ExecCredential","status":[1]}}\')'),
            "neither a token nor a certificate",
            id="status-that-is-none",
        ),
        pytest.param(plugin("", "a\0b"), "does not start", id="NUL"),
        pytest.param(plugin("", environment=(("a=b", ""),)), "does not start", id="variable-that-is-none"),
    ],
)
def test_a_plugin_that_misbehaves_is_said(asked: Plugin, reason: str) -> None:
    with pytest.raises(KubeconfigError, match=reason):
        asyncio.run(ask_plugin(asked))


def test_a_plugin_that_floods_stderr_is_heard_to_its_end() -> None:
    flood = "import sys; [sys.stderr.write('x' * 65536) for _ in range(100)]; sys.stderr.write('THE END'); sys.exit(1)"

    with pytest.raises(KubeconfigError) as error:
        asyncio.run(ask_plugin(plugin(flood)))

    assert str(error.value).endswith("THE END")
    assert len(str(error.value)) < 3000


def test_a_plugin_that_waits_for_its_user_finds_nobody() -> None:
    answer = f'{{"apiVersion":"{V1}","kind":"ExecCredential","status":{{"token":"t"}}}}'
    waits = f"import sys; sys.stdin.read(); print({answer!r})"

    assert asyncio.run(ask_plugin(plugin(waits))).token == "t"
