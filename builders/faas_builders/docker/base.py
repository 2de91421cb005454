"""Which Python a base image has: asked in a container of it, and remembered by the image's id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from faas_builders.builder import Report
from faas_builders.cache import cache_dir, key_of
from faas_builders.deps.interpreter import MINIMUM
from faas_builders.disk import write_atomically
from faas_builders.docker.image import platform_of
from faas_builders.docker.progress import pull_lines
from faas_builders.errors import BaseImageError, StepFailed
from faas_builders.oci.bases.inspecting import USER, BaseFacts
from faas_builders.target import Platform, Target

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image

_ASK = f"""
import importlib.util, json, os, platform, pwd, sys, sysconfig
musl = any("musl" in (sysconfig.get_config_var(name) or "") for name in ("SOABI", "HOST_GNU_TYPE"))
libc = "1.2" if musl else platform.libc_ver()[1] or "0.0"
try:
    home = pwd.getpwuid({USER}).pw_dir
except KeyError:
    home = ""
print(json.dumps({{
    "python": os.path.realpath(sys.executable),
    "version": "%d.%d.%d" % sys.version_info[:3],
    "libc": "musl" if musl else "glibc",
    "libc_version": [int(part) for part in libc.split(".")[:2]],
    "certificates": os.path.exists("/etc/ssl/certs/ca-certificates.crt") or os.path.exists("/etc/ssl/cert.pem"),
    "home": home,
    "has_pip": importlib.util.find_spec("pip") is not None,
}}))
"""


class BasePython(BaseFacts, frozen=True, kw_only=True):
    has_pip: bool

    def target(self, platform: Platform) -> Target:
        return Target(platform, self.version, self.libc, self.libc_version, self.python)


def find_image(
    client: DockerClient, reference: str, platform: Platform | None, report: Report, *, pull: bool = False
) -> Image:
    """The image as this engine has it, pulled when it does not, or with `pull` always. Raises: StepFailed: the pull."""
    from docker.errors import APIError, ImageNotFound

    try:
        image = client.images.get(reference)
        if not pull and (platform is None or platform_of(image) == platform):
            return image
    except ImageNotFound:
        pass
    report("base", f"pulling {reference}")
    try:
        name, tag = _split(reference)
        chosen = str(platform) if platform else None
        for message in client.api.pull(name, tag, stream=True, decode=True, platform=chosen):
            if "error" in message:
                raise StepFailed(f"pulling {reference}", str(message["error"]), hint=_PULL_HINT)
            for line in pull_lines([message]):
                report("base", line)
        return client.images.get(reference)
    except (APIError, ImageNotFound) as error:
        raise StepFailed(f"pulling {reference}", error.explanation or str(error), hint=_PULL_HINT) from error


def inspect_base(client: DockerClient, image: Image, reference: str) -> BasePython:
    """Raises: BaseImageError: there is no Python in it that functions run on."""
    remembered = cache_dir() / "docker-bases" / f"{key_of(_ASK, str(image.id))}.json"
    try:
        return msgspec.json.decode(remembered.read_bytes(), type=BasePython)
    except (OSError, msgspec.DecodeError):
        pass
    found = msgspec.json.decode(_ask(client, image, reference), type=BasePython)
    if tuple(int(part) for part in found.minor.split(".")) < MINIMUM:
        reason = f"base {reference} has Python {found.version}; functions need 3.11 or newer"
        raise BaseImageError(reason, _OTHER_BASE)
    write_atomically(remembered, msgspec.json.encode(found), durable=False)
    return found


def pinned(image: Image, reference: str) -> str:
    """The reference by digest, where the image came from a registry."""
    name = _split(reference)[0]
    for digest in image.attrs.get("RepoDigests") or ():
        if _familiar(digest.partition("@")[0]) == _familiar(name):
            return f"{name}@{digest.partition('@')[2]}"
    return reference


def _ask(client: DockerClient, image: Image, reference: str) -> bytes:
    for name in ("python3", "python"):
        answer = _run(client, image, [name, "-I", "-c", _ASK], reference)
        if answer is not None:
            return answer
    raise BaseImageError(f"base {reference} has no Python: neither python3 nor python is on its PATH", _OTHER_BASE)


def _run(client: DockerClient, image: Image, command: list[str], reference: str) -> bytes | None:
    """What the command prints in a container without a network; None: there is no such program."""
    from docker.errors import APIError

    # Not `containers.run(remove=True)`: that leaves the container where its program cannot be started.
    container = client.containers.create(image, command[1:], entrypoint=command[:1], network_disabled=True)
    try:
        container.start()
        status = int(container.wait()["StatusCode"])
        if status == 0:
            return bytes(container.logs(stdout=True, stderr=False))
        said = bytes(container.logs(stdout=False, stderr=True)).decode(errors="replace").strip()
        raise StepFailed(f"asking the Python of {reference}", f"exit code {status}", said)
    except APIError as error:
        # The engine says so in prose, and differently from version to version; anything else is not about Python.
        if "executable file not found" in str(error) or "no such file" in str(error):
            return None
        raise StepFailed(f"asking the Python of {reference}", error.explanation or str(error)) from error
    finally:
        container.remove(force=True, v=True)


_PULL_HINT = "Check the name, and that the engine can reach that registry (docker login, docker pull)"
_OTHER_BASE = "Choose a base that has it, as --base python:3.12-slim, or write a Dockerfile of your own"


def _split(reference: str) -> tuple[str, str]:
    """Name and tag or digest, as the engine's pull wants them."""
    name, _, digest = reference.partition("@")
    if digest:
        return name, digest
    head, _, tag = name.rpartition(":")
    return (head, tag) if head and "/" not in tag else (name, "latest")


def _familiar(name: str) -> str:
    """docker.io/library/python and python are the same repository."""
    return name.removeprefix("docker.io/").removeprefix("library/")
