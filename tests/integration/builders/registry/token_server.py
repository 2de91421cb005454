"""A token server: who may do what with which repository, told to docker-registry in a JWT."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from tests.integration.builders.registry.faulty import serving

SERVICE, ISSUER = "registry.test", "issuer.test"


@dataclass
class TokenServer:
    users: dict[str, str]
    identity_token: str = ""
    url: str = ""
    fixed: str = ""  # what it gives instead of a JWT
    ended: int = 0  # so many tokens whose time is over
    status: int = 200
    asked: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @cached_property
    def certificate(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def settings(self, folder: Path) -> str:
        """Lines for docker-registry's configuration."""
        folder.mkdir(parents=True, exist_ok=True)
        bundle = folder / "tokens.pem"
        bundle.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        lines = {"realm": self.url, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(bundle)}
        return "auth:\n  token:\n" + "".join(f"    {name}: {value}\n" for name, value in lines.items())

    def make_token(self, user: str, scopes: list[str]) -> str:
        now = int(time.time())
        ends = now + 300
        with self.lock:
            if self.ended:
                self.ended, ends = self.ended - 1, now - 100
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",") if user else ["pull"]})
        claims = {
            "iss": ISSUER,
            "sub": user,
            "aud": SERVICE,
            "exp": ends,
            "nbf": now - 1000,
            "iat": now - 1000,
            "jti": "1",
            "access": access,
        }
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
        r, s = decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextmanager
def token_server(users: dict[str, str], **settings: Any) -> Iterator[TokenServer]:
    server = TokenServer(users, **settings)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            kind, _, encoded = self.headers.get("Authorization", "").partition(" ")
            user, _, password = base64.b64decode(encoded).decode().partition(":")
            server.asked.append({"method": "GET", "user": user, **query})
            if kind and server.users.get(user) != password:
                self._answer(401, {"details": "incorrect username or password"})
            else:
                self._give(user, query.get("scope", []))

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            server.asked.append({"method": "POST", **form})
            if not server.identity_token or form["refresh_token"] != [server.identity_token]:
                self._answer(401, {"details": "no such token"})
            else:
                self._give("identified", form["scope"][0].split(), "access_token")

        def _give(self, user: str, scopes: list[str], name: str = "token") -> None:
            self._answer(server.status, {name: server.fixed or server.make_token(user, scopes), "expires_in": 300})

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

    with serving(Handler) as port:
        server.url = f"http://127.0.0.1:{port}/token"
        yield server
