"""Images out of the store, for other programs: as an OCI layout, or as what `docker load` takes.

A docker archive of ours is both: Docker before 25 reads its manifest.json, containerd and newer ones its index.json.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from faas_builders.disk import space_on
from faas_builders.errors import BuilderError, InvalidImage
from faas_builders.oci import model, references
from faas_builders.oci.layout import LAYOUT_MARK, PART, Layout, copier, referring
from faas_builders.oci.model import Descriptor, Index
from faas_builders.oci.store import ImageStore
from faas_builders.oci.tarring import Content, tar_stream
from faas_builders.target import Platform

_Entries = Iterator[tuple[str, Content]]


def write_oci_layout(store: ImageStore, reference: str, path: Path, *, tags: Iterable[str] | None = None) -> None:
    """Write an image, all its platforms and what refers to it, to a folder, or to a tar when `path` ends in .tar.

    A folder may be a layout already; what it has under another tag stays. Nothing is there half: a tar appears whole,
    a folder's index is the last that changes.

    Args: tags: the names it gets there, else the tag of `reference`.
    Raises: ImageMissing, InvalidImage, NoSpace, BuilderError: the folder holds something else.
    """
    image = store.descriptor(reference)
    entries = (*_named(image, _tags(reference) if tags is None else tags), *_referrers(store, image.digest))
    blobs = sorted(store.check_whole(reference, (entry.digest for entry in entries)).blobs)
    if path.suffix == ".tar":
        index = model.encode(Index(manifests=entries))
        _write_tar(path, tar_stream(_layout_entries(store, index, blobs)))
    else:
        _write_folder(store, path, entries, blobs)


def write_docker_archive(
    store: ImageStore, reference: str, platform: Platform | None, out: IO[bytes], *, tags: Iterable[str] | None = None
) -> None:
    """Write what `docker load` of 20.10 and newer takes; the same image and tags give the same bytes.

    Args: tags: the names it gets in Docker, else the tag of `reference`. Raises: ImageMissing, InvalidImage, NoSpace.
    """
    with space_on(getattr(out, "name", "the archive")):
        for piece in docker_archive(store, reference, platform, tags=tags):
            out.write(piece)
        out.flush()


def docker_archive(
    store: ImageStore,
    reference: str,
    platform: Platform | None = None,
    *,
    tags: Iterable[str] | None = None,
    known: Collection[str] = (),
) -> Iterator[bytes]:
    """The same in pieces of at most 1 MiB, which are read from disk one by one.

    Args: known: digests of layers that the reader is thought to have; they are there as empty files, which Docker does
        not open then, and does not accept otherwise.
    """
    image = store.platform_image(reference, platform)
    store.check_whole(reference, [image.digest])
    names = list(_tags(reference) if tags is None else tags)
    # Layers stay compressed: `docker load` has always unpacked them itself.
    manifest = {
        "Config": _blob_name(image.manifest.config.digest),
        "RepoTags": names,
        "Layers": [_blob_name(layer.digest) for layer in image.manifest.layers],
    }
    index = model.encode(Index(manifests=_named(image.descriptor, names)))
    blobs = [image.digest, image.manifest.config.digest, *(layer.digest for layer in image.manifest.layers)]
    more: list[tuple[str, Content]] = [("manifest.json", msgspec.json.encode([manifest], order="deterministic"))]
    entries = _layout_entries(store, index, dict.fromkeys(blobs), more)
    left_out = {_blob_name(digest) for digest in known}
    return tar_stream((name, b"" if name in left_out else content) for name, content in entries)


def _tags(reference: str) -> tuple[str, ...]:
    parsed = references.parse(reference)
    return () if parsed is None or (parsed.digest and not parsed.tag) else (parsed.tagged,)


def _named(image: Descriptor, names: Iterable[str]) -> tuple[Descriptor, ...]:
    """As entries of an index, one a name: skopeo looks for the tag, containerd for the whole name."""
    entries = [
        msgspec.structs.replace(image, annotations={model.CONTAINERD_NAME: name, model.REF_NAME: _tag_of(name)})
        for name in names
    ]
    return tuple(entries) or (msgspec.structs.replace(image, annotations={}),)


def _tag_of(name: str) -> str:
    return references.split(name).tag or "latest"


def _referrers(store: ImageStore, digest: str) -> tuple[Descriptor, ...]:
    """All that refers to the image, to its platforms' images, and to what refers to them."""
    found: dict[str, Descriptor] = {}
    waiting = list(store.oci.reach([digest]).manifests)
    while waiting:
        more = {referrer.digest: referrer for referrer in store.referrers(waiting.pop())}
        waiting += more.keys() - found.keys()
        found |= more
    return tuple(found[digest] for digest in sorted(found))


def _layout_entries(
    store: ImageStore, index: bytes, blobs: Iterable[str], more: Iterable[tuple[str, Content]] = ()
) -> _Entries:
    yield "oci-layout", LAYOUT_MARK
    yield "index.json", index
    yield from more
    yield "blobs", None
    yield "blobs/sha256", None
    for digest in blobs:
        yield _blob_name(digest), store.blob(digest)


def _blob_name(digest: str) -> str:
    return f"blobs/sha256/{model.hex_of(digest)}"


def _write_tar(path: Path, pieces: Iterator[bytes]) -> None:
    with space_on(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(prefix=PART, dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.writelines(pieces)
                os.fchmod(out.fileno(), 0o644)
            os.replace(part, path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise


def _write_folder(store: ImageStore, path: Path, entries: tuple[Descriptor, ...], blobs: Iterable[str]) -> None:
    layout = Layout(path)
    if not (path / "oci-layout").exists() and path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise BuilderError(f"{path} holds something else than an OCI layout", "Name a folder that is new, or empty")
    for digest in blobs:
        if not layout.has(digest):
            layout.put_layer(copier(store.blob(digest), digest))
    before = layout.index().manifests
    after = (*_kept(layout, before, entries), *entries)
    layout.write_index(Index(manifests=after))
    # What only the image before had: a folder that is written again with each build does not grow.
    replaced = layout.reach(entry.digest for entry in before if entry not in after).blobs
    for digest in replaced - layout.reach(entry.digest for entry in after).blobs:
        layout.blob(digest).unlink(missing_ok=True)


def _kept(layout: Layout, before: Iterable[Descriptor], ours: Iterable[Descriptor]) -> Iterator[Descriptor]:
    """The images of a layout under other names than ours, and what refers to those."""
    names = {name for entry in ours if (name := entry.annotations.get(model.REF_NAME))}
    digests = {entry.digest for entry in ours}
    others = [
        entry for entry in before if entry.digest not in digests and entry.annotations.get(model.REF_NAME) not in names
    ]
    subjects = {entry.digest: subject for entry in others if (subject := _subject(layout, entry))}
    images = [entry.digest for entry in others if entry.digest not in subjects]
    kept = {*images, *referring(subjects, layout.reach(images).manifests)}
    return (entry for entry in others if entry.digest in kept)


def _subject(layout: Layout, entry: Descriptor) -> str:
    try:
        subject = layout.document(entry.digest).subject
    except (FileNotFoundError, InvalidImage):
        return ""
    return subject.digest if subject else ""
