"""Where the pack CLI is, and what it is told. Source: `pack build --help`, pack 0.38."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faas_builders.errors import ToolMissing
from faas_builders.target import Platform

BUILDER = "docker.io/paketobuildpacks/builder-jammy-base"
CPYTHON = "docker.io/paketobuildpacks/cpython"
OURS = "faas"
"""In a list of buildpacks: the one of this distribution."""


@dataclass(frozen=True, slots=True)
class PackOptions:
    """What only this builder has a say in."""

    builder: str = BUILDER  # an image
    buildpacks: tuple[str, ...] = (CPYTHON, OURS)  # ids, images, folders, archives; (): the builder's own order
    trust_builder: bool = False  # run all of the lifecycle in the builder image
    cache: str = ""  # as pack writes it: type=build;format=bind;source=DIR
    clear_cache: bool = False
    pull_policy: Literal["", "always", "if-not-present", "never"] = ""  # "": pack's own, always
    run_image: str = ""
    lifecycle_image: str = ""
    network: str = ""  # of the containers that detect and build
    docker_host: str = ""  # the engine as those containers see it; inherit: as this process does
    volumes: tuple[str, ...] = ()  # HOST:TARGET[:OPTIONS]; service bindings belong below /platform/bindings
    env_files: tuple[Path, ...] = ()
    sbom_dir: Path | None = None  # write the SBOM of the layers there


@dataclass(frozen=True, slots=True)
class Build:
    """One `pack build`, with every path where pack finds it."""

    image: str
    app: Path
    buildpacks: tuple[str, ...]
    env_files: tuple[Path, ...]
    volumes: tuple[str, ...]
    platform: Platform | None = None
    created: str = ""  # seconds since 1970; "": the lifecycle's constant


def find_pack(environ: Mapping[str, str]) -> str:
    """PACK, else `pack` on PATH. Raises: ToolMissing."""
    named = environ.get("PACK", "")
    found = shutil.which(named or "pack", path=environ.get("PATH", os.defpath))
    if found is None:
        reason = f"PACK={named} is no program" if named else "the pack CLI is not on PATH"
        hint = (
            "Install it (https://buildpacks.io/docs/install-pack), or name it: PACK=/path/to/pack; "
            "the oci builder needs neither pack nor Docker: --builder oci"
        )
        raise ToolMissing("pack", reason, hint)
    return found


def make_command(pack: str, build: Build, options: PackOptions) -> list[str]:
    command = [pack, "build", build.image, "--path", str(build.app), "--builder", options.builder, "--no-color"]
    for name in build.buildpacks:
        command += ["--buildpack", name]
    for path in build.env_files:
        command += ["--env-file", str(path)]
    for volume in build.volumes:
        command += ["--volume", volume]
    valued = {
        "--platform": str(build.platform or ""),
        "--creation-time": build.created,
        "--cache": options.cache,
        "--pull-policy": options.pull_policy,
        "--run-image": options.run_image,
        "--lifecycle-image": options.lifecycle_image,
        "--network": options.network,
        "--docker-host": options.docker_host,
        "--sbom-output-dir": str(options.sbom_dir or ""),
    }
    for flag, value in valued.items():
        command += [flag, value] * bool(value)
    # Buildpacks beside the builder's own are trusted with it: ours, and those that the user has named.
    command += ["--trust-builder", "--trust-extra-buildpacks"] * options.trust_builder
    return command + ["--clear-cache"] * options.clear_cache
