"""The images of one engine, on disk: an OCI layout, and each layer unpacked once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import msgspec

from faas_builders import bundle as bundles
from faas_builders.bundle import Bundle
from faas_builders.cache import locked, make_once, sync_folder, write_atomically
from faas_builders.deps.bytecode import compile_tree
from faas_builders.deps.interpreter import Interpreter, inspect
from faas_builders.errors import ImageMissing, InterpreterError
from faas_builders.oci import model, references
from faas_builders.oci.layer import ArchiveError, Written, extract_layer
from faas_builders.oci.model import Config, Descriptor, Index, Manifest
from faas_builders.oci.references import Reference


class ImageStore:
    """Everything below `images_dir`; safe to use from several processes at once.

    oci/             an OCI image layout: index.json, blobs/sha256/HEX
    unpacked/HEX/    a layer's files, by its diff ID
    layers/KEY.json  which layer came out of which inputs
    dev/HEX.json     bundles of project folders (`faas run`)
    """

    def __init__(self, images_dir: Path) -> None:
        self.root = images_dir
        self.layout = images_dir / "oci"
        self.blobs = self.layout / "blobs" / "sha256"
        self.unpacked = images_dir / "unpacked"
        self.layers = images_dir / "layers"
        self.dev = images_dir / "dev"

    def blob(self, digest: str) -> Path:
        return self.blobs / digest.removeprefix("sha256:")

    def put_blob(self, data: bytes) -> str:
        digest = model.digest_of(data)
        if not self.blob(digest).exists():
            write_atomically(self.blob(digest), data)
        return digest

    def put_layer(self, write: Callable[[IO[bytes]], Written]) -> Written:
        """Let `write` fill a new blob; it gets its name, its digest, only when it is whole and on disk."""
        self.blobs.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".part-", dir=self.blobs)
        try:
            with os.fdopen(descriptor, "wb", buffering=1 << 20) as file:
                written = write(file)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                os.fsync(file.fileno())
            os.replace(name, self.blob(written.digest))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync_folder(self.blobs)
        return written

    def adopt_layer(self, source: Path, digest: str) -> None:
        """Take in a finished blob from elsewhere on this machine: as a link where that works, else as a copy."""
        self.blobs.mkdir(parents=True, exist_ok=True)
        target = self.blob(digest)
        try:
            os.link(source, target)
        except FileExistsError:
            return
        except OSError:  # another file system, or one without links
            write_atomically(target, source.read_bytes())
        sync_folder(self.blobs)

    def put_image(self, reference: Reference, config: Config, layers: tuple[Descriptor, ...]) -> Reference:
        """Store config and manifest, let the tag mean this image, and return the reference by digest."""
        data = model.encode(config)
        labels = {name: value for name, value in config.config.labels.items() if name.startswith("org.opencontainers.")}
        manifest = Manifest(
            config=Descriptor(media_type=model.CONFIG, digest=self.put_blob(data), size=len(data)),
            layers=layers,
            annotations=labels,
        )
        encoded = model.encode(manifest)
        digest = self.put_blob(encoded)
        self._tag(reference, Descriptor(media_type=model.MANIFEST, digest=digest, size=len(encoded)))
        return Reference(reference.registry, reference.name, digest=digest)

    def index(self) -> Index:
        """What the layout holds, oldest first; untagged images are there by digest."""
        try:
            return msgspec.json.decode((self.layout / "index.json").read_bytes(), type=Index)
        except FileNotFoundError:
            return Index()

    def resolve(self, reference: str) -> Bundle:
        """What a process instance needs of this image; unpacks it when that is the first time.

        Raises: ImageMissing: with the reason, which is a permanent one.
        """
        parsed = references.parse(reference)
        if parsed is None:
            raise ImageMissing(reference, "process instances run images of this machine (faas.local/…, dev.local/…)")
        if parsed.registry == references.DEV:
            return self._resolve_dev(reference, parsed)
        digest = parsed.digest or self._digest_of_tag(reference, parsed)
        try:
            manifest = msgspec.json.decode(self.blob(digest).read_bytes(), type=Manifest)
            config = msgspec.json.decode(self.blob(manifest.config.digest).read_bytes(), type=Config)
            return self._bundle(Reference(parsed.registry, parsed.name, digest=digest), manifest, config)
        except FileNotFoundError as error:
            raise ImageMissing(reference, f"not in this image store (no {Path(error.filename).name[:12]})") from error
        except (msgspec.DecodeError, ArchiveError) as error:
            raise ImageMissing(reference, f"its data cannot be used: {error}") from error

    def put_dev(self, bundle: Bundle) -> None:
        write_atomically(
            self.dev / f"{bundle.digest.removeprefix('sha256:')}.json", bundles.encode(bundle), durable=False
        )

    def _resolve_dev(self, reference: str, parsed: Reference) -> Bundle:
        try:
            return bundles.decode((self.dev / f"{parsed.digest.removeprefix('sha256:')}.json").read_bytes())
        except (FileNotFoundError, msgspec.DecodeError) as error:
            raise ImageMissing(reference, "no running `faas run` has made it") from error

    def _digest_of_tag(self, reference: str, parsed: Reference) -> str:
        for manifest in self.index().manifests:
            if manifest.annotations.get(model.REF_NAME) == parsed.tagged:
                return manifest.digest
        raise ImageMissing(reference, "no image of this store has that name and tag")

    def _bundle(self, reference: Reference, manifest: Manifest, config: Config) -> Bundle:
        labels = config.config.labels
        if labels.get(model.BASE) != "host":
            raise ImageMissing(str(reference), "it has a base of its own, so it needs containers")
        try:
            interpreter = inspect(labels[model.PYTHON])
        except InterpreterError as error:
            raise ImageMissing(str(reference), f"its Python is gone: {error.reason}") from error
        if interpreter.abi != labels[model.PYTHON_ABI]:
            reason = f"{interpreter.base} is now {interpreter.abi}, the image was made for {labels[model.PYTHON_ABI]}"
            raise ImageMissing(str(reference), reason)
        folders = [
            self._unpack(layer, diff_id, interpreter)
            for layer, diff_id in zip(manifest.layers, config.rootfs.diff_ids, strict=True)
        ]
        return Bundle(
            reference=str(reference),
            digest=reference.digest,
            python=Path(interpreter.base),
            sys_path=tuple(_locate(path, folders) for path in labels[model.SYS_PATH].split(":")),
            workdir=_locate(config.config.working_dir.lstrip("/"), folders),
            env=tuple((name, value) for name, _, value in (line.partition("=") for line in config.config.env)),
        )

    def _unpack(self, layer: Descriptor, diff_id: str, interpreter: Interpreter) -> Path:
        def fill(folder: Path) -> None:
            extract_layer(self.blob(layer.digest), folder)
            compile_tree(folder, interpreter)

        return make_once(self.unpacked / diff_id.removeprefix("sha256:"), fill)

    def _tag(self, reference: Reference, manifest: Descriptor) -> None:
        with locked(self.layout / ".lock"):
            entry = msgspec.structs.replace(manifest, annotations={model.REF_NAME: reference.tagged})
            others = []
            for other in self.index().manifests:
                if other.digest == entry.digest:
                    continue
                if other.annotations.get(model.REF_NAME) == reference.tagged:
                    # The name has moved on; the image stays until no Revision needs it.
                    other = msgspec.structs.replace(other, annotations={})
                others.append(other)
            self.write_index(Index(manifests=(*others, entry)))

    def write_index(self, index: Index) -> None:
        """Replace index.json; the caller holds the lock of the layout."""
        marker = self.layout / "oci-layout"
        if not marker.exists():
            write_atomically(marker, b'{"imageLayoutVersion":"1.0.0"}')
        write_atomically(self.layout / "index.json", model.encode(index))


def _locate(path: str, folders: list[Path]) -> Path:
    """Layers are unpacked apart from each other; the topmost that has the path is meant."""
    for folder in reversed(folders):
        if (folder / path).exists():
            return folder / path
    return folders[-1] / path
