"""Certificates and token of the API server: made once, kept, renewed in time, shared by engines that come and go."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from faas.engine.api.certificates import make_certificates
from faas.engine.api.kubeconfig import make_kubeconfig
from faas.engine.api.tls import SERVER, Credentials, ensure_credentials

NOW = datetime.now(UTC)


def certificate(directory: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((directory / SERVER).read_bytes())


@pytest.fixture
def made(tmp_path: Path) -> Path:
    make_certificates(tmp_path, NOW)
    return tmp_path


def test_a_first_start_makes_what_a_server_can_use(tmp_path: Path) -> None:
    credentials = ensure_credentials(tmp_path / "shared", tmp_path / "own" / "token")

    assert isinstance(credentials.server_context(), ssl.SSLContext)
    ca = x509.load_pem_x509_certificate(credentials.ca_pem)
    certificate(tmp_path / "shared").verify_directly_issued_by(ca)
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["token"]


def test_certificates_are_shared_and_tokens_are_not(made: Path, tmp_path: Path) -> None:
    one = ensure_credentials(made, tmp_path / "a" / "token")
    other = ensure_credentials(made, tmp_path / "b" / "token")

    assert (one.certificate, one.ca_pem) == (other.certificate, other.ca_pem)
    assert one.token != other.token
    assert ensure_credentials(made, tmp_path / "a" / "token").token == one.token


@pytest.mark.parametrize(("days", "renewed"), [(366, False), (368, True)])
def test_a_certificate_is_renewed_a_month_before_it_ends_by_the_same_authority(
    made: Path, days: int, renewed: bool
) -> None:
    before, ca = certificate(made), (made / "ca.crt").read_bytes()

    make_certificates(made, NOW + timedelta(days=days))

    assert (certificate(made) != before) is renewed
    assert (made / "ca.crt").read_bytes() == ca


@pytest.mark.parametrize("content", [b"", b"# renew after soon\n", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_file_that_does_not_say_when_it_ends_is_made_again(made: Path, content: bytes) -> None:
    (made / SERVER).write_bytes(content)

    make_certificates(made, NOW)

    assert certificate(made).not_valid_after_utc > NOW + timedelta(days=300)


@pytest.mark.parametrize("token", ["-starts-with-a-dash", "123", "plain"])
def test_the_kubeconfig_is_what_clients_read(token: str, tmp_path: Path) -> None:
    config = yaml.safe_load(make_kubeconfig(Credentials(tmp_path / SERVER, b"CA", token), 16443))

    assert (config["apiVersion"], config["kind"]) == ("v1", "Config")
    assert config["clusters"][0]["cluster"] == {
        "server": "https://127.0.0.1:16443",
        "certificate-authority-data": "Q0E=",
    }
    assert config["users"] == [{"name": "faas", "user": {"token": token}}]
    assert config["contexts"][0]["context"] == {"cluster": "faas", "user": "faas", "namespace": "default"}
    assert config["current-context"] == "faas"
