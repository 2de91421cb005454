"""The checks of `faas doctor` about containers and images. A machine that has neither is in order."""

from __future__ import annotations

import os
import subprocess
from contextlib import closing
from pathlib import Path

from faas.cli.checks.check import Check

_PACK_S = 20.0


def docker() -> Check:
    """Whether images of others, and functions as containers, can run here."""
    from faas_builders.docker.engine import connect, engine_address
    from faas_builders.errors import ToolMissing

    try:
        client = connect()
    except ToolMissing as error:
        found = f"{error.message}; functions run as processes, images in other languages do not run"
        if address := os.environ.get("DOCKER_HOST"):  # somebody means one to be there
            fix = f"Start it, or unset DOCKER_HOST ({address}); an engine uses the one that faas up was started with"
            return Check("docker", "warning", found, fix)
        return Check("docker", "ok", found, "Start Docker, or name its engine:  DOCKER_HOST=unix:///path/docker.sock")
    with closing(client):
        version = client.version()
    return Check("docker", "ok", f"{version.get('Version', '')} at {engine_address()}")


def pack() -> Check:
    from faas_builders.errors import ToolMissing
    from faas_builders.pack.command import find_pack

    try:
        path = find_pack(os.environ)
    except ToolMissing as error:
        return Check("pack", "ok", f"{error.message}; only builds with --builder pack need it")
    try:
        done = subprocess.run([path, "version"], capture_output=True, text=True, timeout=_PACK_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Check("pack", "error", f"{path} does not work: {error}", "Install it anew:  buildpacks.io/docs")
    return Check("pack", "ok", f"{done.stdout.strip()} at {path}")


def registry(folder: Path) -> Check:
    """Whether there is a login for the image that the project in `folder` names."""
    from faas_builders.errors import BuilderError
    from faas_builders.registry.credentials import UserCredentials
    from faas_builders.registry.names import ImageName

    from faas.project.errors import NotAProject, ProjectError
    from faas.project.pyproject.settings import load_settings

    try:
        image = load_settings(folder).build.image
    except NotAProject:
        return Check("registry", "ok", "not asked, there is no project in this folder")
    except ProjectError as error:
        return Check("registry", "error", error.message, error.hint)
    if not image:
        return Check("registry", "ok", "not asked, the project names no image ([tool.faas.build] image)")
    try:
        name = ImageName.parse(image)
        credential = UserCredentials().find(name.registry, name.repository)
    except BuilderError as error:
        return Check("registry", "error", error.message, error.hint)
    if credential is None:
        found = f"no login for {name.registry}, where {image} is pushed to"
        return Check("registry", "warning", found, f"If it wants one:  docker login {name.registry}")
    return Check("registry", "ok", f"a login for {name.registry} in {credential.origin}")


def push(image: str, *, insecure: bool = False) -> Check:
    """Whether the project's images may be pushed from here, tried as far as a registry lets one without an image."""
    from faas_builders.errors import BuilderError
    from faas_builders.registry.credentials import UserCredentials
    from faas_builders.registry.names import ImageName
    from faas_builders.registry.rights import check_push

    if not image:
        return Check("registry", "ok", "not asked, no registry is named for the images of a project here")
    login = ""
    try:
        name = ImageName.parse(image)
        credential = UserCredentials().find(name.registry, name.repository)
        login = f"with the login of {credential.origin}" if credential else "without a login, as none was found"
        check_push(name, insecure=insecure)
    except BuilderError as error:
        return Check("registry", "error", f"{error.message} ({login})" if login else error.message, error.hint)
    return Check("registry", "ok", f"{name.registry}/{name.repository} takes images from here, {login}")
