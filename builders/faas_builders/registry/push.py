"""Push an image of the store: blobs, then what names them, the tag last. Under a tag there is all of it, or nothing."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from faas_builders.builder import Report, silent
from faas_builders.errors import ImageNameError
from faas_builders.oci import model
from faas_builders.oci.model import Descriptor, Index, Manifest
from faas_builders.registry.client import Registry
from faas_builders.registry.credentials import Keychain
from faas_builders.registry.names import ImageName
from faas_builders.registry.parallel import Progress, Tally, each, unseen
from faas_builders.registry.referrers import note_referrers
from faas_builders.registry.uploads import Outcome, upload_blob

_BASE_NAME = "org.opencontainers.image.base.name"
_OUTCOMES: dict[Outcome, str] = {"there": "already there", "mounted": "taken over from its base", "sent": "sent"}


class Source(Protocol):
    """Where images are pushed from: what `oci.store.ImageStore` has."""

    def descriptor(self, reference: str) -> Descriptor: ...
    def manifest(self, reference: str) -> Manifest | Index: ...
    def blob(self, digest: str) -> Path: ...
    def referrers(self, digest: str) -> Iterable[Descriptor]: ...


def push(
    store: Source,
    reference: str,
    name: ImageName,
    *,
    insecure: bool = False,
    credentials: Keychain | None = None,
    report: Report = silent,
    progress: Progress = unseen,
) -> str:
    """Push an image or index with all that refers to it, and return its digest.

    Args:
        reference: what it is called in the store.
        name: what it is to be called; a digest without a tag leaves it without one.
        progress: bytes that the registry has, of all that the image is.
    Raises: ImageMissing, InvalidImage, ImageNameError, RegistryError, CredentialsError.
    """
    with Registry(name.registry, insecure=insecure, credentials=credentials) as registry:
        return push_with(registry, store, reference, name, report=report, progress=progress)


def push_with(
    registry: Registry,
    store: Source,
    reference: str,
    name: ImageName,
    *,
    report: Report = silent,
    progress: Progress = unseen,
) -> str:
    """`push` with a client of the caller's."""
    root = store.descriptor(reference)
    if name.digest not in ("", root.digest):
        reason = f"{reference} has the digest {root.digest}"
        raise ImageNameError(str(name), reason, "Push it by tag, or by its own digest.")
    plan = _make_plan(store, root, name)
    _push_blobs(registry, store, plan, name, report, progress)
    for document in plan.documents:
        _put(registry, name.repository, document.digest, document)
    _push_referrers(registry, plan, name)
    if name.tag:
        _put(registry, name.repository, name.tag, plan.documents[-1])
    report("push", f"{name.with_digest(root.digest)}{f' is {name.tag}' if name.tag else ''}")
    return root.digest


@dataclass(frozen=True, slots=True)
class _Document:
    digest: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class _Referrer:
    subject: str
    descriptor: Descriptor
    documents: list[_Document]  # the last is the referrer's own


@dataclass(slots=True)
class _Blob:
    size: int
    sources: set[str] = field(default_factory=set)  # repositories of the same registry that should have it


@dataclass(slots=True)
class _Plan:
    """All that has to be in the registry."""

    documents: list[_Document] = field(default_factory=list)  # each behind what it names; the last is the image itself
    referrers: list[_Referrer] = field(default_factory=list)  # those of referrers too
    blobs: dict[str, _Blob] = field(default_factory=dict)


def _make_plan(store: Source, root: Descriptor, name: ImageName) -> _Plan:
    plan = _Plan()
    _add(store, root.digest, name, plan, plan.documents)
    about = [document.digest for document in plan.documents]
    for subject in about:
        for referrer in store.referrers(subject):
            documents: list[_Document] = []
            _add(store, referrer.digest, name, plan, documents)
            plan.referrers.append(_Referrer(subject, referrer, documents))
            if referrer.digest not in about:
                about.append(referrer.digest)  # somebody may have signed it
    return plan


def _add(store: Source, digest: str, name: ImageName, plan: _Plan, documents: list[_Document]) -> None:
    if any(document.digest == digest for document in documents):
        return
    content = store.manifest(digest)
    if isinstance(content, Index):
        for child in content.manifests:
            _add(store, child.digest, name, plan, documents)
    else:
        sources = _sources(store, content, name)
        plan.blobs.setdefault(content.config.digest, _Blob(content.config.size))
        for layer in content.layers:
            if not model.is_foreign(layer):
                plan.blobs.setdefault(layer.digest, _Blob(layer.size)).sources.update(sources)
    documents.append(_Document(digest, content.media_type, store.blob(digest).read_bytes()))


def _sources(store: Source, manifest: Manifest, name: ImageName) -> set[str]:
    """Repositories that the image's base comes from, as far as they are the same registry's."""
    named = [manifest.annotations.get(_BASE_NAME, "")]
    path = store.blob(manifest.config.digest)
    if manifest.config.media_type in model.CONFIGS and path.exists():
        config = model.decode_config(path.read_bytes())
        named.append(config.config.labels.get(model.BASE, ""))
    found = set()
    for base in named:
        with contextlib.suppress(ImageNameError):
            image = ImageName.parse(base)
            if "/" in base and image.registry == name.registry and image.repository != name.repository:
                found.add(image.repository)
    return found


def _push_blobs(
    registry: Registry, store: Source, plan: _Plan, name: ImageName, report: Report, progress: Progress
) -> None:
    tally = Tally(sum(blob.size for blob in plan.blobs.values()), progress)
    lock = threading.Lock()

    def upload(digest: str) -> None:
        blob = plan.blobs[digest]
        sources = sorted(blob.sources)
        outcome = upload_blob(
            registry, name.repository, digest, store.blob(digest), sources=sources, report=tally.reporter(digest)
        )
        with lock:
            report("push", f"{digest[7:19]} {blob.size / 1e6:.1f} MB {_OUTCOMES[outcome]}")

    # The largest first: whichever is the last to begin should not be what all wait for.
    each(sorted(plan.blobs, key=lambda digest: -plan.blobs[digest].size), upload, tally.stop)


def _push_referrers(registry: Registry, plan: _Plan, name: ImageName) -> None:
    unnoticed: dict[str, list[Descriptor]] = {}
    for referrer in plan.referrers:
        noticed = [_put(registry, name.repository, document.digest, document) for document in referrer.documents]
        if not noticed[-1]:
            unnoticed.setdefault(referrer.subject, []).append(referrer.descriptor)
    for subject, descriptors in unnoticed.items():
        note_referrers(registry, name.repository, subject, descriptors)


def _put(registry: Registry, repository: str, reference: str, document: _Document) -> bool:
    return registry.put_manifest(repository, reference, document.data, document.media_type)
