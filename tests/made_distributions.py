"""Wheels and source distributions made on the spot, for any platform, and a package index that serves them."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import io
import struct
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Literal

MACHINES = {"amd64": 62, "arm64": 183}


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    tag: str = "py3-none-any",
    files: Mapping[str, str | bytes] | None = None,
    requires: tuple[str, ...] = (),
    scripts: Mapping[str, str] | None = None,
    python: str = "",
) -> Path:
    """A wheel as a publisher makes it; without `files` it has a module that knows its version."""
    info = f"{name}-{version}.dist-info"
    content = dict(files or {f"{name}.py": f"VERSION = {version!r}\n"})
    needs = f"Requires-Python: {python}\n" if python else ""
    content[f"{info}/METADATA"] = _metadata(name, version, requires) + needs
    pure = str(tag.endswith("-any")).lower()
    content[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: {pure}\nTag: {tag}\n"
    if scripts:
        lines = "".join(f"{script} = {target}\n" for script, target in scripts.items())
        content[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}"
    path = folder / f"{name}-{version}-{tag}.whl"
    records = []
    with zipfile.ZipFile(path, "w") as archive:
        for file, data in content.items():
            encoded = data.encode() if isinstance(data, str) else data
            archive.writestr(zipfile.ZipInfo(file, (2020, 1, 1, 0, 0, 0)), encoded)
            digest = base64.urlsafe_b64encode(hashlib.sha256(encoded).digest()).rstrip(b"=").decode()
            records.append(f"{file},sha256={digest},{len(encoded)}\n")
        record = "".join(records) + f"{info}/RECORD,,\n"
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD", (2020, 1, 1, 0, 0, 0)), record)
    return path


Native = Literal["no", "tagged", "untagged"]


def make_sdist(
    folder: Path, name: str, version: str, *, native: Native = "no", machine: str = "amd64", fails: bool = False
) -> Path:
    """A source distribution with a build backend of its own, so that building it needs no network.

    Args: native: whether its wheel has an extension for the Python that builds it, and says so in its tag.
    """
    files = source_files(name, version, native=native, machine=machine, fails=fails)
    files["PKG-INFO"] = _metadata(name, version, ())
    path = folder / f"{name}-{version}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for file, text in files.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{file}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def source_files(
    name: str, version: str, *, native: Native = "no", machine: str = "amd64", fails: bool = False
) -> dict[str, str]:
    """The folder of a project that can be built, by path."""
    extension = elf(machine, glibc=(2, 17)) if native != "no" else b""
    backend = _BACKEND.format(
        name=name,
        version=version,
        native=native,
        extension=extension,
        fails=fails,
        metadata=_metadata(name, version, ()),
    )
    system = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    project = f'[project]\nname = "{name}"\nversion = "{version}"\n'
    return {"pyproject.toml": project + system, "backend.py": backend, f"{name}.py": f"VERSION = {version!r}\n"}


_BACKEND = """
import pathlib, sys, sysconfig, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    if {fails!r}:
        sys.exit("no compiler in sight")
    tag = "py3-none-any"
    if {native!r} == "tagged":
        python = "cp%d%d" % sys.version_info[:2]
        tag = python + "-" + python + "-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")
    name = f"{name}-{version}-{{tag}}.whl"
    info = "{name}-{version}.dist-info"
    files = {{"{name}.py": pathlib.Path("{name}.py").read_bytes(), info + "/METADATA": {metadata!r}}}
    if {native!r} != "no":
        files["_{name}" + sysconfig.get_config_var("EXT_SUFFIX")] = {extension!r}
    files[info + "/WHEEL"] = f"Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: {{tag}}\\n"
    with zipfile.ZipFile(folder + "/" + name, "w") as archive:
        for file, data in files.items():
            archive.writestr(file, data)
        archive.writestr(info + "/RECORD", "".join(file + ",,\\n" for file in files))
    return name

def build_editable(folder, config_settings=None, metadata_directory=None):
    return build_wheel(folder)

def get_requires_for_build_wheel(config_settings=None):
    return []

get_requires_for_build_editable = get_requires_for_build_wheel
"""


def _metadata(name: str, version: str, requires: tuple[str, ...]) -> str:
    lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}"


def elf(machine: str, *, glibc: tuple[int, int] | None = None, needed: tuple[str, ...] = ("libc.so.6",)) -> bytes:
    """The smallest shared object that says for which machine it is, which libraries and which glibc it needs."""
    strings = b"\0"
    places = []
    for text in (*needed, f"GLIBC_{glibc[0]}.{glibc[1]}" if glibc else ""):
        places.append(len(strings))
        strings += text.encode() + b"\0"
    head, table = 64, 2 * 56
    strings_at = head + table
    versions_at = strings_at + len(strings)
    versions = struct.pack("<HHIII", 1, 1, places[0], 16, 0) + struct.pack("<IHHII", 0, 0, 2, places[-1], 0)
    dynamic_at = versions_at + len(versions)
    entries = [*((1, place) for place in places[:-1]), (5, strings_at), (10, len(strings))]
    entries += [(0x6FFFFFFE, versions_at), (0x6FFFFFFF, 1)] if glibc else []
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in [*entries, (0, 0)])
    total = dynamic_at + len(dynamic)
    start = b"\x7fELF\x02\x01\x01" + bytes(9)
    start += struct.pack("<HHIQQQIHHHHHH", 3, MACHINES[machine], 1, 0, head, 0, 0, 64, 56, 2, 64, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, total, total, 4096)
    where = struct.pack("<IIQQQQQQ", 2, 4, dynamic_at, dynamic_at, dynamic_at, len(dynamic), len(dynamic), 8)
    return start + load + where + strings + versions + dynamic


@dataclass
class PackageIndex:
    """A simple index over a folder of distributions. Source: PEP 503."""

    folder: Path
    port: int
    user: str = ""  # user:password, that everything needs
    asked: list[str] = field(default_factory=list)  # paths, in the order of the requests
    held: Event = field(default_factory=Event)  # set when a file was asked for that is held back
    release: Event | None = None  # files wait for it

    @property
    def url(self) -> str:
        return f"http://{self._place}/simple/"

    @property
    def url_with_user(self) -> str:
        return f"http://{self.user}@{self._place}/simple/"

    @property
    def _place(self) -> str:
        return f"127.0.0.1:{self.port}/{self.name}"

    @property
    def name(self) -> str:
        """Of this index alone: uv may have cached what another one had at the same port."""
        return hashlib.sha256(bytes(self.folder)).hexdigest()[:12]


@contextlib.contextmanager
def package_index(folder: Path, user: str = "") -> Iterator[PackageIndex]:
    """Serve what lies in `folder`, also what comes later."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    index = PackageIndex(folder, server.server_address[1], user)
    server.index = index  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        index: PackageIndex = self.server.index  # type: ignore[attr-defined]
        index.asked.append(self.path)
        wanted = "Basic " + base64.b64encode(index.user.encode()).decode()
        if index.user and self.headers.get("Authorization") != wanted:
            self._answer(401, "text/plain", b"who are you?")
            return
        kind, _, name = self.path.strip("/").removeprefix(index.name).strip("/").partition("/")
        if kind == "simple":
            files = sorted(index.folder.glob(f"{name.replace('-', '_')}-*"))
            links = "".join(_link(file, index.name) for file in files)
            self._answer(
                200 if files else 404, "text/html", f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
            )
        elif kind == "files" and (index.folder / name).is_file():
            if index.release is not None and not index.release.is_set():
                index.held.set()
                index.release.wait(30)
            self._answer(200, "application/octet-stream", (index.folder / name).read_bytes())
        else:
            self._answer(404, "text/plain", b"no such file")

    do_HEAD = do_GET

    def _answer(self, status: int, media_type: str, body: bytes) -> None:
        with contextlib.suppress(ConnectionError):  # who asked may have been killed
            self._write(status, media_type, body)

    def _write(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="packages"')
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _link(file: Path, index: str) -> str:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    name = html.escape(file.name)
    return f'<a href="/{index}/files/{name}#sha256={digest}">{name}</a>\n'


THIS_MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
