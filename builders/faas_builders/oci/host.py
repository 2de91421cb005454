"""Images with base `host`: they hold everything but Python itself, which is the engine's own machine's."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from faas_builders.builder import HOST_BASE, BuildRequest, BuildResult, BuiltImage, Report, silent
from faas_builders.cache import key_of
from faas_builders.deps import OWN, Interpreter, find_requirements, inspect, install, resolve, runtime_layer
from faas_builders.oci import model, references
from faas_builders.oci.image_layers import (
    APP,
    DEPS,
    RUNTIME,
    Layer,
    LayerMaker,
    MadeLayer,
    app_folders,
    history,
    make_app_layer,
    moment,
    source_epoch,
)
from faas_builders.oci.layers.layer import folder_files
from faas_builders.oci.model import Config, ContainerConfig, RootFs
from faas_builders.oci.references import Reference
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform


class HostBuilder:
    """Makes images for the Python that is named in the request. Implements `builder.Builder`."""

    def __init__(self, store: ImageStore) -> None:
        self._store = store

    def build(self, request: BuildRequest, report: Report = silent) -> BuildResult:
        """Make the image from three layers: dependencies, runtime, app; a layer that is there is not made again.

        The digest depends on the project's files, the pinned dependencies, the runtime, the Python, the labels and
        SOURCE_DATE_EPOCH. Raises: BuildError.
        """
        epoch = source_epoch()
        interpreter = inspect(request.python or sys.executable)
        requirements = find_requirements(request.project, groups=request.groups, extras=request.extras)
        report("resolve", f"Python {interpreter.version} at {interpreter.base}, {requirements.origin}")
        pins = resolve(requirements, interpreter, lambda line: report("resolve", line))
        # The layer has no bytecode: that is made where it is unpacked, so that tracebacks name those files.
        deps = install(pins, interpreter, lambda line: report("resolve", line), compiled=False) if pins else None

        maker = LayerMaker(self._store, epoch, report)
        made = [maker.make(layer) for layer in _layers(deps, runtime_layer(interpreter.base), epoch)]
        made.append(make_app_layer(maker, request.project, epoch))
        stored = self._store.put_image(
            Reference(references.HOST, request.name, tag=request.tag),
            _config(request, interpreter, made, epoch),
            tuple(layer.descriptor for layer in made),
        )
        report("config", str(stored))
        images = (BuiltImage(Platform.of_this_machine(), stored.digest, tuple(layer.built for layer in made)),)
        return BuildResult(str(stored), stored.digest, "oci", HOST_BASE, images)


def _layers(deps: Path | None, runtime: Path, epoch: int) -> list[Layer]:
    layers = [Layer("runtime", key_of("runtime", runtime.name, str(epoch)), RUNTIME, lambda: folder_files(runtime))]
    if deps is None:
        return layers
    return [Layer("deps", key_of("deps", deps.name, str(epoch)), DEPS, lambda: folder_files(deps)), *layers]


def _config(request: BuildRequest, interpreter: Interpreter, made: list[MadeLayer], epoch: int) -> Config:
    deps = [DEPS] if any(layer.name == "deps" for layer in made) else []
    labels = {
        **request.labels,
        "org.opencontainers.image.title": request.name,
        model.BASE: HOST_BASE,
        model.PYTHON: interpreter.base,
        model.PYTHON_ABI: interpreter.abi,
        # Ours before the project's own copy of it, the project before what it needs, that before what we need.
        model.SYS_PATH: ":".join([f"{RUNTIME}/{OWN}", *app_folders(request.project), *deps, RUNTIME]),
    }
    return Config(
        created=moment(epoch),
        architecture=Platform.of_this_machine().architecture,
        os=platform.system().lower(),
        config=ContainerConfig(
            env=tuple(f"{name}={value}" for name, value in sorted(request.env.items())),
            entrypoint=(interpreter.base, "-m", "faas_runtime"),
            working_dir=f"/{APP}",
            labels=dict(sorted(labels.items())),
            stop_signal="SIGTERM",
        ),
        rootfs=RootFs(diff_ids=tuple(layer.record.diff_id for layer in made)),
        history=history(made, epoch),
    )
