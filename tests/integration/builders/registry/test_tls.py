"""Whose certificates are believed, and what goes through a proxy."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from faas_builders.errors import NotInRegistry, RegistryError, RegistryUnreachable
from faas_builders.registry.client import Registry
from faas_builders.registry.credentials import ConfigFile
from faas_builders.registry.tls import make_context
from faas_builders.registry.uploads import upload_blob

from tests.containers_world import RunningRegistry, registry
from tests.integration.builders.registry.conftest import Client
from tests.integration.builders.registry.faulty import FaultyRegistry, answers, faulty_registry

__all__ = ["registry"]

NAME = "registry.test"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with cert.pem, which is its own authority, and key.pem."""
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    names = [x509.DNSName(NAME), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*plain))
    return folder


@pytest.fixture
def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


@pytest.fixture
def secured(server_context: ssl.SSLContext) -> Iterator[FaultyRegistry]:
    with faulty_registry(server_context) as registry:
        yield registry


@pytest.fixture
def proxied(secured: FaultyRegistry, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The proxy of the environment knows `registry.test`; the hosts that it was asked for."""
    with proxy_to(int(secured.host.rpartition(":")[2])) as (proxy, asked):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        yield asked


@contextmanager
def proxy_to(port: int) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Tunnel(StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline().decode().split()[1])
            while self.rfile.readline().strip():
                pass
            with socket.create_connection(("127.0.0.1", port)) as upstream:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=_copy, args=(upstream, self.connection))
                back.start()
                _copy(self.connection, upstream)
                back.join()

    class Server(ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Tunnel) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def is_asked(registry: Registry) -> bool:
    """Whether we get through to it: it has no such image."""
    with registry, pytest.raises(NotInRegistry):
        registry.manifest("shop", "1.0")
    return True


def test_a_certificate_that_nobody_vouches_for(proxied: list[str]) -> None:
    with Client(NAME) as client, pytest.raises(RegistryUnreachable) as caught:
        client.manifest("shop", "1.0")
    assert f"{NAME} has a certificate that nobody vouches for" in caught.value.message
    assert f"/etc/docker/certs.d/{NAME}/ca.crt" in caught.value.hint
    assert client.waits == []


def test_an_authority_of_ssl_cert_file_through_a_proxy(
    proxied: list[str], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    assert is_asked(Client(NAME))
    assert proxied == [f"{NAME}:443"]


def test_insecure_believes_any_certificate(proxied: list[str]) -> None:
    assert is_asked(Registry(NAME, insecure=True))


def test_this_machine_may_have_any_certificate_and_needs_no_proxy(secured: FaultyRegistry, proxied: list[str]) -> None:
    assert is_asked(Client(secured.host))
    assert proxied == []


def test_a_registry_without_tls_is_said_so(registry: RunningRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy_to(registry.port) as (proxy, _):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with Client(NAME) as client, pytest.raises(RegistryUnreachable, match=f"{NAME} does not speak TLS") as caught:
            client.manifest("shop", "1.0")
        assert caught.value.hint == "If it may be plain HTTP: insecure = true in [tool.faas.build], or --insecure."


def test_a_proxy_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "ftp://proxy.test")
    with Client(NAME) as client, pytest.raises(RegistryUnreachable, match="the proxy that the environment names"):
        client.manifest("shop", "1.0")


def connect(registry: FaultyRegistry, context: ssl.SSLContext) -> None:
    host, _, port = registry.host.partition(":")
    with socket.create_connection((host, int(port))) as plain, context.wrap_socket(plain, server_hostname=host) as sock:
        sock.sendall(b"GET /v2/ HTTP/1.0\r\n\r\n")
        assert sock.recv(12) == b"HTTP/1.1 200"


def test_an_authority_of_the_registrys_folder(secured: FaultyRegistry, certificate: Path, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(secured, make_context(secured.host, verified=True, folders=(tmp_path,)))
    (tmp_path / secured.host).mkdir()
    (tmp_path / secured.host / "ca.crt").write_bytes((certificate / "cert.pem").read_bytes())
    connect(secured, make_context(secured.host, verified=True, folders=(tmp_path,)))


def test_a_certificate_of_our_own_from_the_registrys_folder(
    server_context: ssl.SSLContext, certificate: Path, tmp_path: Path
) -> None:
    server_context.verify_mode = ssl.CERT_REQUIRED
    server_context.load_verify_locations(certificate / "cert.pem")
    with faulty_registry(server_context) as registry:
        (tmp_path / registry.host).mkdir()
        (tmp_path / registry.host / "client.cert").write_bytes((certificate / "cert.pem").read_bytes())
        (tmp_path / registry.host / "client.key").write_bytes((certificate / "key.pem").read_bytes())
        connect(registry, make_context(registry.host, verified=False, folders=(tmp_path,)))


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "ca.crt").write_text("nothing")
    with pytest.raises(RegistryError, match=f"{tmp_path}/{NAME}/ca.crt cannot be used as a certificate"):
        make_context(NAME, verified=True, folders=(tmp_path,))


def test_credentials_do_not_go_to_a_token_server_in_the_clear(secured: FaultyRegistry) -> None:
    with faulty_registry() as listener:
        secured.realm = f"http://{listener.host}/token"
        keychain = ConfigFile.parse(b'{"auths": {"%s": {"auth": "YW5uOnNlY3JldA=="}}}' % secured.host.encode(), "test")
        with (
            Client(secured.host, credentials=keychain) as client,
            pytest.raises(RegistryError, match="must not send credentials to: http://127"),
        ):
            client.manifest("shop", "1.0")
        assert listener.seen == []


def test_a_registry_with_tls_does_not_send_us_to_where_nothing_is_protected(secured: FaultyRegistry) -> None:
    with faulty_registry() as elsewhere, Client(secured.host) as client:
        digest = secured.put_blob("shop", b"data")
        secured.blobs_at = f"http://{elsewhere.host}"
        with pytest.raises(RegistryError, match="redirects to where nothing is protected"):
            client.open_blob("shop", digest)


def test_a_registry_that_does_not_know_of_its_proxy_with_tls(secured: FaultyRegistry, tmp_path: Path) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(b"data")
    place = f"http://{secured.host}/v2/shop/blobs/uploads/0"
    secured.uploads["0"] = bytearray()
    secured.on("POST", "/uploads/", answers(202, Location=place))
    with Client(secured.host) as client:
        assert upload_blob(client, "shop", secured.put_blob("", b"data"), blob) == "sent"
