"""What builders and containers are tested with: this machine's Docker engine, a registry, images of Debian packages.

Each fixture skips its test, and says why, where its program is missing. Nothing is pulled from anywhere but Debian:
images are made here, once a user and machine, from packages that apt downloads.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.programs import Program, find_program, free_port, running_program

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
EPOCH = 1_700_000_000

_PYTHON = (
    "busybox-static", "libbz2-1.0", "libc6", "libcrypt1", "libexpat1", "libffi8", "libgcc-s1", "liblzma5",
    "libncursesw6", "libpython3.11-minimal", "libpython3.11-stdlib", "libreadline8", "libsqlite3-0", "libssl3",
    "libstdc++6", "libtinfo6", "libuuid1", "media-types", "python3.11", "python3.11-minimal", "zlib1g",
)  # fmt: skip
_APPLETS = (
    "cat", "echo", "env", "false", "httpd", "id", "kill", "ls", "mkdir", "nc", "ps", "sh", "sleep", "stat", "test",
    "touch", "true", "wget",
)  # fmt: skip


@dataclass(frozen=True)
class MadeImage:
    """An image of one layer, as files: `layer` is tar.gz, `config` the image's configuration."""

    layer: Path
    config: bytes

    @property
    def manifest(self) -> bytes:
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor("application/vnd.oci.image.config.v1+json", self.config),
            "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar+gzip", self.layer.read_bytes())],
        }
        return json.dumps(document).encode()

    @property
    def digest(self) -> str:
        return _digest(self.manifest)

    def push(self, registry: RunningRegistry, repository: str, tag: str = "latest") -> str:
        """Put it into a registry, in the plainest way there is; returns the reference by digest."""
        for data in (self.layer.read_bytes(), self.config):
            registry.upload(repository, data)
        registry.put_manifest(repository, tag, self.manifest)
        return f"{registry.host}/{repository}@{self.digest}"

    def layout(self, folder: Path, tag: str = "latest") -> Path:
        """Write it as an OCI image layout."""
        blobs = folder / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        for data in (self.layer.read_bytes(), self.config, self.manifest):
            (blobs / _digest(data).removeprefix("sha256:")).write_bytes(data)
        entry = _descriptor(MANIFEST, self.manifest) | {"annotations": {"org.opencontainers.image.ref.name": tag}}
        (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        return folder

    def load(self, client: Any, name: str) -> str:
        """Have the Docker engine know it as `name`; returns its image id."""
        with tempfile.TemporaryFile() as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                tar.add(self.layer, "layer.tar")
                _add(tar, "config.json", self.config)
                entry = {"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}
                _add(tar, "manifest.json", json.dumps([entry]).encode())
            file.seek(0)
            (image,) = client.images.load(file)
        return str(image.id)

    def reconfigured(self, **config: Any) -> MadeImage:
        """The same files with another configuration: Cmd, Env, User, ..."""
        document = json.loads(self.config)
        document["config"] |= config
        return MadeImage(self.layer, json.dumps(document).encode())


@dataclass
class RunningRegistry:
    """docker-registry on loopback, plain HTTP."""

    port: int
    data: Path
    program: Program  # to end it and to start it again
    auth: tuple[str, str] | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=headers, auth=self.auth, trust_env=False)

    def tags(self, repository: str) -> list[str]:
        answer = self.get(f"/v2/{repository}/tags/list")
        return sorted(answer.json().get("tags") or []) if answer.status_code == 200 else []

    def manifest(self, repository: str, reference: str) -> dict[str, Any]:
        accept = f"{MANIFEST}, application/vnd.oci.image.index.v1+json"
        return dict(self.get(f"/v2/{repository}/manifests/{reference}", Accept=accept).raise_for_status().json())

    def upload(self, repository: str, data: bytes) -> None:
        with httpx.Client(auth=self.auth, trust_env=False, timeout=60) as client:
            begun = client.post(f"{self.url}/v2/{repository}/blobs/uploads/").raise_for_status()
            place = httpx.URL(begun.headers["location"]).copy_merge_params({"digest": _digest(data)})
            client.put(place, content=data).raise_for_status()

    def put_manifest(self, repository: str, tag: str, data: bytes) -> None:
        place = f"{self.url}/v2/{repository}/manifests/{tag}"
        headers = {"content-type": json.loads(data)["mediaType"]}
        httpx.put(place, content=data, headers=headers, auth=self.auth, trust_env=False).raise_for_status()


@contextlib.contextmanager
def running_registry(folder: Path, extra: str = "", auth: tuple[str, str] | None = None) -> Iterator[RunningRegistry]:
    """Run docker-registry; skips without it. Args: extra: more lines of its configuration."""
    program, port = find_program("docker-registry"), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "registry.yml"
    settings.write_text(
        f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {folder}/data\n  delete:\n    enabled: true\n"
        f"http:\n  addr: 127.0.0.1:{port}\n  secret: of-this-test\n{extra}"
    )
    with running_program([program, "serve", str(settings)], port, folder) as server:
        yield RunningRegistry(port, folder / "data", server, auth)


def htpasswd(folder: Path, user: str, password: str) -> str:
    """Lines of the configuration for basic authentication; pass `auth=(user, password)` too."""
    import bcrypt

    folder.mkdir(parents=True, exist_ok=True)
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode()
    (folder / "htpasswd").write_text(f"{user}:{hashed}\n")
    return f"auth:\n  htpasswd:\n    realm: test\n    path: {folder}/htpasswd\n"


@pytest.fixture(scope="session")
def docker() -> Iterator[Any]:
    """A client of the Docker engine that the usual variables name."""
    sdk = pytest.importorskip("docker")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the SDK forgets the socket with which it could not connect
        client, why = _connected(sdk)
        gc.collect()
    if client is None:
        pytest.skip(f"no Docker engine answers (DOCKER_HOST, or dockerd of Debian's docker.io): {why}")
    yield client
    client.close()


def _connected(sdk: Any) -> tuple[Any, str]:
    """A client that was answered; or None, and why there is none."""
    try:
        client = sdk.from_env(timeout=60)
        client.ping()
    except sdk.errors.DockerException as error:
        return None, str(error)
    return client, ""


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="session")
def debian_base() -> MadeImage:
    return make_debian_base()


def make_debian_base() -> MadeImage:
    """Python 3.11 of Debian at /usr/bin/python3.11, a shell, nothing else: what python:slim is elsewhere."""
    layer = _made_once("python", _PYTHON, _with_python)
    return _image(layer, {"Cmd": ["python3"], "Env": [_PATH, "LANG=C.UTF-8"]})


@pytest.fixture(scope="session")
def busybox() -> MadeImage:
    """A shell and `httpd`; its command serves /www on $PORT (8080 without)."""
    layer = _made_once("busybox", ["busybox-static"], _with_busybox)
    command = ["/bin/sh", "-c", "exec httpd -f -p ${PORT:-8080} -h /www"]
    return _image(layer, {"Cmd": command, "Env": [_PATH]})


_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _with_python(root: Path) -> None:
    _with_busybox(root)
    (root / "usr/bin/python3").symlink_to("python3.11")
    for folder in ("usr/share/doc", "usr/share/man", "usr/share/lintian", "usr/lib/python3.11/test"):
        shutil.rmtree(root / folder, ignore_errors=True)


def _with_busybox(root: Path) -> None:
    bin = root / "bin"
    bin.mkdir(exist_ok=True)
    if not (bin / "busybox").exists():
        shutil.copy(root / "usr/bin/busybox", bin / "busybox")
    for applet in _APPLETS:
        (bin / applet).symlink_to("busybox")
    (root / "www").mkdir()
    (root / "www/index.html").write_text("hello from a shell\n")
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    (root / "tmp").mkdir(exist_ok=True)


def _made_once(name: str, packages: Sequence[str], finish: Callable[[Path], None]) -> Path:
    """A layer of Debian packages: made once, also when several test processes want it at the same time."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        pytest.skip("images are made of Debian packages, and this machine has no apt-get")
    key = hashlib.sha256(f"1 {name} {' '.join(packages)}".encode()).hexdigest()[:12]
    cache = Path(tempfile.gettempdir()) / f"faas-test-images-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    layer = cache / f"{name}-{key}.tar.gz"
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not layer.exists():
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                root = _unpacked(Path(folder), packages)
                finish(root)
                part = Path(folder) / "layer"
                _write_layer(root, part)
                part.rename(layer)
    return layer


def _unpacked(folder: Path, packages: Sequence[str]) -> Path:
    command = ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", *packages]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"apt-get cannot download the packages of a test image: {done.stderr.strip()[-300:]}")
    root = folder / "root"
    for package in sorted(folder.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", package, root], check=True)
    return root


def _write_layer(root: Path, out: Path) -> None:
    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        info.mtime = EPOCH
        if info.name == "tmp":
            info.mode = 0o1777
        return info

    with gzip.GzipFile(out, "wb", 3, mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for path in sorted(root.rglob("*")):
            tar.add(path, str(path.relative_to(root)), recursive=False, filter=plain)


def _image(layer: Path, config: dict[str, Any]) -> MadeImage:
    with gzip.open(layer) as plain:
        diff_id = "sha256:" + hashlib.file_digest(plain, "sha256").hexdigest()
    document = {
        "architecture": ARCHITECTURE,
        "os": "linux",
        "created": "2023-11-14T22:13:20Z",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": "2023-11-14T22:13:20Z", "created_by": "Debian packages"}],
    }
    return MadeImage(layer, json.dumps(document).encode())


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
