"""What the index of a store says, as values: which image has which tag, and what refers to which.

An entry is an image with a tag, an image that had one, or an artifact that refers to another entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from faas_builders.oci import model, references
from faas_builders.oci.model import Descriptor, Index, Manifest
from faas_builders.oci.references import Reference

Entries = Iterable[Descriptor]

_NAME = "faas.dev/name"  # annotation: the name of an image whose tag has moved on
_SUBJECT = "faas.dev/subject"  # annotation: the digest that a referrer is about
# What a manifest of others says of itself must not make an entry of ours mean a tag.
_OURS = frozenset({_NAME, _SUBJECT, model.REF_NAME, model.CONTAINERD_NAME})


def tag_of(entry: Descriptor) -> str:
    """`faas.local/NAME:TAG`; "" for an image without one, and for what refers to others."""
    return "" if _SUBJECT in entry.annotations else entry.annotations.get(model.REF_NAME, "")


def subject_of(entry: Descriptor) -> str:
    """The digest that a referrer is about; "" for an image."""
    return entry.annotations.get(_SUBJECT, "")


def reference_of(entry: Descriptor) -> Reference:
    """With the tag; by digest for an image that has none any more."""
    tagged = references.parse(tag_of(entry))
    if tagged is not None:
        return tagged
    return Reference(references.HOST, entry.annotations.get(_NAME, "image"), digest=entry.digest)


def is_meant(entry: Descriptor, reference: Reference) -> bool:
    """Whether a reference names this image."""
    if subject_of(entry):
        return False
    return entry.digest == reference.digest if reference.digest else tag_of(entry) == reference.tagged


def plain(entry: Descriptor) -> Descriptor:
    """As others may see it, without our notes."""
    annotations = {name: value for name, value in entry.annotations.items() if name not in _OURS}
    return msgspec.structs.replace(entry, annotations=annotations)


def with_tag(entries: Entries, reference: Reference, image: Descriptor) -> Index:
    """The index once the tag means this image: the one that it meant stays until no Revision needs it."""
    entry = msgspec.structs.replace(image, annotations={model.REF_NAME: reference.tagged})
    return Index(manifests=(*_without_tag(tuple(entries), reference, image.digest), entry))


def with_referrer(entries: Entries, referrer: Descriptor, document: Manifest, *, replace: bool) -> Index:
    """The index once it has this referrer; with `replace` in the place of others of its type about the same image."""
    assert document.subject is not None
    subject = document.subject.digest
    said = plain(msgspec.structs.replace(referrer, annotations=document.annotations)).annotations
    entry = msgspec.structs.replace(referrer, artifact_type=document.kind, annotations={**said, _SUBJECT: subject})
    kept = (
        other
        for other in entries
        if subject_of(other) != subject
        or (other.digest != entry.digest and not (replace and other.artifact_type == entry.artifact_type))
    )
    return Index(manifests=(*kept, entry))


def _without_tag(entries: tuple[Descriptor, ...], reference: Reference, digest: str) -> Iterator[Descriptor]:
    tagged_still = {entry.digest for entry in entries if tag_of(entry) not in ("", reference.tagged)}
    for entry in entries:
        if tag_of(entry) == reference.tagged:
            if entry.digest != digest and entry.digest not in tagged_still:
                yield msgspec.structs.replace(entry, annotations={_NAME: reference.name})
        elif entry.digest != digest or tag_of(entry) or subject_of(entry):  # else it has a name again
            yield entry
