"""Copy an image from one repository to another, as it is: the same bytes, so the same digest."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from faas_builders.builder import Report, silent
from faas_builders.oci import model
from faas_builders.oci.model import Descriptor, Index
from faas_builders.registry.client import Document, Registry, push_scopes
from faas_builders.registry.names import ImageName
from faas_builders.registry.parallel import Progress, each, unseen
from faas_builders.registry.pull import fetch_manifest, pull_blobs
from faas_builders.registry.referrers import note_referrers, referrers_of
from faas_builders.registry.uploads import upload_blob


def copy_image(
    source: ImageName,
    target: ImageName,
    *,
    insecure: bool = False,
    report: Report = silent,
    progress: Progress = unseen,
) -> None:
    """Have the target's repository hold the image of the source, under the target's tag too where it has one, and what
    refers to it there: bills of materials, provenance, signatures.

    Only what is missing there is transferred; manifests come last, so nothing of the image shows before it is whole.
    Args: source: by digest. progress: bytes that are fetched, of all that are missing.
    Raises: RegistryError, CredentialsError, NoSpace.
    """
    with (
        Registry(source.registry, insecure=insecure) as there,
        Registry(target.registry, insecure=insecure) as here,
        tempfile.TemporaryDirectory(prefix="faas-copy-") as scratch,
    ):
        folder = Path(scratch)
        documents = _documents(there, source, folder)
        referrers = _referrers(there, source, documents, folder)
        every = [*documents, *(document for each_one in referrers for document in each_one.documents)]
        scopes = push_scopes(target.repository)
        missing = [
            blob for blob in _blobs(every) if not here.has_blob(target.repository, blob.digest, scopes)
        ]  # fmt: skip
        size = sum(blob.size for blob in missing)
        report("push", f"{len(missing)} of {len(_blobs(every))} blobs are missing there, {size / 1e6:.1f} MB")
        files = pull_blobs(there, source.repository, missing, folder, progress)
        each(files.items(), lambda item: upload_blob(here, target.repository, *item), lambda: None)
        for document in documents:
            here.put_manifest(target.repository, document.digest, document.data, document.content.media_type)
        _put_referrers(here, target.repository, referrers)
        if target.tag:
            image = documents[-1]
            here.put_manifest(target.repository, target.tag, image.data, image.content.media_type)


def _documents(registry: Registry, name: ImageName, folder: Path) -> list[Document]:
    """The image's manifests, each behind those that it names."""
    document = fetch_manifest(registry, name, folder)
    if not isinstance(document.content, Index):
        return [document]
    inner = [_documents(registry, name.with_digest(child.digest), folder) for child in document.content.manifests]
    return [*(each_one for several in inner for each_one in several), document]


@dataclass(frozen=True, slots=True)
class _Referrer:
    subject: str
    descriptor: Descriptor
    documents: list[Document]  # the last is the referrer's own


def _referrers(registry: Registry, name: ImageName, documents: Sequence[Document], folder: Path) -> list[_Referrer]:
    """Those of all the image's manifests, and those of referrers: somebody may have signed them."""
    found: list[_Referrer] = []
    about = [document.digest for document in documents]
    for subject in about:
        for descriptor in referrers_of(registry, name.repository, subject):
            if descriptor.digest not in about:
                about.append(descriptor.digest)
                own = _documents(registry, name.with_digest(descriptor.digest), folder)
                found.append(_Referrer(subject, descriptor, own))
    return found


def _put_referrers(registry: Registry, repository: str, referrers: Sequence[_Referrer]) -> None:
    unnoticed: dict[str, list[Descriptor]] = {}
    for referrer in referrers:
        for document in referrer.documents:
            noticed = registry.put_manifest(repository, document.digest, document.data, document.content.media_type)
        if not noticed:
            unnoticed.setdefault(referrer.subject, []).append(referrer.descriptor)
    for subject, descriptors in unnoticed.items():
        note_referrers(registry, repository, subject, descriptors)


def _blobs(documents: Iterable[Document]) -> list[Descriptor]:
    found: dict[str, Descriptor] = {}
    for document in documents:
        if not isinstance(document.content, Index):
            layers = (layer for layer in document.content.layers if not model.is_foreign(layer))
            found |= {blob.digest: blob for blob in (document.content.config, *layers)}
    return list(found.values())
