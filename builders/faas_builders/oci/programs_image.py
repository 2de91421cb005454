"""The image of the toolkit's own programs, those that run in a cluster: exactly the modules that they import.

A base with Python, the libraries that they need, a layer with their modules. The same toolkit on the same base gives
the same digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from faas_builders.builder import BuildRequest, BuildResult, BuiltImage, BuiltLayer, Report, silent
from faas_builders.cache import key_of
from faas_builders.deps.bytecode import compile_files
from faas_builders.deps.imports import imported_by
from faas_builders.deps.pythons import local_python
from faas_builders.deps.runtime import install_programs
from faas_builders.deps.runtime_requirements import installed_pins, program_requirements
from faas_builders.files import ProjectFile, content_hash
from faas_builders.oci import model, references
from faas_builders.oci.bases.cache import BaseCache
from faas_builders.oci.bases.choice import choose_base
from faas_builders.oci.bases.fetching import Base, BaseImage, fetch_base
from faas_builders.oci.bases.inspecting import USER
from faas_builders.oci.bases.sources import open_source
from faas_builders.oci.image_config import BASE_DIGEST, BASE_NAME, CREATED, TITLE
from faas_builders.oci.image_layers import Layer, LayerMaker, MadeLayer, history, moment, source_epoch
from faas_builders.oci.layers.layer import folder_files
from faas_builders.oci.model import Config, ContainerConfig
from faas_builders.oci.references import Reference
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform

PYTHON = "/opt/faas/bin/python"
"""The base's Python, wherever that is: what a manifest names that starts another program than the image's own."""

_ROOT = "opt/faas"
_LIBRARIES, _PROGRAMS = f"{_ROOT}/libraries", f"{_ROOT}/programs"


@dataclass(frozen=True, slots=True)
class Programs:
    """What the image is to hold."""

    name: str  # of the image
    packages: tuple[str, ...]  # whose modules are programs: all of each is in the image
    within: tuple[str, ...]  # top-level packages whose modules go along when they are imported
    distributions: tuple[str, ...]  # that say which versions of libraries they need
    extra: str  # of these, which names libraries that are needed too
    module: str  # that the image starts
    env: Mapping[str, str] = field(default_factory=dict)
    folders_kept: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # in a library's folder, of all its own


@dataclass(frozen=True, slots=True)
class ProgramsRequest:
    base: str = ""  # an image reference; "": python:MINOR-slim
    python_version: str = ""
    platforms: tuple[Platform, ...] = ()  # (): this machine's
    insecure: bool = False
    pull: bool = False


def make_programs_image(
    store: ImageStore, programs: Programs, request: ProgramsRequest, report: Report = silent
) -> BuildResult:
    """Make the image into the store; layers that are there are not made again. Raises: BuilderError."""
    base = _find_base(store, programs.name, request, report)
    imported = imported_by(programs.packages, programs.within)
    wanted = program_requirements(programs.distributions, imported.outside, programs.extra)
    lines, pins = "\n".join(wanted), "\n".join(installed_pins(wanted))
    modules = [ProjectFile(path, source) for path, source in imported.files.items()]
    report("resolve", f"{len(modules)} modules, {len(wanted)} libraries")
    with ThreadPoolExecutor(len(base.images), "install") as pool:
        libraries = list(
            pool.map(lambda image: install_programs(lines, pins, image.target, f"/{_LIBRARIES}"), base.images)
        )
    epoch = source_epoch()
    maker = LayerMaker(store, epoch, report)
    images: list[model.Descriptor] = []
    built: list[BuiltImage] = []
    for image, folder in zip(base.images, libraries, strict=True):
        made = [_libraries(maker, programs, folder, epoch), _modules(maker, modules, image, epoch)]
        config = _config(programs, base, image, made, epoch)
        layers = (*image.layers, *(layer.descriptor for layer in made))
        descriptor = store.put_manifest(config, layers)
        images.append(descriptor)
        below = tuple(BuiltLayer("base", layer.digest, layer.size, True) for layer in image.layers)
        built.append(BuiltImage(image.platform, descriptor.digest, (*below, *(layer.built for layer in made))))
    named = Reference(references.HOST, programs.name, tag="latest")
    said = {**_said(programs, epoch), BASE_DIGEST: base.digest}
    stored = store.tag(named, images[0]) if len(images) == 1 else store.put_index(named, tuple(images), said)
    report("write", str(stored))
    return BuildResult(str(stored), stored.digest, "oci", base.reference, tuple(built))


def _find_base(store: ImageStore, name: str, request: ProgramsRequest, report: Report) -> Base:
    nowhere = Path("/nonexistent")  # they are no project of anybody's that could have a say in this
    choice = choose_base(BuildRequest(nowhere, name, base=request.base, python_version=request.python_version))
    report("base", f"{choice.reference} ({choice.why})")
    cache = BaseCache()
    source = open_source(
        choice.reference, store, cache, pull=request.pull, insecure=request.insecure,
        log=lambda line: report("base", line),
    )  # fmt: skip
    platforms = request.platforms or (Platform.of_this_machine(),)
    with closing(source):
        return fetch_base(source, platforms, store, cache, python=choice.python)


def _libraries(maker: LayerMaker, programs: Programs, folder: Path, epoch: int) -> MadeLayer:
    def files() -> list[ProjectFile]:
        return [file for file in folder_files(folder, bytecode=True) if _is_kept(file.path, programs.folders_kept)]

    key = key_of("libraries with bytecode", folder.name, repr(sorted(programs.folders_kept.items())), str(epoch))
    return maker.make(Layer("libraries", key, _LIBRARIES, files))


def _is_kept(path: str, folders_kept: Mapping[str, tuple[str, ...]]) -> bool:
    for folder, kept in folders_kept.items():
        name, slash, _ = path.removeprefix(f"{folder}/").partition("/")
        if path.startswith(f"{folder}/") and slash and name not in kept:
            return False
    return True


def _modules(maker: LayerMaker, modules: list[ProjectFile], image: BaseImage, epoch: int) -> MadeLayer:
    """The programs, and a link to the Python that runs them."""
    place = _PROGRAMS.removeprefix(f"{_ROOT}/")
    up = "/".join([".."] * (PYTHON.count("/") - 1))  # relative: it leads nowhere else in an unpacked image
    python = ProjectFile(PYTHON.removeprefix(f"/{_ROOT}/"), Path(PYTHON), link=up + image.facts.python)
    compiler = local_python(image.facts.minor)
    compiled = "" if compiler is None else f"{compiler.abi} {compiler.version}"

    def files() -> list[ProjectFile]:
        bytecode = [] if compiler is None else compile_files(modules, compiler, f"/{_PROGRAMS}")
        moved = [replace(file, path=f"{place}/{file.path}") for file in (*modules, *bytecode)]
        return [python, *moved]

    key = key_of("programs", content_hash(modules), python.link, compiled, str(epoch))
    return maker.make(Layer("programs", key, _ROOT, files))


def _config(programs: Programs, base: Base, image: BaseImage, made: list[MadeLayer], epoch: int) -> Config:
    of_base = model.inherited(image.config)
    variables = dict(line.partition("=")[::2] for line in of_base.config.env)
    if "HOME" not in variables and not image.facts.home:
        variables["HOME"] = "/tmp"  # the one folder that is writable as any user, also in a read-only container
    variables |= {"PYTHONUNBUFFERED": "1", **programs.env, "PYTHONPATH": f"/{_PROGRAMS}:/{_LIBRARIES}"}
    labels = {
        **_said(programs, epoch),
        **({BASE_NAME: base.name} if base.name else {}),
        BASE_DIGEST: image.digest,
        model.BASE: base.reference,
        model.PYTHON: image.facts.python,
    }
    container = ContainerConfig(
        user=f"{USER}:{USER}",
        env=tuple(f"{name}={value}" for name, value in variables.items()),
        entrypoint=(image.facts.python, "-P", "-m", programs.module),
        working_dir="/",
        labels=dict(sorted(labels.items())),
        stop_signal="SIGTERM",
    )
    return msgspec.structs.replace(
        of_base,
        created=moment(epoch),
        config=container,
        rootfs=model.RootFs(diff_ids=(*of_base.rootfs.diff_ids, *(layer.record.diff_id for layer in made))),
        history=(*of_base.history, *history(made, epoch)),
    )


def _said(programs: Programs, epoch: int) -> dict[str, str]:
    return {TITLE: programs.name, CREATED: moment(epoch)}
