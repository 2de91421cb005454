"""The layers that we put on top of a base: dependencies, runtime, app; each is made once for its inputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from faas_builders.builder import BuiltLayer, Report
from faas_builders.cache import cache_dir, cached, key_of
from faas_builders.deps.shipped import fit_for_image
from faas_builders.disk import space_on, write_atomically
from faas_builders.errors import BuildError
from faas_builders.files import ProjectFile, content_hash, project_files
from faas_builders.oci import model
from faas_builders.oci.layers.gzipping import FORMAT
from faas_builders.oci.layers.layer import Written, write_layer
from faas_builders.oci.model import Descriptor, History
from faas_builders.oci.store import ImageStore

APP = "app"
DEPS = "opt/faas/deps"
RUNTIME = "opt/faas/runtime"


@dataclass(frozen=True, slots=True)
class Layer:
    name: str
    key: str  # of its inputs
    prefix: str
    files: Callable[[], Sequence[ProjectFile]]  # only asked when the layer is not there yet
    shared: bool = True  # not of this project alone
    is_current: Callable[[], bool] = lambda: True  # asked when it was made: whether the key is its inputs' still


class LayerRecord(msgspec.Struct, frozen=True):
    digest: str
    diff_id: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class MadeLayer:
    name: str
    record: LayerRecord
    reused: bool

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(media_type=model.LAYER, digest=self.record.digest, size=self.record.size_bytes)

    @property
    def built(self) -> BuiltLayer:
        return BuiltLayer(self.name, self.record.digest, self.record.size_bytes, self.reused)


class LayerMaker:
    """Makes layers into `store`, and remembers which came out of which inputs."""

    def __init__(self, store: ImageStore, epoch: int, report: Report) -> None:
        self._store, self._epoch, self._report = store, epoch, report

    def make(self, layer: Layer) -> MadeLayer:
        """The layer: what is there already is not made again, and not read. Raises: ProjectFileError, NoSpace."""
        key = key_of(FORMAT, layer.key)
        path = self._store.layers / f"{key}.json"
        try:
            record = msgspec.json.decode(path.read_bytes(), type=LayerRecord)
            if self._store.has(record.digest):
                self._report("layers", f"{layer.name} unchanged")
                return MadeLayer(layer.name, record, True)
        except (FileNotFoundError, msgspec.DecodeError):
            pass
        record = self._shared(layer, key) if layer.shared else self._own(layer)
        if not layer.is_current():
            raise _Changed(f"the files of layer {layer.name} changed while it was made", "Build again")
        write_atomically(path, msgspec.json.encode(record), durable=False)
        self._report("layers", f"{layer.name} {record.size_bytes / 1e6:.1f} MB")
        return MadeLayer(layer.name, record, False)

    def _own(self, layer: Layer) -> LayerRecord:
        written = self._store.put_layer(lambda out: write_layer(layer.files(), layer.prefix, out, epoch=self._epoch))
        return _record(written)

    def _shared(self, layer: Layer, key: str) -> LayerRecord:
        """A layer that other projects and other engines of this user have too is packed once for all of them."""

        def fill(folder: Path) -> None:
            with open(folder / "layer.tar.gz", "wb", buffering=1 << 20) as out:
                record = _record(write_layer(layer.files(), layer.prefix, out, epoch=self._epoch))
                out.flush()
                os.fsync(out.fileno())
            (folder / "layer.json").write_bytes(msgspec.json.encode(record))

        with space_on(cache_dir()):
            packed = cached(cache_dir() / "layers" / key, fill)
        record = msgspec.json.decode((packed / "layer.json").read_bytes(), type=LayerRecord)
        self._store.adopt_layer(packed / "layer.tar.gz", record.digest)
        return record


Compile = Callable[[Sequence[ProjectFile]], Sequence[ProjectFile]]


def make_app_layer(
    maker: LayerMaker, project: Path, epoch: int, compiled: Compile = lambda files: (), compiler: str = ""
) -> MadeLayer:
    """The layer of the project's own files, as they were at one moment.

    Args: compiled: makes bytecode of them, more files of the layer; compiler: with what, part of the layer's key.
    Raises: BuildError: they change all the time.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return maker.make(_app_layer(project, epoch, compiled, compiler))
        except BuildError as error:
            passes = isinstance(error, _Changed) or isinstance(error.__cause__, FileNotFoundError)
            if not passes or attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError


def _app_layer(project: Path, epoch: int, compiled: Compile, compiler: str) -> Layer:
    files = fit_for_image(project_files(project))
    content = content_hash(files)
    return Layer(
        "app",
        key_of("app", content, str(epoch), *([compiler] if compiler else [])),
        APP,
        lambda: [*files, *compiled(files)],
        shared=False,
        is_current=lambda: content_hash(fit_for_image(project_files(project))) == content,
    )


_ATTEMPTS = 5  # somebody saves, or a tool writes many files: that is over soon


class _Changed(BuildError):
    pass


def source_epoch() -> int:
    """SOURCE_DATE_EPOCH, the moment that all of a build is from; 0 without.

    Raises: BuildError: it is no number. Source: reproducible-builds.org.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "") or "0"
    if not text.isascii() or not text.isdigit() or int(text) > _LATEST:
        raise BuildError(
            f"SOURCE_DATE_EPOCH is {text!r}, which is no moment",
            "Set it to seconds since 1970, as `git log -1 --format=%ct` prints them",
        )
    return int(text)


_LATEST = 253_402_300_799  # 9999-12-31T23:59:59Z: what RFC 3339 can write


def moment(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def history(made: Sequence[MadeLayer], epoch: int) -> tuple[History, ...]:
    return tuple(History(created=moment(epoch), created_by=f"faas {layer.name}") for layer in made)


def app_paths(project: Path) -> tuple[str, ...]:
    """Folders of a project that its modules are imported from, relative to it: itself, and `src` in a src layout."""
    source = project / "src"
    return (".", "src") if source.is_dir() and not (source / "__init__.py").exists() else (".",)


def app_folders(project: Path) -> list[str]:
    """`app_paths` as they are in an image, without the first slash."""
    return [APP if path == "." else f"{APP}/{path}" for path in app_paths(project)]


def _record(written: Written) -> LayerRecord:
    return LayerRecord(written.digest, written.diff_id, written.size_bytes)
