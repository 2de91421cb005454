"""The options of `faas build`, and what they mean together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from faas.cli.project_options import BUILDERS, python_option, split_python

if TYPE_CHECKING:
    from faas_builders.delivery import Output
    from faas_builders.registry.names import ImageName
    from faas_builders.target import Platform

    from faas.deploy.images.requests import BuildFlags
    from faas.project.pyproject.build_settings import BuilderName, BuildSettings
    from faas.project.pyproject.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("path", type=click.Path(exists=True, path_type=Path), default="."),
    click.option("--image", "-t", metavar="REF", default="", help="What it is called in a registry."),
    click.option("--push", is_flag=True, help="Push it there."),
    click.option(
        "--output", "outputs", metavar="WHERE", multiple=True,
        help="Also write it: oci:DIR, oci-archive:FILE, docker-archive:FILE, or docker (load it).",
    ),
    click.option("--builder", type=click.Choice(BUILDERS), help="What makes the image.  [default: oci]"),
    click.option("--base", metavar="REF|host", default="", help="The image below; host: this machine's Python."),
    python_option,
    click.option("--platform", metavar="OS/ARCH", multiple=True, help="What it is for: linux/amd64,linux/arm64."),
    click.option("--group", "groups", metavar="NAME", multiple=True, help="A dependency group to install too."),
    click.option("--build-env", metavar="K=V", multiple=True, help="Set an environment variable of the image."),
    click.option("--label", "labels", metavar="K=V", multiple=True, help="Set a label of the image."),
    click.option(
        "--secret", "secrets", metavar="id=ID,src=FILE", multiple=True,
        help="A file that is seen while building, and in no image.",
    ),
    click.option("--dockerfile", metavar="FILE", default="", help="What builder docker follows."),
    click.option("--builder-image", metavar="REF", default="", help="What builder pack runs."),
    click.option("--buildpack", "buildpacks", metavar="ID|PATH", multiple=True, help="Of builder pack; repeatable."),
    click.option("--trust", is_flag=True, help="Run all of pack's lifecycle in its builder image."),
    click.option("--pull", is_flag=True, help="Ask the base's registry also for what is here already."),
    click.option("--no-attest", is_flag=True, help="Make no SBOM and no provenance."),
    click.option("--insecure", is_flag=True, help="Registries may be plain HTTP, or have an unknown certificate."),
)  # fmt: skip


def build_options(function: F) -> F:
    """PATH, and how its image is made."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where the image goes besides the store."""

    name: ImageName | None  # in a registry, or in a Docker engine
    push: bool
    outputs: tuple[Output, ...]
    insecure: bool


def make_flags(
    settings: Settings,
    *,
    builder: BuilderName | None,
    base: str,
    python: str,
    platform: Sequence[str],
    groups: Sequence[str],
    build_env: Sequence[str],
    labels: Sequence[str],
    secrets: Sequence[str],
    dockerfile: str,
    builder_image: str,
    buildpacks: Sequence[str],
    trust: bool,
    pull: bool,
    no_attest: bool,
    insecure: bool,
) -> BuildFlags:
    """Raises: click.UsageError: an option that says nothing valid."""
    from faas.deploy.images.requests import BuildFlags
    from faas.project.pyproject.build_settings import BuildSettings

    version, interpreter = split_python(python)
    said = BuildSettings(
        builder=builder,
        base=base,
        python=version,
        platforms=_platforms(platform),
        groups=tuple(groups),
        env=_pairs(build_env, "--build-env"),
        labels=_pairs(labels, "--label"),
        dockerfile=_inside(settings.root, dockerfile),
        builder_image=builder_image,
        buildpacks=tuple(map(_buildpack, buildpacks)),
        trust=trust,
        insecure=insecure,
    )
    return BuildFlags(said, interpreter, dict(map(_secret, secrets)), pull=pull, attest=not no_attest)


def make_destinations(
    settings: BuildSettings, image: str, *, push: bool, outputs: Sequence[str], insecure: bool
) -> Destinations:
    """Raises: click.UsageError: an option that says nothing valid; ImageNameError."""
    from faas_builders.delivery import parse_output
    from faas_builders.registry.names import ImageName

    given = image or settings.image
    if push and not given:
        raise click.UsageError("--push where to? Name it:  --image registry.example.org/team/shop:1.0")
    name = ImageName.parse(given) if given else None
    if name is not None and name.digest:
        raise click.BadParameter("an image that is to be made has a tag, not a digest", param_hint="--image")
    try:
        return Destinations(name, push, tuple(map(parse_output, outputs)), insecure or settings.insecure)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--output") from error


def _platforms(texts: Sequence[str]) -> tuple[Platform, ...]:
    from faas_builders.target import Platform

    try:
        return tuple(dict.fromkeys(Platform.parse(part) for text in texts for part in text.split(",")))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--platform") from error


def _pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{text!r} is not K=V", param_hint=option)
        found[name] = value
    return found


def _secret(text: str) -> tuple[str, Path]:
    """`id=npm,src=.npmrc`, as docker build has it."""
    parts = dict(part.partition("=")[::2] for part in text.split(","))
    if set(parts) != {"id", "src"} or not all(parts.values()):
        raise click.BadParameter(f"{text!r} is not id=ID,src=FILE", param_hint="--secret")
    file = Path(parts["src"]).expanduser()
    if not file.is_file():
        raise click.BadParameter(f"{file} is not a file", param_hint="--secret")
    return parts["id"], file


def _buildpack(text: str) -> str:
    """A path is one from where the user is; in the settings it is one from the project."""
    return str(Path(text).resolve()) if text.startswith(".") and Path(text).exists() else text


def _inside(root: Path, file: str) -> str:
    """A path from where the user is, or from the project, as one from the project."""
    if not file:
        return ""
    path = next((path for path in (Path(file), root / file) if path.is_file()), None)
    if path is None:
        raise click.BadParameter(f"there is no file {file}", param_hint="--dockerfile")
    try:
        return str(path.resolve().relative_to(root))
    except ValueError:
        raise click.BadParameter(f"{file} is outside of the project", param_hint="--dockerfile") from None
