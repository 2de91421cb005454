"""The builder `oci`: images with Python and the base that was asked for, without a daemon and without root."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from faas_builders.builder import (
    HOST_BASE,
    BuildRequest,
    BuildResult,
    BuiltImage,
    BuiltLayer,
    Choice,
    Report,
    Step,
    silent,
)
from faas_builders.cache import key_of
from faas_builders.deps import find_requirements, resolve, runtime_layer
from faas_builders.deps import install as install_pins
from faas_builders.deps.bytecode import compile_files
from faas_builders.deps.python_version import check_python
from faas_builders.deps.pythons import local_python
from faas_builders.errors import BuildError
from faas_builders.oci import image_config, model, references
from faas_builders.oci.attestations.version_control import REVISION, SOURCE, describe_sources
from faas_builders.oci.bases.cache import BaseCache
from faas_builders.oci.bases.choice import choose_base, required_python
from faas_builders.oci.bases.fetching import Base, BaseImage, fetch_base
from faas_builders.oci.bases.sources import open_source
from faas_builders.oci.image_layers import (
    APP,
    DEPS,
    RUNTIME,
    Layer,
    LayerMaker,
    MadeLayer,
    make_app_layer,
    moment,
    source_epoch,
)
from faas_builders.oci.layers.layer import folder_files
from faas_builders.oci.model import Descriptor
from faas_builders.oci.references import Reference, by_digest
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform


class OciBuilder:
    """Makes images into `store`. Implements `builder.Builder`; with base `host` it is `HostBuilder`."""

    def __init__(self, store: ImageStore, *, pull: bool = False, cache: BaseCache | None = None) -> None:
        """Args: pull: ask the registry of the base also when what its tag means is known from less than a day ago."""
        self._store, self._pull, self._cache = store, pull, cache

    def build(self, request: BuildRequest, report: Report = silent) -> BuildResult:
        """Make the image: the base, on top of it dependencies, runtime, app; an index for several platforms.

        The digest depends on the base, the project's files, the pinned dependencies, the runtime, the Python of this
        machine that compiles them, environment and labels of the request, and SOURCE_DATE_EPOCH.
        Raises: BuilderError.
        """
        if request.base == HOST_BASE:
            from faas_builders.oci.host import HostBuilder

            return HostBuilder(self._store).build(request, report)
        if request.secrets:
            names = ", ".join(sorted(request.secrets))
            raise BuildError(
                f"the builder oci runs nothing that could read secret {names}", "Build with docker instead"
            )
        return _Build(self._store, self._cache or BaseCache(), request, report, self._pull).run()

    def explain(self, request: BuildRequest) -> tuple[Choice, ...]:
        """What `build` would use and why; asks no registry. Raises: BuilderError."""
        from faas_builders.oci.explaining import explain

        return explain(request, self._store, self._cache or BaseCache())


@dataclass(frozen=True, slots=True)
class _Installed:
    """What goes on top of the base of one platform."""

    pins: Path | None
    deps: Path | None
    runtime: Path


class _Build:
    """One build, from what was asked to what is in the store."""

    def __init__(self, store: ImageStore, cache: BaseCache, request: BuildRequest, report: Report, pull: bool) -> None:
        self._store, self._cache, self._request, self._report, self._pull = store, cache, request, report, pull
        self._epoch = source_epoch()
        self._maker = LayerMaker(store, self._epoch, report)
        self._timings_s: dict[Step, float] = {}
        self._reporting = Lock()  # who shows progress need not know that platforms are worked on at the same time

    def run(self) -> BuildResult:
        with self._timed("base"):
            base = self._base()
        with self._timed("resolve"):
            installed = self._install_all(base)
        with self._timed("layers"):
            made = [self._layers(image, parts) for image, parts in zip(base.images, installed, strict=True)]
        with self._timed("config"):
            said = self._said()
            images = tuple(
                self._image(base, image, layers, said) for image, layers in zip(base.images, made, strict=True)
            )
        with self._timed("write"):
            stored = self._name(base, images, said)
            if self._request.attest:
                self._report("write", "SBOM and provenance")
                self._attest(base, images, installed, said)
            self._report("write", str(stored))
        built = tuple(
            BuiltImage(image.platform, descriptor.digest, _built(image, layers))
            for image, descriptor, layers in zip(base.images, images, made, strict=True)
        )
        return BuildResult(str(stored), stored.digest, "oci", base.reference, built, tuple(self._timings_s.items()))

    def _base(self) -> Base:
        choice = choose_base(self._request)
        self._report("base", f"{choice.reference} ({choice.why})")
        source = open_source(
            choice.reference,
            self._store,
            self._cache,
            pull=self._pull,
            insecure=self._request.insecure,
            log=lambda line: self._report("base", line),
        )
        platforms = self._request.platforms or (Platform.of_this_machine(),)
        with closing(source):
            base = fetch_base(source, platforms, self._store, self._cache, python=choice.python)
        for image in base.images:
            facts = image.facts
            check_python(self._request.project, required_python(self._request.project), facts.version)
            libc = f"{facts.libc} {'.'.join(str(part) for part in facts.libc_version)}"
            self._report("base", f"{image.platform}: Python {facts.version} at {facts.python}, {libc}")
            if not facts.certificates:
                self._report("base", f"{image.platform}: no certificate authorities: https:// needs them, or certifi")
        return base

    def _install_all(self, base: Base) -> list[_Installed]:
        """Dependencies and runtime for each platform, all at the same time: most of it waits for uv."""
        requirements = find_requirements(
            self._request.project, groups=self._request.groups, extras=self._request.extras
        )
        self._report("resolve", requirements.origin)

        def install(image: BaseImage) -> tuple[Path | None, Path | None]:
            prefix = f"{image.platform}: " if len(base.images) > 1 else ""

            def log(line: str) -> None:
                with self._reporting:
                    self._report("resolve", prefix + line)

            pins = resolve(requirements, image.target, log)
            return pins, install_pins(pins, image.target, log) if pins else None

        with ThreadPoolExecutor(2 * len(base.images), "install") as pool:
            runtimes = [pool.submit(runtime_layer, image.target) for image in base.images]
            installed = pool.map(install, base.images)
            return [
                _Installed(pins, deps, runtime.result())
                for (pins, deps), runtime in zip(installed, runtimes, strict=True)
            ]

    def _layers(self, image: BaseImage, parts: _Installed) -> list[MadeLayer]:
        made = []
        for name, folder, prefix in (("deps", parts.deps, DEPS), ("runtime", parts.runtime, RUNTIME)):
            if folder is not None:
                key = key_of(f"{name} with bytecode", folder.name, str(self._epoch))
                files = lambda folder=folder: folder_files(folder, bytecode=True)  # noqa: E731
                made.append(self._maker.make(Layer(name, key, prefix, files)))
        return [*made, self._app(image.facts.minor)]

    def _app(self, minor: str) -> MadeLayer:
        compiler = local_python(minor, self._request.project)
        if compiler is None:
            self._report("layers", f"app has no bytecode: this machine has no Python {minor} to make it")
            return make_app_layer(self._maker, self._request.project, self._epoch)
        return make_app_layer(
            self._maker,
            self._request.project,
            self._epoch,
            lambda files: compile_files(files, compiler, f"/{APP}"),
            f"{compiler.abi} {compiler.version}",
        )

    def _said(self) -> dict[str, str]:
        """Labels and annotations that all platforms have."""
        said = {image_config.TITLE: self._request.name, image_config.CREATED: moment(self._epoch)}
        return {**said, **describe_sources(self._request.project)}

    def _image(self, base: Base, image: BaseImage, made: list[MadeLayer], said: dict[str, str]) -> Descriptor:
        said = {**said, **_base_said(base, image.digest), model.BASE: base.reference}
        config = image_config.make_config(image.config, image.facts, self._request, made, said, self._epoch)
        return self._store.put_manifest(config, (*image.layers, *(layer.descriptor for layer in made)))

    def _name(self, base: Base, images: tuple[Descriptor, ...], said: dict[str, str]) -> Reference:
        named = Reference(references.HOST, self._request.name, tag=self._request.tag)
        if len(images) == 1:
            return self._store.tag(named, images[0])
        return self._store.put_index(named, images, {**said, **_base_said(base, base.digest)})

    def _attest(
        self, base: Base, images: tuple[Descriptor, ...], installed: list[_Installed], said: dict[str, str]
    ) -> None:
        """Attach to each image what is in it and how it was made."""
        from faas_builders.oci.attestations.attesting import attest
        from faas_builders.oci.attestations.ingredients import Ingredients

        for image, descriptor, parts in zip(base.images, images, installed, strict=True):
            made_of = Ingredients(
                name=self._request.name,
                platform=image.platform,
                python=image.facts.version,
                base=by_digest(base.written, image.digest, keep_tag=True),
                project=self._request.project,
                deps=parts.deps,
                runtime=parts.runtime,
                pins=parts.pins,
                epoch=self._epoch,
                commit=said.get(REVISION, ""),
                repository=said.get(SOURCE, ""),
                parameters={"groups": list(self._request.groups), "extras": list(self._request.extras)},
            )
            attest(self._store, descriptor, made_of)

    @contextmanager
    def _timed(self, step: Step) -> Iterator[None]:
        started_s = time.perf_counter()
        yield
        self._timings_s[step] = time.perf_counter() - started_s


def _base_said(base: Base, digest: str) -> dict[str, str]:
    named = {image_config.BASE_NAME: base.name} if base.name else {}
    return {**named, image_config.BASE_DIGEST: digest}


def _built(image: BaseImage, made: list[MadeLayer]) -> tuple[BuiltLayer, ...]:
    below = tuple(
        BuiltLayer("base", layer.digest, layer.size, layer.digest not in image.fetched) for layer in image.layers
    )
    return (*below, *(layer.built for layer in made))
