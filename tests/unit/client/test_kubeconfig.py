"""Kubeconfigs: what is read from them, and what is said about broken ones."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from faas.client.kubeconfigs.files import KubeconfigError
from faas.client.kubeconfigs.loading import load

GOOD = """
current-context: faas
contexts:
- name: faas
  context: {cluster: c, user: u, namespace: shop}
- name: other
  context: {cluster: c, user: u}
clusters:
- name: c
  cluster: {server: "https://127.0.0.1:6443/", certificate-authority-data: CA}
users:
- name: u
  user: {token: t0ken}
""".replace("CA}", base64.b64encode(b"PEM").decode() + "}")


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    return path


def test_the_current_context_gives_server_authority_token_and_namespace(tmp_path: Path) -> None:
    cluster = load(write(tmp_path, GOOD))

    assert (cluster.server, cluster.ca_data, cluster.token, cluster.namespace) == (
        "https://127.0.0.1:6443",
        "PEM",
        "t0ken",
        "shop",
    )


def test_another_context_can_be_named(tmp_path: Path) -> None:
    assert load(write(tmp_path, GOOD), "other").namespace == "default"


def test_files_are_relative_to_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("FROM FILE")
    text = GOOD.replace(
        f"certificate-authority-data: {base64.b64encode(b'PEM').decode()}", "certificate-authority: ca.pem"
    )

    assert load(write(tmp_path, text)).ca_data == "FROM FILE"


@pytest.mark.parametrize(
    ("text", "reason", "hint"),
    [
        pytest.param("a: [", "it is not valid YAML at line 2", "faas down && faas up", id="yaml"),
        pytest.param("just text", "it holds no mapping", "faas down", id="no-mapping"),
        pytest.param("{}", "it has no current-context", "faas down", id="empty"),
        pytest.param(
            GOOD.replace("current-context: faas", ""), "it has no current-context", "faas, other", id="no-current"
        ),
        pytest.param(
            GOOD.replace("current-context: faas", "current-context: prod"),
            "no context 'prod'",
            "faas, other",
            id="context",
        ),
        pytest.param(GOOD.replace("name: c\n", "name: d\n"), "cluster 'c', which is not there", "faas", id="cluster"),
        pytest.param(GOOD.replace("https://127", "ftp://127"), "no usable server", "", id="server"),
        pytest.param(
            GOOD.replace("token: t0ken", "exec: {command: aws}"),
            "has no apiVersion",
            "client.authentication",
            id="exec",
        ),
        pytest.param(GOOD.replace("authority-data: ", "authority-data: %%%"), "valid YAML", "", id="damaged"),
        pytest.param(GOOD.replace("authority-data: ", "authority-data: _"), "is not base64", "", id="not-base64"),
    ],
)
def test_a_broken_one_says_what_is_wrong_and_what_to_do(tmp_path: Path, text: str, reason: str, hint: str) -> None:
    path = write(tmp_path, text)

    with pytest.raises(KubeconfigError) as error:
        load(path)

    assert str(path) in str(error.value)
    assert reason in error.value.reason
    assert hint in error.value.hint


def test_a_missing_one_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError) as error:
        load(tmp_path / "none")

    assert (error.value.reason, error.value.hint) == (
        "there is no such file",
        "Start the engine, which writes it:  faas up",
    )
