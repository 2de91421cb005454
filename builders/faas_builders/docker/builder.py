"""Images that a Docker engine builds. Implements `builder.Builder`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from faas_builders.builder import BuildRequest, BuildResult, Choice, Report, silent
from faas_builders.clock import Clock
from faas_builders.docker import buildkit, classic
from faas_builders.docker.context import Context, files_for, packed
from faas_builders.docker.dockerfile import needs_buildkit, with_env
from faas_builders.docker.engine import connect, engine_address
from faas_builders.docker.generated import Generated, generate, make_context
from faas_builders.docker.image import import_image
from faas_builders.docker.order import Order
from faas_builders.errors import BuildError, ProjectFileError
from faas_builders.oci import model, references
from faas_builders.oci.image_config import TITLE
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform

if TYPE_CHECKING:
    from docker import DockerClient


@dataclass(frozen=True, slots=True)
class DockerOptions:
    """What only this builder has a say in."""

    dockerfile: Path | None = None  # None: `Dockerfile` in the project, else one is made
    build_args: Mapping[str, str] = field(default_factory=dict)  # never secrets: they stay in an image's history
    network: str = ""  # of RUN instructions: host, none, the name of one; "": the engine's default
    target: str = ""  # the stage of the Dockerfile to stop at
    no_cache: bool = False
    pull: bool = False  # ask registries again for the images below


class DockerBuilder:
    """Builds through the Docker engine of DOCKER_HOST, also on another machine; the image is then in both stores.

    The digest is the same again while the engine's build cache holds; a build from nothing has other times in it.
    """

    def __init__(self, store: ImageStore, options: DockerOptions | None = None) -> None:
        self._store, self._options = store, options or DockerOptions()

    def build(self, request: BuildRequest, report: Report = silent) -> BuildResult:
        """Build and take the image in. Raises: BuildError: StepFailed has the failing step's last lines."""
        clock = Clock()
        with closing(connect()) as client:
            with clock.step("base"):
                plan = self._plan(client, request, report)
            order = self._order(request, plan.labels)
            with clock.step("build"):
                image_id = self._build(client, plan.context, order, report)
            with clock.step("write"):
                report("write", "from the Docker engine into the image store")
                base_layers = plan.base_layers
                image = import_image(client, image_id, self._store, request.name, request.tag, base_layers)
                if request.attest and plan.made is not None:
                    from faas_builders.docker.attesting import attest_generated

                    attest_generated(self._store, image, plan.made, request)
        reference = f"{references.HOST}/{request.name}@{image.digest}"
        report("write", reference)
        return BuildResult(reference, image.digest, "docker", plan.base, (image,), clock.timings)

    def explain(self, request: BuildRequest) -> tuple[Choice, ...]:
        """As `Builder.explain`; the Dockerfile that would be made is among the choices, in full."""
        dockerfile = self._dockerfile(request)
        engine = Choice("engine", _engine_name(), "DOCKER_HOST, else the context of the Docker CLI, else the local one")
        if dockerfile is not None:
            why = "named in the settings" if self._options.dockerfile else "the project has one"
            return (
                Choice("builder", "docker", f"{dockerfile.name} says how"),
                engine,
                Choice("dockerfile", str(dockerfile), why),
                *self._frontend(request, _read(dockerfile)),
            )
        with closing(connect()) as client:
            made = generate(client, request, silent)
        return (
            Choice("builder", "docker", "it was asked for"),
            engine,
            Choice("base", made.recipe.base, made.why_base),
            Choice("python", f"{made.python.version} at {made.python.python}", "found in the base"),
            Choice("dependencies", made.recipe.install, made.why_install),
            Choice("dockerfile", made.dockerfile, "the project has none, so this one is made"),
            *self._frontend(request, made.dockerfile),
        )

    def _plan(self, client: DockerClient, request: BuildRequest, report: Report) -> _Plan:
        dockerfile = self._dockerfile(request)
        if dockerfile is None:
            made = generate(client, request, report, pull=self._options.pull)
            return _Plan(make_context(made, request), made.base, made.base_layers, _labels(request, made), made)
        report("base", f"as {dockerfile.name} says")
        text = with_env(_read(dockerfile), request.env)
        context = Context(text, files_for(dockerfile, request.project))
        return _Plan(context, dockerfile.name, (), dict(request.labels))

    def _dockerfile(self, request: BuildRequest) -> Path | None:
        """The project's own one. Raises: ProjectFileError: it is named and not there."""
        if self._options.dockerfile is not None:
            path = request.project / self._options.dockerfile
            if not path.is_file():
                raise ProjectFileError(path, "there is no such Dockerfile", "Name one: [tool.faas.build] dockerfile")
            return path
        path = request.project / "Dockerfile"
        return path if path.is_file() else None

    def _order(self, request: BuildRequest, labels: Mapping[str, str]) -> Order:
        if len(request.platforms) > 1:
            wanted = ", ".join(map(str, request.platforms))
            hint = "Build them one by one with a tag each, or all at once with the oci builder"
            raise BuildError(f"the docker builder makes one platform at a time, not {wanted}", hint)
        options = self._options
        return Order(
            tag=f"{references.HOST}/{request.name}:{request.tag}",
            platform=request.platforms[0] if request.platforms else None,
            build_args={**request.env, **options.build_args} if self._dockerfile(request) else dict(options.build_args),
            labels=labels,
            secrets=request.secrets,
            network=options.network,
            target=options.target,
            no_cache=options.no_cache,
            pull=options.pull and self._dockerfile(request) is not None,
        )

    def _build(self, client: DockerClient, context: Context, order: Order, report: Report) -> str:
        need = _need(order.secrets, context.dockerfile)
        frontend = buildkit.find_frontend(need) if need else None
        with packed(context) as archive:
            if frontend is None:
                return classic.build(client, archive, order, report)
            report("build", f"with BuildKit, through {frontend}")
            return buildkit.build(frontend, archive, order, report)

    def _frontend(self, request: BuildRequest, dockerfile: str) -> Iterator[Choice]:
        need = _need(request.secrets, dockerfile)
        if need:
            yield Choice("frontend", str(buildkit.find_frontend(need)), f"{need} needs BuildKit")
        else:
            yield Choice("frontend", "the engine's API", "nothing in the build needs BuildKit")


@dataclass(frozen=True, slots=True)
class _Plan:
    context: Context
    base: str
    base_layers: tuple[str, ...]
    labels: Mapping[str, str]
    made: Generated | None = None  # a Dockerfile of ours


def _need(secrets: Mapping[str, Path], dockerfile: str) -> str:
    """What in this build only BuildKit can do; "" for nothing."""
    return "a build secret" if secrets else needs_buildkit(dockerfile)


def _labels(request: BuildRequest, made: Generated) -> dict[str, str]:
    return {TITLE: request.name, **request.labels, model.BASE: made.base, model.PYTHON: made.python.python}


def _read(dockerfile: Path) -> str:
    try:
        return dockerfile.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectFileError(dockerfile, f"this Dockerfile cannot be read: {error}") from error


def _engine_name() -> str:
    with closing(connect()) as client:
        version = client.version()
    return f"Docker {version['Version']} for {Platform(version['Os'], version['Arch'])} at {engine_address()}"
