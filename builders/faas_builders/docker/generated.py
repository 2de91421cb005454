"""What is built for a project that has no Dockerfile: the `oci` builder's image, made inside."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faas_builders.builder import BuildRequest, Report
from faas_builders.deps.installation import install
from faas_builders.deps.python_version import check_python
from faas_builders.deps.requirements import find_requirements
from faas_builders.deps.resolution import indexes_for, resolve
from faas_builders.deps.runtime import runtime_layer
from faas_builders.deps.shipped import fit_for_image
from faas_builders.docker.base import BasePython, find_image, inspect_base, pinned
from faas_builders.docker.context import Context, below, folder
from faas_builders.docker.dockerfile import FOLDER, PINS, Install, Recipe, make_dockerfile
from faas_builders.docker.image import diff_ids, platform_of
from faas_builders.files import project_files
from faas_builders.oci.bases.choice import choose_base, required_python
from faas_builders.oci.image_config import make_env
from faas_builders.target import Target

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image


@dataclass(frozen=True, slots=True)
class Generated:
    """A Dockerfile and what it was decided from."""

    recipe: Recipe
    python: BasePython
    target: Target
    base_layers: tuple[str, ...]
    why_base: str
    why_install: str
    pins: Path | None

    @property
    def base(self) -> str:
        return self.recipe.base

    @property
    def dockerfile(self) -> str:
        return make_dockerfile(self.recipe)


def generate(client: DockerClient, request: BuildRequest, report: Report, *, pull: bool = False) -> Generated:
    """Decide what the Dockerfile says; the base is pulled as `find_image` does. Raises: BuildError."""
    choice = choose_base(request)
    reference = choice.reference
    platform = request.platforms[0] if request.platforms else None
    image = find_image(client, reference, platform, report, pull=pull)
    python = inspect_base(client, image, reference)
    check_python(request.project, required_python(request.project), python.version)
    target = python.target(platform_of(image))
    report("base", f"{pinned(image, reference)} with Python {python.version}")

    requirements = find_requirements(request.project, groups=request.groups, extras=request.extras)
    pins = resolve(requirements, target, lambda line: report("resolve", line))
    way, why_install = _way(pins, python, request)
    recipe = Recipe(
        pinned(image, reference),
        python.python,
        way,
        env=_env(image, python, request, with_deps=pins is not None),
        secrets=tuple(request.secrets) if way == "pip" else (),
        hashed=pins is not None and "--hash=" in pins.read_text(encoding="utf-8"),
    )
    return Generated(recipe, python, target, tuple(diff_ids(image)), choice.why, why_install, pins)


def make_context(made: Generated, request: BuildRequest) -> Context:
    """What the Dockerfile copies: the project, the runtime, and either pins or installed dependencies."""
    files = below("app", fit_for_image(project_files(request.project))) + below(
        f"{FOLDER}/runtime", folder(runtime_layer(made.target))
    )
    texts: tuple[tuple[str, str], ...] = ()
    if made.pins is not None and made.recipe.install == "pip":
        texts = ((f"{FOLDER}/{PINS}", made.pins.read_text(encoding="utf-8")),)
    if made.pins is not None and made.recipe.install == "copy":
        files += below(f"{FOLDER}/deps", folder(install(made.pins, made.target, lambda line: None)))
    return Context(made.dockerfile, files, texts)


def _env(image: Image, python: BasePython, request: BuildRequest, *, with_deps: bool) -> dict[str, str]:
    """What the `oci` builder would set, less what the base has set."""
    inherited: list[str] = image.attrs["Config"].get("Env") or []
    wanted = make_env(inherited, python, request, with_deps=with_deps)
    return dict(line.partition("=")[::2] for line in wanted if line not in inherited)


def _way(pins: Path | None, python: BasePython, request: BuildRequest) -> tuple[Install, str]:
    if pins is None:
        return "nothing", "the project needs none"
    if not python.has_pip:
        return "copy", "the base has no pip, so they are installed here for its Python and copied"
    if request.secrets:
        return "pip", "pip of the base installs them inside, where it sees the secrets"
    if elsewhere := _other_indexes(pins):
        return "copy", f"{elsewhere} names indexes that the build would not ask, so they are installed here and copied"
    if local := [line for line in pins.read_text(encoding="utf-8").splitlines() if _is_local(line)]:
        return "copy", f"{local[0].strip()} is on this machine only, so all are installed here and copied"
    return "pip", "pip of the base installs them inside"


def _other_indexes(pins: Path) -> str:
    """Who says that packages come from elsewhere than pip would look; "" for nobody."""
    indexes = indexes_for(pins)[1]
    if indexes.arguments or indexes.environment:
        return "the project"
    return next((name for name in _INDEX_VARIABLES if os.environ.get(name)), "")


# uv reads them on this machine; pip inside of the build does not see them.
_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")


def _is_local(line: str) -> bool:
    line = line.strip()
    return line.startswith(("-e ", "./", "../", "/", "file:")) or "@ file:" in line
