"""What the builder `oci` would do with a request, without doing it and without a network."""

from __future__ import annotations

import sys
from contextlib import closing

from faas_builders.builder import HOST_BASE, BuildRequest, Choice
from faas_builders.deps.interpreter import inspect
from faas_builders.deps.pythons import local_python
from faas_builders.deps.requirements import Kind, find_requirements
from faas_builders.oci.bases.cache import BaseCache
from faas_builders.oci.bases.choice import BaseChoice, choose_base
from faas_builders.oci.bases.fetching import BaseImage, fetch_base
from faas_builders.oci.bases.inspecting import USER
from faas_builders.oci.bases.sources import NotHere, open_source
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform


def explain(request: BuildRequest, store: ImageStore, cache: BaseCache) -> tuple[Choice, ...]:
    """The choices, each with its reason. Raises: BuilderError: what `build` would raise for them."""
    if request.base == HOST_BASE:
        return _explain_host(request)
    base = choose_base(request)
    platforms = request.platforms or (Platform.of_this_machine(),)
    found, why_not = _look(request, base, platforms, store, cache)
    python = Choice("python", base.python or "that of the base", base.python_why)
    if found is not None:
        python = Choice("python", f"{found.facts.version} at {found.facts.python}", base.python_why)
    minor = found.facts.minor if found is not None else base.python
    return (
        _BUILDER,
        Choice("base", base.reference, base.why + (f"; {why_not}" if why_not else "")),
        python,
        Choice(
            "platforms",
            ", ".join(str(platform) for platform in platforms),
            "asked for" if request.platforms else "this machine's",
        ),
        _dependencies(request),
        _bytecode(request, minor),
        Choice("user", f"{USER}:{USER}", "not root, and nobody else's number"),
    )


_WHY: dict[Kind, str] = {
    "uv.lock": "a lock says exact versions, so it is taken first",
    "pylock.toml": "a lock says exact versions, and there is no uv.lock",
    "requirements.txt": "it is there, and no lock is",
    "requirements.in": "it is there, and neither a lock nor a requirements.txt is",
    "pyproject.toml": "what it declares, as nothing says exact versions",
    "none": "nothing declares any",
}


_BUILDER = Choice("builder", "oci", "it needs no daemon and no root")


def _explain_host(request: BuildRequest) -> tuple[Choice, ...]:
    python = inspect(request.python or sys.executable)
    whose = "asked for" if request.python else "the one that runs this"
    return (
        _BUILDER,
        Choice("base", HOST_BASE, "asked for: the image runs as processes of this machine"),
        Choice("python", f"{python.version} at {python.base}", whose),
        Choice("platforms", str(Platform.of_this_machine()), "this machine's"),
        _dependencies(request),
        Choice("bytecode", f"made by Python {python.version} at {python.base}", "when the image is unpacked"),
        Choice("user", "the engine's choice", "it starts the processes"),
    )


def _dependencies(request: BuildRequest) -> Choice:
    requirements = find_requirements(request.project, groups=request.groups, extras=request.extras)
    return Choice("dependencies", requirements.origin, _WHY[requirements.kind])


def _bytecode(request: BuildRequest, minor: str) -> Choice:
    if not minor:
        return Choice("bytecode", "if this machine has the Python of the base", "another one's would not be used")
    compiler = local_python(minor, request.project)
    if compiler is None:
        why = f"this machine has no Python {minor}, so the first start of an instance takes longer; uv can install it"
        return Choice("bytecode", "none", why)
    return Choice(
        "bytecode", f"made by Python {compiler.version} at {compiler.base}", f"the base has Python {minor} too"
    )


def _look(
    request: BuildRequest, base: BaseChoice, platforms: tuple[Platform, ...], store: ImageStore, cache: BaseCache
) -> tuple[BaseImage | None, str]:
    """The base for the first platform, if it is on this machine; else the reason why not."""
    source = open_source(base.reference, store, cache, insecure=request.insecure, offline=True, log=lambda line: None)
    with closing(source):
        try:
            return fetch_base(source, platforms[:1], store, cache, python=base.python).images[0], ""
        except NotHere as error:
            return None, error.message
