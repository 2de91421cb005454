"""Images of others into the store: `docker save` archives, OCI layouts as folders and as tars.

Nothing that an archive says is believed: every blob is hashed while it is copied, and read no further than the size
that the document above it declares. The tag comes last, when all of the image is here.
"""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from faas_builders.errors import InvalidImage
from faas_builders.oci import model, references
from faas_builders.oci.layers.layer import Written
from faas_builders.oci.layers.limits import Budget
from faas_builders.oci.layout import referring
from faas_builders.oci.model import CONTAINERD_NAME, Descriptor, Index, Manifest, PlatformFields
from faas_builders.oci.references import Reference
from faas_builders.oci.store import ImageStore
from faas_builders.oci.tarring import Archive, open_archive, read_document

_Entry = TypeVar("_Entry")

_PIECE = 1 << 20
_MOST_IMAGES = 1000  # in one archive
_NAMES = (model.REF_NAME, CONTAINERD_NAME)


class _Saved(msgspec.Struct, frozen=True, rename="pascal"):
    """An image in the manifest.json of `docker save`."""

    config: str
    layers: tuple[str, ...]
    repo_tags: tuple[str, ...] | None = None


def import_archive(store: ImageStore, path: Path, name: str, tag: str = "latest", *, image: str = "") -> Reference:
    """Take in the image of an archive as `faas.local/NAME:TAG`; the reference by digest.

    Layers are stored as they come: `docker save` does not compress them, and neither does this. A layer that the store
    has already, in whatever form, is not copied again.

    Args: image: which of several images, as the archive calls it.
    Raises: InvalidImage: names what is wrong with the archive. ArchiveError: an entry leaves it. NoSpace. BuilderError:
    no image can have that name.
    """
    reference = references.check(Reference(references.HOST, name, tag=tag))
    with open_archive(path, store.root) as archive:
        if archive.has("oci-layout") and archive.has("index.json"):
            found, referrers = _Layout(store, archive, path).take(image)
        elif archive.has("manifest.json"):
            found, referrers = _take_saved(store, archive, path, image), ()
        else:
            raise InvalidImage(
                f"{path} holds no image: it has neither an index.json nor a manifest.json",
                "`docker save`, `skopeo copy` and `faas build` make such archives",
            )
    stored = store.tag(reference, found)
    for referrer in referrers:
        store.add_referrer(referrer)
    return stored


class _Layout:
    """An OCI image layout in an archive."""

    def __init__(self, store: ImageStore, archive: Archive, path: Path) -> None:
        self._store, self._archive, self._path = store, archive, path

    def take(self, image: str) -> tuple[Descriptor, tuple[Descriptor, ...]]:
        entries = model.decode_index(read_document(self._archive, "index.json")).manifests
        if len(entries) > _MOST_IMAGES:
            raise InvalidImage(f"{self._path} has {len(entries)} images, more than can be looked through")
        documents = {entry.digest: self._document(entry)[0] for entry in entries}
        images: dict[str, list[str]] = {}  # one image may have several names
        for entry in entries:
            if documents[entry.digest].subject is None:
                names = [entry.annotations[name] for name in _NAMES if name in entry.annotations]
                images.setdefault(entry.digest, []).extend(names)
        chosen = _chosen(self._path, list(images.items()), image)
        by_digest = {entry.digest: entry for entry in entries}
        taken = self._take(by_digest[chosen])
        subjects = {entry.digest: subject.digest for entry in entries if (subject := documents[entry.digest].subject)}
        about = referring(subjects, self._store.oci.reach([taken.digest]).manifests)
        return taken, tuple(self._take(by_digest[digest], artifact=True) for digest in about)

    def _take(self, descriptor: Descriptor, *, artifact: bool = False) -> Descriptor:
        """Copy a document after all that it names."""
        document, data = self._document(descriptor)
        if isinstance(document, Index):
            there = tuple(child for child in document.manifests if self._has(child))
            if not there:
                raise InvalidImage(f"{self._path} has none of the images that its index names")
            if any(isinstance(self._document(child)[0], Index) for child in there):
                raise InvalidImage(f"{self._path} has an index inside of an index, which cannot be used")
            taken = tuple(self._take(child, artifact=_is_attestation(child)) for child in there)
            if there != document.manifests:
                # Docker saves the platforms that it has pulled, below an index that names all.
                return taken[0] if len(taken) == 1 else self._store.put_document(Index(manifests=taken))
        else:
            if document.config.size > model.MOST_DOCUMENT_BYTES:
                raise InvalidImage(f"a config of {document.config.size} bytes, more than any image has")
            self._take_blob(document.config)
            if not artifact:
                self._store.oci.config(document)
            for layer in document.layers:
                if not model.is_foreign(layer):
                    self._take_blob(layer)
        self._store.put_blob(data)
        return msgspec.structs.replace(descriptor, media_type=document.media_type, size=len(data), annotations={})

    def _document(self, descriptor: Descriptor) -> tuple[Manifest | Index, bytes]:
        data = read_document(self._archive, _blob_name(descriptor))
        if len(data) != descriptor.size or model.digest_of(data) != descriptor.digest:
            raise InvalidImage(f"{_blob_name(descriptor)} of {self._path} is not what its digest says")
        return model.decode(data), data

    def _has(self, descriptor: Descriptor) -> bool:
        return self._archive.has(_blob_name(descriptor))

    def _take_blob(self, descriptor: Descriptor) -> None:
        name = _blob_name(descriptor)
        if self._store.has(descriptor.digest):
            if self._store.blob(descriptor.digest).stat().st_size != descriptor.size:
                raise InvalidImage(f"{name} of {self._path} does not have the size that its manifest declares")
            return
        if self._archive.size(name) != descriptor.size:
            raise InvalidImage(f"{name} of {self._path} does not have the size that its manifest declares")

        def copy(out: IO[bytes]) -> Written:
            with self._archive.open(name) as file:
                written = _copy(file, out, descriptor.size, unpack=False)
            if written.digest != descriptor.digest:
                raise InvalidImage(f"{name} of {self._path} is not what its digest says")
            return written

        self._store.put_layer(copy)


def _take_saved(store: ImageStore, archive: Archive, path: Path, image: str) -> Descriptor:
    try:
        saved = msgspec.json.decode(read_document(archive, "manifest.json"), type=tuple[_Saved, ...])
    except msgspec.DecodeError as error:
        raise InvalidImage(f"the manifest.json of {path} is none of `docker save`: {error}") from error
    chosen = _chosen(path, [(entry, list(entry.repo_tags or ())) for entry in saved], image)
    data = read_document(archive, chosen.config)
    config = model.decode_config(data)
    if len(config.rootfs.diff_ids) != len(chosen.layers):
        counts = f"{len(chosen.layers)} layers and {len(config.rootfs.diff_ids)} diff IDs"
        raise InvalidImage(f"the manifest.json and the config in {path} do not fit: {counts}")
    known = store.layers_by_diff_id()
    layers = tuple(
        _saved_layer(store, archive, name, diff_id, known)
        for name, diff_id in zip(chosen.layers, config.rootfs.diff_ids, strict=True)
    )
    manifest = Manifest(
        config=Descriptor(media_type=model.CONFIG, digest=store.put_blob(data), size=len(data)), layers=layers
    )
    return store.put_document(manifest, PlatformFields.of(config.platform))


def _saved_layer(
    store: ImageStore, archive: Archive, name: str, diff_id: str, known: dict[str, Descriptor]
) -> Descriptor:
    if diff_id in known and store.has(known[diff_id].digest):
        layer = known[diff_id]
        return Descriptor(media_type=model.oci_type(layer.media_type), digest=layer.digest, size=layer.size)
    if store.has(diff_id):
        return Descriptor(media_type=model.LAYER_TAR, digest=diff_id, size=store.blob(diff_id).stat().st_size)

    def copy(out: IO[bytes]) -> Written:
        with archive.open(name) as file:
            written = _copy(file, out, archive.size(name), unpack=True)
        if written.diff_id != diff_id:
            raise InvalidImage(f"the layer {name} is not the one that the config of the image names ({diff_id[:19]})")
        return written

    written = store.put_layer(copy)
    media_type = model.LAYER_TAR if written.digest == diff_id else model.LAYER
    return Descriptor(media_type=media_type, digest=written.digest, size=written.size_bytes)


def _copy(file: IO[bytes], out: IO[bytes], size_bytes: int, *, unpack: bool) -> Written:
    """Copy as many bytes as were declared, and tell their digest; with `unpack`, also that of what gzip unpacks to."""
    digest = hashlib.sha256()
    unpacked: _Gunzip | None = None
    left = size_bytes
    while left and (piece := file.read(min(_PIECE, left))):
        if unpack and left == size_bytes and piece.startswith(b"\x1f\x8b"):
            unpacked = _Gunzip(Budget.of_compressed(size_bytes))
        digest.update(piece)
        if unpacked is not None:
            unpacked.feed(piece)
        out.write(piece)
        left -= len(piece)
    if left:
        raise InvalidImage(f"the archive was cut short: {left} bytes of a layer are missing")
    name = "sha256:" + digest.hexdigest()
    return Written(name, unpacked.digest if unpacked is not None else name, size_bytes)


class _Gunzip:
    """The digest of what gzip data unpacks to, without keeping it."""

    def __init__(self, budget: Budget) -> None:
        self._budget, self._hash, self._stream = budget, hashlib.sha256(), zlib.decompressobj(31)

    def feed(self, data: bytes) -> None:
        try:
            while data:
                plain = self._stream.decompress(data, _PIECE)
                self._budget.spend(len(plain), "a layer")
                self._hash.update(plain)
                data = self._stream.unconsumed_tail
                if self._stream.eof:  # gzip may be several streams, one after the other
                    data, self._stream = self._stream.unused_data, zlib.decompressobj(31)
        except zlib.error as error:
            raise InvalidImage(f"a layer cannot be unpacked: {error}") from error

    @property
    def digest(self) -> str:
        return "sha256:" + self._hash.hexdigest()


def _chosen(path: Path, entries: list[tuple[_Entry, list[str]]], image: str) -> _Entry:
    """The one that is meant: that is called `image`, or the only one there is."""
    named = [entry for entry, names in entries if not image or image in names]
    if len(named) == 1:
        return named[0]
    names = ", ".join(sorted({name for _, names in entries for name in names})) or "none has a name"
    if image:
        raise InvalidImage(f"{path} has no image {image} (there is: {names})")
    if not entries:
        raise InvalidImage(f"{path} has no image")
    raise InvalidImage(f"{path} has {len(entries)} images: {names}", "Say which one, or save it alone")


def _blob_name(descriptor: Descriptor) -> str:
    return f"blobs/sha256/{model.hex_of(descriptor.digest)}"


def _is_attestation(descriptor: Descriptor) -> bool:
    return descriptor.platform is not None and descriptor.platform.os == "unknown"
