"""The images of one engine, on disk: an OCI layout with names and referrers, and each layer of ours unpacked once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from faas_builders import bundle as bundles
from faas_builders.bundle import Bundle
from faas_builders.disk import locked, write_atomically
from faas_builders.errors import ImageMissing, InvalidImage
from faas_builders.oci import entries, model, references
from faas_builders.oci.layers.layer import Written
from faas_builders.oci.layout import Layout, Reached
from faas_builders.oci.model import Config, Descriptor, Index, Manifest, PlatformFields
from faas_builders.oci.references import Reference
from faas_builders.oci.unpacking import make_bundle
from faas_builders.target import Platform


@dataclass(frozen=True, slots=True)
class StoredImage:
    """The image of one platform."""

    platform: Platform
    descriptor: Descriptor  # of the manifest
    manifest: Manifest
    config: Config

    @property
    def digest(self) -> str:
        return self.descriptor.digest

    @property
    def size_bytes(self) -> int:
        return sum(layer.size for layer in self.manifest.layers)


@dataclass(frozen=True, slots=True)
class Listed:
    reference: Reference  # with its tag; by digest when it has none any more
    descriptor: Descriptor


class ImageStore:
    """Everything below `images_dir`; safe to use from several processes at once.

    oci/             an OCI image layout: index.json, blobs/sha256/HEX
    unpacked/HEX/    a layer's files, by its diff ID
    layers/KEY.json  which layer came out of which inputs
    dev/HEX.json     bundles of project folders (`faas run`)

    Whatever writes raises NoSpace when the disk is full.
    """

    def __init__(self, images_dir: Path) -> None:
        self.root = images_dir
        self.oci = Layout(images_dir / "oci")
        self.layout = self.oci.folder
        self.blobs = self.oci.blobs
        self.unpacked = images_dir / "unpacked"
        self.layers = images_dir / "layers"
        self.dev = images_dir / "dev"

    # Blobs

    def blob(self, digest: str) -> Path:
        return self.oci.blob(digest)

    def has(self, digest: str) -> bool:
        """Whether the blob is there; pruning then leaves it alone long enough to make an image with it."""
        return self.oci.has(digest)

    def put_blob(self, data: bytes) -> str:
        return self.oci.put_blob(data)

    def put_layer(self, write: Callable[[IO[bytes]], Written]) -> Written:
        """Let `write` fill a new blob; it gets its name, its digest, only when it is whole and on disk."""
        return self.oci.put_layer(write)

    def adopt_layer(self, source: Path, digest: str) -> None:
        """Take in a finished blob from elsewhere on this machine: as a link where that works, else as a copy."""
        self.oci.adopt_layer(source, digest)

    # Images

    def index(self) -> Index:
        """What the layout holds, oldest first: images with a tag, without one, and what refers to them."""
        return self.oci.index()

    def put_image(self, reference: Reference, config: Config, layers: tuple[Descriptor, ...]) -> Reference:
        """Store config and manifest, let the tag mean this image, and return the reference by digest."""
        return self.tag(reference, self.put_manifest(config, layers))

    def put_manifest(
        self, config: Config, layers: tuple[Descriptor, ...], annotations: Mapping[str, str] | None = None
    ) -> Descriptor:
        """Store the image of one platform without a name, for `tag` or `put_index`.

        Its annotations are `annotations` and the `org.opencontainers.` labels of the config.
        """
        data = model.encode(config)
        labels = {name: value for name, value in config.config.labels.items() if name.startswith("org.opencontainers.")}
        manifest = Manifest(
            config=Descriptor(media_type=model.CONFIG, digest=self.put_blob(data), size=len(data)),
            layers=layers,
            annotations={**labels, **(annotations or {})},
        )
        return self.put_document(manifest, PlatformFields.of(config.platform))

    def put_index(
        self, reference: Reference, images: tuple[Descriptor, ...], annotations: Mapping[str, str] | None = None
    ) -> Reference:
        """Let the tag mean these platforms' images (of `put_manifest`), and return the reference by digest."""
        return self.tag(reference, self.put_document(Index(manifests=images, annotations=dict(annotations or {}))))

    def put_document(self, document: Manifest | Index, platform: PlatformFields | None = None) -> Descriptor:
        """Store it without a name."""
        data = model.encode(document)
        return Descriptor(media_type=document.media_type, digest=self.put_blob(data), size=len(data), platform=platform)

    def tag(self, reference: Reference, image: Descriptor) -> Reference:
        """Let the tag mean the image, all of whose blobs are here; the reference by digest.

        Raises: InvalidImage: a blob is missing, so the tag stays as it was. BuilderError: none can be called so.
        """
        references.check(reference)
        with locked(self._lock):  # so that no pruning comes between
            self.check_whole(reference, [image.digest])
            self.oci.write_index(entries.with_tag(self.oci.index().manifests, reference, image))
        return reference.with_digest(image.digest)

    def find(self, reference: str | Reference) -> Descriptor | None:
        """The image or index that is called this, None when there is none. Digests may be those of parts of an index.

        Raises: InvalidImage: it was damaged.
        """
        parsed = references.parse(reference) if isinstance(reference, str) else reference
        if parsed is None:
            return None
        if parsed.digest:
            return self._described(parsed.digest)
        found = (entry for entry in self.oci.index().manifests if entries.is_meant(entry, parsed))
        return next(map(entries.plain, found), None)

    def descriptor(self, reference: str) -> Descriptor:
        """Like `find`. Raises: ImageMissing, InvalidImage."""
        found = self.find(reference)
        if found is not None:
            return found
        parsed = references.parse(reference)
        if parsed is None:
            raise ImageMissing(reference, "this is no name of an image of this machine (faas.local/NAME:TAG)")
        if parsed.digest:
            raise ImageMissing(reference, f"not in this image store (no {model.hex_of(parsed.digest)[:12]})")
        raise ImageMissing(reference, "no image of this store has that name and tag")

    def manifest(self, reference: str) -> Manifest | Index:
        """The document behind a reference or a digest. Raises: ImageMissing, InvalidImage."""
        digest = reference if reference.startswith("sha256:") else self.descriptor(reference).digest
        try:
            return self.oci.document(digest)
        except FileNotFoundError as error:
            raise ImageMissing(reference, f"not in this image store (no {model.hex_of(digest)[:12]})") from error

    def images(self, reference: str) -> tuple[StoredImage, ...]:
        """The images of all its platforms, in the order of the index. Raises: ImageMissing, InvalidImage."""
        descriptor = self.descriptor(reference)
        document = self.manifest(descriptor.digest)
        if isinstance(document, Manifest):
            return (self._image(reference, descriptor, document),)
        found = []
        for child in document.manifests:
            if child.platform is not None and child.platform.os == "unknown":
                continue  # what BuildKit keeps beside images: attestations
            part = self.manifest(child.digest)
            if not isinstance(part, Manifest):
                raise InvalidImage(f"{reference}: an index inside of an index cannot be used")
            found.append(self._image(reference, child, part))
        return tuple(found)

    def platform_image(self, reference: str, platform: Platform | None = None) -> StoredImage:
        """The image for a platform, else for this machine's. Raises: ImageMissing: names those there are."""
        wanted = platform or Platform.of_this_machine()
        images = self.images(reference)
        if platform is None and len(images) == 1:
            return images[0]
        picked = wanted.pick(image.platform for image in images)
        if picked is not None:
            return next(image for image in images if image.platform == picked)
        there = ", ".join(str(image.platform) for image in images) or "none"
        raise ImageMissing(reference, f"it has no image for {wanted} (there is {there})")

    def list(self) -> tuple[Listed, ...]:
        """All images, oldest first; the untagged ones too, but not what refers to images."""
        return tuple(
            Listed(entries.reference_of(entry), entries.plain(entry))
            for entry in self.oci.index().manifests
            if not entries.subject_of(entry)
        )

    def remove(self, reference: str) -> None:
        """Take a tag away, or with a digest all that has it; `prune` frees the space. Raises: ImageMissing."""
        parsed = references.parse(reference)
        with locked(self._lock):
            index = self.oci.index()
            kept = tuple(entry for entry in index.manifests if parsed is None or not entries.is_meant(entry, parsed))
            if kept == index.manifests:
                raise ImageMissing(reference, "no image of this store has that name")
            self.oci.write_index(Index(manifests=kept))

    def check_whole(self, reference: object, digests: Iterable[str]) -> Reached:
        """All that these documents lead to, which is here. Raises: InvalidImage: some of it is not."""
        reached = self.oci.reach(digests)
        missing = sorted(digest for digest in reached.blobs if not self.has(digest))
        if missing:
            raise InvalidImage(
                f"{reference} is not whole: {len(missing)} of its blobs are not in this store (first {missing[0]})",
                "Make it again",
            )
        return reached

    # What refers to images

    def put_referrer(
        self,
        subject: Descriptor,
        artifact_type: str,
        data: bytes,
        *,
        annotations: Mapping[str, str] | None = None,
        media_type: str = "",
        replace: bool = False,
    ) -> Descriptor:
        """Attach `data` to an image as an artifact of OCI 1.1; with `replace`, instead of others of its type."""
        empty = Descriptor(media_type=model.EMPTY, digest=self.put_blob(model.EMPTY_BLOB), size=len(model.EMPTY_BLOB))
        layer = Descriptor(media_type=media_type or artifact_type, digest=self.put_blob(data), size=len(data))
        plain = Descriptor(media_type=subject.media_type, digest=subject.digest, size=subject.size)
        manifest = Manifest(
            artifact_type=artifact_type,
            config=empty,
            layers=(layer,),
            subject=plain,
            annotations=dict(annotations or {}),
        )
        referrer = self.put_document(manifest)
        self.add_referrer(referrer, replace=replace)
        return referrer

    def add_referrer(self, referrer: Descriptor, *, replace: bool = False) -> None:
        """Take note of a manifest that is here and has a subject. Raises: InvalidImage: it has none."""
        document = self.manifest(referrer.digest)
        if not isinstance(document, Manifest) or document.subject is None:
            raise InvalidImage(f"{referrer.digest} refers to nothing: its manifest has no subject")
        with locked(self._lock):
            self.check_whole(referrer.digest, [referrer.digest])
            index = self.oci.index().manifests
            self.oci.write_index(entries.with_referrer(index, referrer, document, replace=replace))

    def referrers(self, digest: str, artifact_type: str = "") -> tuple[Descriptor, ...]:
        """What refers to the image with this digest, as a registry would list it."""
        return tuple(
            entries.plain(entry)
            for entry in self.oci.index().manifests
            if entries.subject_of(entry) == digest and artifact_type in ("", entry.artifact_type)
        )

    def layers_by_diff_id(self) -> dict[str, Descriptor]:
        """Layers that are here already, by what they unpack to."""
        known: dict[str, Descriptor] = {}
        for digest in self.oci.reach(entry.digest for entry in self.oci.index().manifests).manifests:
            with contextlib.suppress(FileNotFoundError, InvalidImage):  # an artifact, or damaged
                document = self.oci.document(digest)
                if isinstance(document, Manifest):
                    known.update(zip(self.oci.config(document).rootfs.diff_ids, document.layers, strict=True))
        return known

    # What processes run

    def resolve(self, reference: str) -> Bundle:
        """What a process instance needs of this image; unpacks it when that is the first time.

        Raises: ImageMissing: with the reason, which is a permanent one.
        """
        parsed = references.parse(reference)
        if parsed is None:
            raise ImageMissing(reference, "process instances run images of this machine (faas.local/…, dev.local/…)")
        if parsed.registry == references.DEV:
            return self._resolve_dev(reference, parsed)
        try:
            digest = self.descriptor(reference).digest
            image = self.platform_image(reference)
            named = parsed.with_digest(digest)
            return make_bundle(self.oci, self.unpacked, named, image.manifest, image.config)
        except FileNotFoundError as error:
            raise ImageMissing(reference, f"not in this image store (no {Path(error.filename).name[:12]})") from error
        except InvalidImage as error:
            raise ImageMissing(reference, f"its data cannot be used: {error}") from error

    def put_dev(self, bundle: Bundle) -> None:
        write_atomically(self.dev / f"{model.hex_of(bundle.digest)}.json", bundles.encode(bundle), durable=False)

    def _resolve_dev(self, reference: str, parsed: Reference) -> Bundle:
        try:
            return bundles.decode((self.dev / f"{parsed.digest.removeprefix('sha256:')}.json").read_bytes())
        except (FileNotFoundError, msgspec.DecodeError) as error:
            raise ImageMissing(reference, "no running `faas run` has made it") from error

    @property
    def _lock(self) -> Path:
        return self.layout / ".lock"

    def _described(self, digest: str) -> Descriptor | None:
        try:
            document = self.oci.document(digest)
            size = self.blob(digest).stat().st_size
        except FileNotFoundError:
            return None
        return Descriptor(media_type=document.media_type, digest=digest, size=size)

    def _image(self, reference: str, descriptor: Descriptor, manifest: Manifest) -> StoredImage:
        try:
            config = self.oci.config(manifest)
        except FileNotFoundError as error:
            missing = model.hex_of(manifest.config.digest)[:12]
            raise ImageMissing(reference, f"not in this image store (no {missing})") from error
        return StoredImage(config.platform, descriptor, manifest, config)
