"""Images with base `host`: they hold everything but Python itself, which is the engine's own machine's."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from faas_builders.builder import HOST_BASE, BuildRequest, BuildResult, BuiltImage, BuiltLayer, Report, silent
from faas_builders.cache import cache_dir, cached, key_of, write_atomically
from faas_builders.deps import OWN, Interpreter, find_requirements, inspect, install, resolve, runtime_layer
from faas_builders.files import ProjectFile, content_hash, project_files
from faas_builders.oci import model, references
from faas_builders.oci.layer import Written, folder_files, write_layer
from faas_builders.oci.model import Config, ContainerConfig, Descriptor, History, RootFs
from faas_builders.oci.references import Reference
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform

APP = "app"
DEPS = "opt/faas/deps"
RUNTIME = "opt/faas/runtime"


class _LayerRecord(msgspec.Struct, frozen=True):
    digest: str
    diff_id: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Layer:
    name: str
    key: str  # of its inputs
    prefix: str
    files: Callable[[], list[ProjectFile]]  # only asked when the layer is not there yet
    shared: bool = True  # not of this project alone


class HostBuilder:
    """Makes images for the Python that is named in the request. Implements `builder.Builder`."""

    def __init__(self, store: ImageStore) -> None:
        self._store = store

    def build(self, request: BuildRequest, report: Report = silent) -> BuildResult:
        """Make the image from three layers: dependencies, runtime, app; a layer that is there is not made again.

        The digest depends on the project's files, the pinned dependencies, the runtime, the Python, the labels and
        SOURCE_DATE_EPOCH. Raises: BuildError.
        """
        epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
        interpreter = inspect(request.python or sys.executable)
        requirements = find_requirements(request.project)
        report("resolve", f"Python {interpreter.version} at {interpreter.base}, {requirements.origin}")
        pins = resolve(requirements, interpreter, lambda line: report("resolve", line))
        deps = install(pins, interpreter, lambda line: report("resolve", line)) if pins else None

        wanted = _layers(request.project, deps, runtime_layer(interpreter.base), epoch)
        made = [self._layer(layer, epoch, report) for layer in wanted]

        config = _config(request, interpreter, [record for record, _ in made], wanted, epoch)
        descriptors = tuple(
            Descriptor(media_type=model.LAYER, digest=record.digest, size=record.size_bytes) for record, _ in made
        )
        named = Reference(references.HOST, request.name, tag=request.tag)
        stored = self._store.put_image(named, config, descriptors)
        report("config", str(stored))
        layers = tuple(
            BuiltLayer(layer.name, record.digest, record.size_bytes, reused)
            for layer, (record, reused) in zip(wanted, made, strict=True)
        )
        images = (BuiltImage(Platform.of_this_machine(), stored.digest, layers),)
        return BuildResult(str(stored), stored.digest, "oci", HOST_BASE, images)

    def _layer(self, layer: _Layer, epoch: int, report: Report) -> tuple[_LayerRecord, bool]:
        path = self._store.layers / f"{layer.key}.json"
        try:
            record = msgspec.json.decode(path.read_bytes(), type=_LayerRecord)
            if self._store.blob(record.digest).exists():
                report("layers", f"{layer.name} unchanged")
                return record, True
        except (FileNotFoundError, msgspec.DecodeError):
            pass
        record = self._shared(layer, epoch) if layer.shared else self._make(layer, epoch)
        write_atomically(path, msgspec.json.encode(record), durable=False)
        report("layers", f"{layer.name} {record.size_bytes / 1e6:.1f} MB")
        return record, False

    def _make(self, layer: _Layer, epoch: int) -> _LayerRecord:
        return _record(self._store.put_layer(lambda out: write_layer(layer.files(), layer.prefix, out, epoch=epoch)))

    def _shared(self, layer: _Layer, epoch: int) -> _LayerRecord:
        """A layer that other projects and other engines of this user have too is packed once for all of them."""

        def fill(folder: Path) -> None:
            with open(folder / "layer.tar.gz", "wb", buffering=1 << 20) as out:
                record = _record(write_layer(layer.files(), layer.prefix, out, epoch=epoch))
                out.flush()
                os.fsync(out.fileno())
            (folder / "layer.json").write_bytes(msgspec.json.encode(record))

        packed = cached(cache_dir() / "layers" / layer.key, fill)
        record = msgspec.json.decode((packed / "layer.json").read_bytes(), type=_LayerRecord)
        self._store.adopt_layer(packed / "layer.tar.gz", record.digest)
        return record


def _record(written: Written) -> _LayerRecord:
    return _LayerRecord(written.digest, written.diff_id, written.size_bytes)


def app_paths(project: Path) -> tuple[str, ...]:
    """Folders of a project that its modules are imported from, relative to it: itself, and `src` in a src layout."""
    source = project / "src"
    return (".", "src") if source.is_dir() and not (source / "__init__.py").exists() else (".",)


def _layers(project: Path, deps: Path | None, runtime: Path, epoch: int) -> list[_Layer]:
    app = project_files(project)
    layers = [
        _Layer("runtime", key_of("runtime", runtime.name, str(epoch)), RUNTIME, lambda: folder_files(runtime)),
        _Layer("app", key_of("app", content_hash(app), str(epoch)), APP, lambda: app, shared=False),
    ]
    if deps is None:
        return layers
    return [_Layer("deps", key_of("deps", deps.name, str(epoch)), DEPS, lambda: folder_files(deps)), *layers]


def _config(
    request: BuildRequest, interpreter: Interpreter, records: list[_LayerRecord], layers: list[_Layer], epoch: int
) -> Config:
    created = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    app = [APP if path == "." else f"{APP}/{path}" for path in app_paths(request.project)]
    deps = [DEPS] if any(layer.name == "deps" for layer in layers) else []
    labels = {
        **request.labels,
        "org.opencontainers.image.title": request.name,
        model.BASE: "host",
        model.PYTHON: interpreter.base,
        model.PYTHON_ABI: interpreter.abi,
        # Ours before the project's own copy of it, the project before what it needs, that before what we need.
        model.SYS_PATH: ":".join([f"{RUNTIME}/{OWN}", *app, *deps, RUNTIME]),
    }
    return Config(
        created=created,
        architecture=_ARCHITECTURES.get(platform.machine(), platform.machine()),
        os=platform.system().lower(),
        config=ContainerConfig(
            entrypoint=(interpreter.base, "-m", "faas_runtime"),
            working_dir=f"/{APP}",
            labels=dict(sorted(labels.items())),
            stop_signal="SIGTERM",
        ),
        rootfs=RootFs(diff_ids=tuple(record.diff_id for record in records)),
        history=tuple(History(created=created, created_by=f"faas {layer.name}") for layer in layers),
    )


# Go's names, which OCI uses, for what uname says.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
