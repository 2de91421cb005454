"""Images by Cloud Native Buildpacks. Implements `builder.Builder`."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

from faas_builders.builder import BuildRequest, BuildResult, Choice, Report, silent
from faas_builders.clock import Clock
from faas_builders.docker.engine import connect
from faas_builders.docker.image import import_image
from faas_builders.errors import BuildError, ProjectFileError
from faas_builders.files import project_files
from faas_builders.oci import references
from faas_builders.oci.store import ImageStore
from faas_builders.pack.command import OURS, Build, PackOptions, find_pack, make_command
from faas_builders.pack.output import Progress
from faas_builders.pack.secrets import ENV, write_binding
from faas_builders.programs import run_reading
from faas_builders.target import Platform


class PackBuilder:
    """Builds with pack into the Docker engine, and takes the image from there; it is then in both stores."""

    def __init__(self, store: ImageStore, options: PackOptions | None = None) -> None:
        self._store, self._options = store, options or PackOptions()

    def build(self, request: BuildRequest, report: Report = silent) -> BuildResult:
        """Build and take the image in. Raises: BuildError: StepFailed has the lifecycle's step and its last lines."""
        pack, clock = find_pack(os.environ), Clock()
        tag = f"{references.HOST}/{request.name}:{request.tag}"
        with closing(connect()) as client, tempfile.TemporaryDirectory(prefix="faas-pack-") as folder:
            with clock.step("layers"):
                build = self._prepare(request, tag, Path(folder), report)
            with clock.step("build"):
                report("build", f"{pack} with {self._options.builder}")
                _run(make_command(pack, build, self._options), report)
            with clock.step("write"):
                report("write", "from the Docker engine into the image store")
                image = import_image(client, tag, self._store, request.name, request.tag)
        reference = f"{references.HOST}/{request.name}@{image.digest}"
        report("write", reference)
        return BuildResult(reference, image.digest, "pack", self._options.builder, (image,), clock.timings)

    def explain(self, request: BuildRequest) -> tuple[Choice, ...]:
        options = self._options
        named = ", ".join(options.buildpacks) or "those of the builder image"
        return (
            Choice("builder", "pack", f"through {find_pack(os.environ)}"),
            Choice("builder image", options.builder, "asked for, or the default"),
            Choice("buildpacks", named, f"in this order; {OURS} is the one of this distribution"),
            Choice("base", options.run_image or "the builder's run image", "the builder image names it"),
            Choice("python", "what the buildpacks or the image bring", "3.11 or newer"),
            Choice("platforms", str(_platform(request) or Platform.of_this_machine()), "one at a time"),
        )

    def _prepare(self, request: BuildRequest, tag: str, folder: Path, report: Report) -> Build:
        app = folder / "app"
        _copy_project(request.project, app)
        env = _build_env(request)
        volumes = self._options.volumes
        if request.secrets:
            volumes += (write_binding(request.secrets, folder / "binding", os.environ.get("DOCKER_HOST", "")),)
            env |= ENV
        env_file = folder / "env"
        env_file.write_text("".join(f"{name}={value}\n" for name, value in env.items()))
        return Build(
            image=tag,
            app=app,
            buildpacks=tuple(_buildpack(name, request, report) for name in self._options.buildpacks),
            # The later file has the last word, and that is the request's.
            env_files=(*self._options.env_files, env_file),
            volumes=volumes,
            platform=_platform(request),
            created=os.environ.get("SOURCE_DATE_EPOCH", ""),
        )


def _buildpack(name: str, request: BuildRequest, report: Report) -> str:
    if name != OURS:
        # pack looks from where it is started; what a project's settings name lies beside them.
        beside = request.project / name
        return str(beside.resolve()) if name.startswith(".") and beside.exists() else name
    from faas_builders.cnb.package import packaged

    return str(packaged(_platform(request) or Platform.of_this_machine(), lambda line: report("layers", line)))


def _build_env(request: BuildRequest) -> dict[str, str]:
    """Each variable twice: for the buildpacks, and, as BPE_NAME, for the image (Paketo's convention).

    Raises: BuildError: a value that pack's files cannot hold.
    """
    env: dict[str, str] = {}
    for name, value in request.env.items():
        if "\n" in value:
            raise BuildError(f"the value of {name} has several lines, which pack cannot pass on", "Mount it as a file")
        env[name] = value
        env[f"BPE_{name}"] = value
    return env


def _platform(request: BuildRequest) -> Platform | None:
    if len(request.platforms) > 1:
        wanted = ", ".join(map(str, request.platforms))
        hint = "Build them one by one with a tag each, or all at once with the oci builder"
        raise BuildError(f"pack makes one platform at a time, not {wanted}", hint)
    return request.platforms[0] if request.platforms else None


def _copy_project(project: Path, app: Path) -> None:
    """Only what belongs into an image: pack itself would send .git, .env and virtual environments too."""
    app.mkdir()
    for file in project_files(project):
        target = app / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy2(file.source, target, follow_symlinks=False)
        except OSError as error:
            raise ProjectFileError(file.source, f"this file cannot be read: {error.strerror}") from error


def _run(command: list[str], report: Report) -> None:
    progress = Progress()

    def show(text: str) -> None:
        if line := progress.line(text):
            report("build", line)

    code = run_reading(command, show)  # asked to end, pack removes its containers
    if code:
        raise progress.failure(code)
