"""What a cluster is shown: tokens that are read again, passwords, certificates that are in no file."""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from faas.client.credentials.identity import Credentials, credentials_of
from faas.client.credentials.tls import make_context
from faas.client.kubeconfigs.cluster import Cluster
from faas.client.kubeconfigs.files import KubeconfigError
from tests.cluster.credentials import make_client_certificate, server_context


def shown(credentials: Credentials) -> str:
    return asyncio.run(credentials.identity()).authorization


def test_a_token_file_is_read_again_when_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("first\n")
    credentials = credentials_of(Cluster("https://k8s", token="stale", token_file=path))

    assert shown(credentials) == "Bearer first"
    (tmp_path / "new").write_text("second\n")
    os.replace(tmp_path / "new", path)
    assert shown(credentials) == "Bearer second"
    path.unlink()  # the moment between two
    assert shown(credentials) == "Bearer second"


def test_a_token_file_that_was_never_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="tokenFile names"):
        shown(credentials_of(Cluster("https://k8s", token_file=tmp_path / "none", source="config")))


def test_a_password_is_shown_as_basic_authentication() -> None:
    assert shown(credentials_of(Cluster("https://k8s", username="me", password="pw:1"))) == "Basic bWU6cHc6MQ=="


def test_whoever_has_nothing_shows_nothing() -> None:
    assert shown(credentials_of(Cluster("https://k8s"))) == ""


def test_a_certificate_of_the_kubeconfig_itself_is_used_and_in_no_file_afterwards(tmp_path: Path) -> None:
    server_context(tmp_path)
    certificate, key = make_client_certificate(tmp_path, "me")
    cluster = Cluster(
        "https://k8s",
        ca_data=(tmp_path / "ca.crt").read_text(),
        client_cert_data=certificate.read_text(),
        client_key_data=key.read_text(),
    )
    before = set(Path("/proc/self/fd").iterdir()) if Path("/proc/self/fd").exists() else set()

    context = make_context(cluster)

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert not [path for path in before ^ set(Path("/proc/self/fd").iterdir()) if "faas" in _target(path)]


def _target(path: Path) -> str:
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""


def test_a_key_with_a_password_is_an_error_and_no_question_on_the_terminal(tmp_path: Path) -> None:
    server_context(tmp_path)
    certificate, key = make_client_certificate(tmp_path, "me")
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    ca_data = (tmp_path / "ca.crt").read_text()
    cluster = Cluster("https://k8s", ca_data=ca_data, client_cert=certificate, client_key=key, user="me")

    with pytest.raises(KubeconfigError, match=r"client certificate of user 'me' cannot be used .* encrypted"):
        make_context(cluster)


def test_an_authority_that_is_none_is_an_error() -> None:
    with pytest.raises(KubeconfigError, match="certificate authority of context 'prod' cannot be used"):
        make_context(Cluster("https://k8s", ca_data="nonsense", context="prod"))


def test_the_system_is_believed_where_the_kubeconfig_names_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))

    context = make_context(Cluster("https://k8s"))

    assert any("faas" in str(authority["subject"]) for authority in context.get_ca_certs())
