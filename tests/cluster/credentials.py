"""A cluster's CA, what its users prove themselves with, and the kubeconfig files that say so."""

from __future__ import annotations

import ssl
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from faas.engine.api.certificates import make_certificates


def server_context(folder: Path) -> ssl.SSLContext:
    """TLS that asks for a certificate of this CA and does without; makes what is missing in `folder`."""
    make_certificates(folder, datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.load_verify_locations(folder / "ca.crt")
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def make_client_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """NAME.crt and NAME.key, signed by the CA in `folder`."""
    ca = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    ca_key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate_file, key_file = folder / f"{name}.crt", folder / f"{name}.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(private)
    key_file.chmod(0o600)
    return certificate_file, key_file


def make_plugin(folder: Path, token: str) -> Path:
    """A credential plugin that prints `token`, and notes each call in `plugin.calls` beside it."""
    (folder / "plugin.token").write_text(token)
    path = folder / "plugin"
    path.write_text(
        f"#!{sys.executable}\n"
        "import json, os, pathlib, sys\n"
        "here = pathlib.Path(__file__).parent\n"
        "with open(here / 'plugin.calls', 'a') as calls:\n"
        "    info = os.environ.get('KUBERNETES_EXEC_INFO')\n"
        "    print(json.dumps({'arguments': sys.argv[1:], 'info': info}), file=calls)\n"
        "asked = json.loads(info)\n"
        "status = {'token': (here / 'plugin.token').read_text()}\n"
        "print(json.dumps({'apiVersion': asked['apiVersion'], 'kind': 'ExecCredential', 'status': status}))\n"
    )
    path.chmod(0o755)
    return path


def write_kubeconfig(path: Path, server: str, ca: Path, user: dict[str, Any], *, context: str, namespace: str) -> Path:
    cluster = {"server": server, "certificate-authority": str(ca)}
    inner = {"cluster": "cluster", "user": context, **({"namespace": namespace} if namespace else {})}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": context, "user": user}],
        "contexts": [{"name": context, "context": inner}],
    }
    path.write_text(yaml.safe_dump(document))
    path.chmod(0o600)
    return path
