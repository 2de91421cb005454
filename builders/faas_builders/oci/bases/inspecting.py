"""What a base image has that its config does not say: its Python, its C library, certificates, a home."""

from __future__ import annotations

import hashlib
import posixpath
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Literal, cast

import msgspec

from faas_builders.deps.interpreter import MINIMUM
from faas_builders.elf import HEAD_BYTES, Program, read_program
from faas_builders.errors import BaseImageError
from faas_builders.oci.bases.filesystem import Filesystem
from faas_builders.oci.layers.compression import uncompressed
from faas_builders.oci.layers.limits import Budget
from faas_builders.target import Platform

USER = 65532  # who distroless images call nonroot; no base has somebody else under that number

_PYTHON = re.compile(r"(?:.*/)?bin/python(?:3(?:\.\d+)?)?")
_VERSIONED = re.compile(r"python3\.(\d+)")
_STDLIB = re.compile(r"(.*/)?lib(?:64)?/python3\.(\d+)/os\.pyc?")
_PATCHLEVEL = re.compile(r"(?:.*/)?include/python3\.\d+/patchlevel\.h")
_GLIBC = re.compile(r"(?:.*/)?(?:libc\.so\.6|libc-2\.\d+\.so)")
_MUSL = re.compile(r"(?:usr/)?lib/ld-musl-[^/]+\.so\.1")
_LIBC_BYTES = 8 << 20  # glibc has 2 MB, musl less than one
_CERTIFICATES = (
    "etc/ssl/certs/ca-certificates.crt", "etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/ca-bundle.pem", "etc/ssl/cert.pem",
)  # fmt: skip


class BaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    python: str  # /usr/local/bin/python3.12
    version: str  # 3.12.4, or 3.12 where nothing in the image says more
    libc: Literal["glibc", "musl"]
    libc_version: tuple[int, int]
    certificates: bool  # certificate authorities, which TLS to anywhere needs
    home: str  # of the user that functions run as; "" when the image knows no such user

    @property
    def minor(self) -> str:
        return ".".join(self.version.split(".")[:2])


def inspect_layers(
    layers: Sequence[Path],
    env: Iterable[str],
    platform: Platform,
    base: str,
    wanted: str = "",
    *,
    diff_ids: Sequence[str] = (),
) -> BaseFacts:
    """Read the layers, bottom first, and find what functions need.

    Args:
        env: the image's, for its PATH.
        wanted: the minor that the user asked for, "" for any.
        diff_ids: what the layers unpack to, as the image says; () when that is known to be so.
    Raises: BaseImageError: no Python, none that is new enough, one for another machine, a layer that cannot be read, or
    is not what the image says. ArchiveError: a layer leads out of the image, or unpacks to fill the disk.
    """
    files = Filesystem(_bytes_to_keep)
    for number, (path, diff_id) in enumerate(zip(layers, diff_ids or [""] * len(layers), strict=True)):
        try:
            with uncompressed(path) as plain:
                layer = _Measured(plain, Budget.of_compressed(path.stat().st_size))
                files.add_layer(cast(IO[bytes], layer))
                if diff_id and layer.diff_id() != diff_id:
                    reason = f"layer {number} does not unpack to what its config says ({diff_id[:19]})"
                    raise BaseImageError(f"base {base} is put together wrongly: {reason}", "Name another with --base")
        except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError) as error:
            raise BaseImageError(f"layer {number} of base {base} cannot be read: {error}", _AGAIN) from error
    variables = dict(line.partition("=")[::2] for line in env)
    python, version, program = _choose(files, variables.get("PATH", ""), platform, base, wanted)
    libc, libc_version = _libc(files, program)
    hinted = variables.get("PYTHON_VERSION", "")
    return BaseFacts(
        python="/" + python,
        version=_full_version(files, version) or (hinted if _same_minor(hinted, version) else version),
        libc=libc,
        libc_version=libc_version,
        certificates=any(files.find(path) for path in _CERTIFICATES),
        home=_home(files),
    )


class _Measured:
    """Reads on, hashes what is read, and stops where it is more than a layer of its size can be."""

    def __init__(self, file: IO[bytes], budget: Budget) -> None:
        self._file, self._budget, self._hash = file, budget, hashlib.sha256()

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._budget.spend(len(data), "a layer")
        self._hash.update(data)
        return data

    def diff_id(self) -> str:
        """Also of what comes behind the end of the tar."""
        while self.read(_PIECE):
            pass
        return "sha256:" + self._hash.hexdigest()


_PIECE = 1 << 20
_AGAIN = "Fetch it again with --pull, or name another base with --base"


def _bytes_to_keep(path: str) -> int | None:
    if _PYTHON.fullmatch(path):
        return HEAD_BYTES
    if _GLIBC.fullmatch(path) or _MUSL.fullmatch(path):
        return _LIBC_BYTES
    if path == "etc/passwd" or _PATCHLEVEL.fullmatch(path):
        return HEAD_BYTES
    return 0 if path in _CERTIFICATES or _STDLIB.fullmatch(path) else None


def _choose(
    files: Filesystem, search: str, platform: Platform, base: str, wanted: str
) -> tuple[str, str, Program | None]:
    """Path, minor and program of the first Python that will do, looked for as a shell in the image would."""
    found = list(_pythons(files, search))
    here = [(path, minor, program) for path, minor, program in found if _is_for(program, platform)]
    if wanted:
        fitting = [python for python in here if python[1] == wanted]
    else:
        fitting = [python for python in here if _number(python[1]) >= MINIMUM]
    if fitting:
        return fitting[0]
    if not found:
        raise BaseImageError(
            f"base {base} has no Python (looked in {', '.join(_folders(search))})",
            "Name a base that has one, as python:3.12-slim, or leave --base out",
        )
    if not here:
        path, _, program = found[0]
        raise BaseImageError(
            f"base {base} says that it is for {platform}, but its /{path} was built for "
            f"{program.architecture if program else 'another machine'}",
            "The image was put together wrongly: name another base with --base",
        )
    has = ", ".join(dict.fromkeys(f"{minor} (/{path})" for path, minor, _ in here))
    needs = f"Python {wanted} was asked for" if wanted else "functions need 3.11 or newer"
    raise BaseImageError(
        f"base {base} has Python {has}; {needs}", "Name another base with --base, or another version with --python"
    )


def _pythons(files: Filesystem, search: str) -> Iterator[tuple[str, str, Program | None]]:
    """Every Python on the PATH of the image, then in the usual places: its name there, its minor, its program."""
    for folder in _folders(search):
        place = folder.strip("/")
        named = [path for path in files.paths() if posixpath.dirname(path) == place and _PYTHON.fullmatch(path)]
        # `python3` is what the image's maker means by "Python"; then those with a version, the newest first.
        names = sorted(named, key=lambda path: (not path.endswith("/python3"), *(-part for part in _version_in(path))))
        for path in names:
            found = files.find(path)
            if found is None:
                continue
            real, node = found
            program = read_program(node.head)
            minor = _minor(files, real)
            if not minor or (node.head and program is None):  # a script: pyenv's shims, for example
                continue
            beside = f"{place}/python{minor}"
            yield (beside if (same := files.find(beside)) and same[0] == real else path), minor, program


def _folders(search: str) -> list[str]:
    return list(
        dict.fromkeys([*(part for part in search.split(":") if part.startswith("/")), "/usr/local/bin", "/usr/bin"])
    )


def _minor(files: Filesystem, real: str) -> str:
    match = _VERSIONED.fullmatch(posixpath.basename(real))
    if match:
        return f"3.{match[1]}"
    # Called only `python3`: what lies in its standard library's place knows.
    prefix = posixpath.dirname(posixpath.dirname(real))
    for path in files.paths():
        stdlib = _STDLIB.fullmatch(path)
        if stdlib and (stdlib[1] or "").rstrip("/") == prefix:
            return f"3.{stdlib[2]}"
    return ""


def _full_version(files: Filesystem, minor: str) -> str:
    for path in files.paths():
        if f"/python{minor}/patchlevel.h" in path and (found := files.find(path)):
            stated = re.search(rb'PY_VERSION\s+"(\d+\.\d+\.\d+)"', found[1].head)
            if stated:
                return stated[1].decode()
    return ""


def _libc(files: Filesystem, program: Program | None) -> tuple[Literal["glibc", "musl"], tuple[int, int]]:
    """The C library that Python is linked with; the oldest version that may be where none can be read.

    The oldest, since a wheel for an older one runs everywhere.
    """
    loaders = [path for path in files.paths() if _MUSL.fullmatch(path)]
    if (program and "musl" in program.loader) or (not (program and program.loader) and loaders):
        return "musl", _version_of(files, loaders, rb"\0(1)\.(\d+)\.\d+[^\0]{0,20}\0") or (1, 2)
    libraries = [path for path in files.paths() if _GLIBC.fullmatch(path)]
    return "glibc", _version_of(files, libraries, rb"GNU C Library [^\n]*version (\d+)\.(\d+)") or (2, 17)


def _version_of(files: Filesystem, paths: list[str], pattern: bytes) -> tuple[int, int] | None:
    for path in paths:
        if (found := files.find(path)) and (match := re.search(pattern, found[1].head)):
            return int(match[1]), int(match[2])
    return None


def _home(files: Filesystem) -> str:
    found = files.find("etc/passwd")
    for line in found[1].head.decode(errors="replace").splitlines() if found else ():
        parts = line.split(":")
        if len(parts) == 7 and parts[2] == str(USER):
            return parts[5]
    return ""


def _is_for(program: Program | None, platform: Platform) -> bool:
    return program is None or program.architecture == platform.architecture


def _same_minor(version: str, minor: str) -> bool:
    return re.fullmatch(re.escape(minor) + r"\.\d+", version) is not None


def _version_in(path: str) -> tuple[int, ...]:
    match = _VERSIONED.fullmatch(posixpath.basename(path))
    return (int(match[1]),) if match else (0,)


def _number(minor: str) -> tuple[int, ...]:
    return tuple(int(part) for part in minor.split("."))
