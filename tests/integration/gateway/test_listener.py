"""TLS on the public listener, traces, and the routing state on disk."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ssl
import tempfile
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from faas.engine.contract.dataplane import EndpointEntry, Endpoints, RevisionPolicy, Split, Table, Target
from faas.engine.gateway.memory import Snapshot, load, save
from faas.engine.gateway.server import Options, running_gateway
from faas.engine.gateway.tracing import make_tracer


def make_certificate(directory: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hello.default.localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (directory / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return directory / "cert.pem", directory / "key.pem"


def test_the_public_listener_speaks_tls_with_http1_and_http2(kit: Any) -> None:
    async def instance(reader: Any, writer: Any) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                proto = b"https" if b"x-forwarded-proto: https\r\n" in head else b"http"
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(proto), proto))

    async def scenario() -> None:
        with tempfile.TemporaryDirectory(prefix="gw") as name, kit.sockets(Path(name)) as (plain, address):
            cert, key = make_certificate(Path(name))
            settings = msgspec.structs.replace(plain, tls_cert=cert, tls_key=key)
            server = await asyncio.start_unix_server(instance, f"{name}/i1.sock")
            trust = ssl.create_default_context(cafile=str(cert))
            async with running_gateway(settings, Options()) as gateway:
                policy = RevisionPolicy("default/r", "default", "hello", "hello")
                target = Target("default", "hello", "hello", "", (Split("default/r", 100),), public=True)
                gateway.update_table(
                    Table(
                        1,
                        {"hello.default.localhost": "default/hello"},
                        {"default/hello": target},
                        {"default/r": policy},
                    )
                )
                gateway.update_endpoints(Endpoints("default/r", (EndpointEntry("i1", f"unix:{name}/i1.sock"),)))
                for http2 in (False, True):
                    async with httpx.AsyncClient(verify=trust, http2=http2, trust_env=False) as client:
                        answer = await client.get(
                            f"https://127.0.0.1:{address[1]}/",
                            headers={"host": "hello.default.localhost"},
                            extensions={"sni_hostname": "hello.default.localhost"},
                        )
                    assert (answer.http_version, answer.text) == ("HTTP/2" if http2 else "HTTP/1.1", "https")
            server.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())


class Recorder:
    """A tracer that keeps what it is told."""

    def __init__(self) -> None:
        self.spans: list[tuple[bytes, int]] = []

    def start(self, method: bytes, target: bytes, service: str, traceparent: bytes) -> Any:
        recorder = self

        class Span:
            def __init__(self) -> None:
                self.traceparent = traceparent[:36] + b"00000000000000aa-01"

            def finish(self, status: int) -> None:
                recorder.spans.append((traceparent, status))

        return Span()

    def close(self) -> None:
        pass


def test_a_recorded_request_is_the_parent_of_what_the_instance_does(kit: Any) -> None:
    seen: list[bytes] = []
    incoming = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    async def handler(reader: Any, writer: Any) -> None:
        seen.append(await kit.read_head(reader))
        writer.write(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n")

    async def scenario(world: Any) -> None:
        world.gateway.tracer = recorder = Recorder()
        await world.serve(handler)
        await world.get(extra=b"traceparent: " + incoming + b"\r\n")
        assert b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-00000000000000aa-01\r\n" in seen[0]
        assert recorder.spans == [(incoming, 201)]

    kit.run(scenario)


def test_spans_have_the_trace_of_the_request_when_an_exporter_is_configured() -> None:
    assert make_tracer({}) is None
    tracer = make_tracer({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    assert tracer is not None
    incoming = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    span = tracer.start(b"GET", b"/x?secret=1", "hello", incoming)
    assert span.traceparent.startswith(b"00-0af7651916cd43dd8448eb211c80319c-")
    assert span.traceparent != incoming


def test_the_routing_state_survives_on_disk_and_a_damaged_one_is_no_state(tmp_path: Path) -> None:
    snapshot = Snapshot(Table(3, {"a": "n/a"}), (Endpoints("n/r", (EndpointEntry("i", "unix:/x"),)),))
    save(tmp_path / "state", snapshot)
    assert load(tmp_path / "state") == snapshot
    (tmp_path / "state").write_bytes(b'{"table":')
    assert load(tmp_path / "state") is None
    assert load(tmp_path / "missing") is None
