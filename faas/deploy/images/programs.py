"""The image of our own programs in a cluster: adapters, the store of dead letters, the collector of events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from faas_builders.builder import BuildResult, Report, silent
from faas_builders.errors import NotInRegistry
from faas_builders.oci.programs_image import Programs, ProgramsRequest, make_programs_image
from faas_builders.registry.names import ImageName

from faas.resources.keys import SOURCES_IMAGE

if TYPE_CHECKING:
    from faas_builders.oci.store import ImageStore

NAME = SOURCES_IMAGE.rpartition("/")[2]
_PROGRAMS = Programs(
    NAME,
    packages=("faas.sources", "faas.inbox"),
    within=("faas", "faas_runtime"),
    distributions=("faas", "faas-runtime"),
    extra="sources",
    module="faas.sources",
    # botocore describes all of its services, most of its size; one is spoken to, the others give credentials for it.
    folders_kept={"botocore/data": ("s3", "signin", "sso", "sso-oidc", "sts")},
    env={"FAAS_SOURCE_LISTEN": "tcp:0.0.0.0:8080"},  # for adapters that are called: a Pod has an address of its own
)


def make_sources_image(store: ImageStore, request: ProgramsRequest, report: Report = silent) -> BuildResult:
    """Make the image `faas-sources`; what has not changed since the last time is not made again.

    Raises: BuilderError.
    """
    return make_programs_image(store, _PROGRAMS, request, report)


def sources_image(store: ImageStore, registry: str, request: ProgramsRequest, report: Report = silent) -> str:
    """Have the image as REGISTRY/faas-sources, and return its reference by digest; what is there is not pushed.

    Args: registry: host and folder, registry.example.org/team. Raises: BuilderError.
    """
    made = make_sources_image(store, request, report)
    name = ImageName.parse(f"{registry.rstrip('/')}/{NAME}:latest")
    return push_once(store, made, name, insecure=request.insecure, report=report)


def push_once(
    store: ImageStore, made: BuildResult, name: ImageName, *, insecure: bool = False, report: Report = silent
) -> str:
    """Push unless the registry has it under this name; the reference by digest. Raises: RegistryError."""
    from faas_builders.registry.client import Registry
    from faas_builders.registry.push import push_with

    with Registry(name.registry, insecure=insecure) as registry:
        try:
            there = registry.resolve(name.repository, name.tag or made.digest).digest
        except NotInRegistry:
            there = ""
        if there == made.digest:
            report("push", f"{name} is there")
        else:
            push_with(registry, store, made.reference, name, report=report)
    return str(replace(name, tag="", digest=made.digest))
