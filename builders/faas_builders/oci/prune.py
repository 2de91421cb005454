"""Take out of a store what no Revision needs any more."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from faas_builders.disk import locked
from faas_builders.oci import model, references
from faas_builders.oci.entries import subject_of, tag_of
from faas_builders.oci.layout import Reached, referring
from faas_builders.oci.model import Descriptor, Index
from faas_builders.oci.store import ImageStore

_UNTAGGED_KEPT = 5  # images that just lost their tag; a rollback by hand may still want them
_DEV_KEPT = 50  # bundles of `faas run`; each is a few hundred bytes
_GRACE_S = 600.0  # a build that runs now may have written blobs that no index names yet


@dataclass(frozen=True, slots=True)
class Pruned:
    images: int
    bytes: int


def prune(store: ImageStore, keep: Collection[str], *, now_s: float | None = None) -> Pruned:
    """Delete all but the tagged images, the newest untagged ones, and those named in `keep` (references in use).

    What refers to an image (its SBOM, its provenance) goes with it. An index in use keeps its images; an image in use
    stays when its index goes. What a killed process has left half written goes too. Bounded work: it reads the
    documents of what stays, nothing of what goes.
    """
    now_s = time.time() if now_s is None else now_s
    parsed = [reference for reference in map(references.parse, keep) if reference is not None]
    in_use = {reference.digest for reference in parsed if reference.digest}
    with locked(store.layout / ".lock"):
        entries = store.index().manifests
        images = _kept_images(entries, in_use)
        # A digest in use may be that of one platform's image, which the index of the store does not name itself.
        reached = store.oci.reach([*(image.digest for image in images), *in_use])
        about = _kept_referrers(store, entries, reached)
        kept = tuple(entry for entry in entries if entry in images or entry in about)
        if kept != entries:
            store.oci.write_index(Index(manifests=kept))
        # Under the lock: who takes a blob for granted either has named it in the index by now, or will find it gone.
        freed = sum(_remove(path) for path in _strangers(store.blobs, _hex(reached.blobs), now_s))
    freed += sum(_remove(path) for path in _strangers(store.unpacked, _hex(reached.diff_ids), now_s))
    freed += sum(_remove(path) for path in store.root.glob(".*") if path.is_file() and _is_old(path, now_s))
    _forget_layers(store, _hex(reached.blobs), now_s)
    _forget_bundles(store, {model.hex_of(reference.digest) for reference in parsed if _is_dev(reference)})
    return Pruned(sum(not subject_of(entry) for entry in entries if entry not in kept), freed)


def _kept_images(entries: tuple[Descriptor, ...], in_use: set[str]) -> list[Descriptor]:
    images = [entry for entry in entries if not subject_of(entry)]
    untagged = [entry for entry in images if not tag_of(entry)]
    newest = {entry.digest for entry in untagged[-_UNTAGGED_KEPT:]}
    return [entry for entry in images if tag_of(entry) or entry.digest in newest or entry.digest in in_use]


def _kept_referrers(store: ImageStore, entries: tuple[Descriptor, ...], reached: Reached) -> list[Descriptor]:
    """What refers to what stays, and what refers to that; `reached` then has what they are made of too."""
    subjects = {entry.digest: subject for entry in entries if (subject := subject_of(entry))}
    kept = referring(subjects, reached.manifests)
    reached.blobs.update(store.oci.reach(kept).blobs)
    return [entry for entry in entries if entry.digest in kept and subject_of(entry)]


def _forget_layers(store: ImageStore, blobs: set[str], now_s: float) -> None:
    for record in store.layers.glob("*.json"):
        try:
            digest = str(msgspec.json.decode(record.read_bytes())["digest"])
        except (msgspec.DecodeError, KeyError, TypeError, FileNotFoundError):
            digest = ""  # cut short by a crash, or gone meanwhile
        if digest.removeprefix("sha256:") not in blobs and record.exists() and _is_old(record, now_s):
            record.unlink(missing_ok=True)


def _forget_bundles(store: ImageStore, in_use: set[str]) -> None:
    for bundle in sorted(store.dev.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-_DEV_KEPT]:
        if bundle.stem not in in_use:
            bundle.unlink(missing_ok=True)


def _is_dev(reference: references.Reference) -> bool:
    return reference.registry == references.DEV and bool(reference.digest)


def _hex(digests: Iterable[str]) -> set[str]:
    return {digest.removeprefix("sha256:") for digest in digests}


def _strangers(folder: Path, known: set[str], now_s: float) -> list[Path]:
    if not folder.is_dir():
        return []
    return [
        path for path in folder.iterdir() if path.name not in known and path.name != ".lock" and _is_old(path, now_s)
    ]


def _is_old(path: Path, now_s: float) -> bool:
    try:
        return path.lstat().st_ctime < now_s - _GRACE_S
    except FileNotFoundError:  # another pruning, or what was being written has its name now
        return False


def _remove(path: Path) -> int:
    try:
        if path.is_dir():
            size = sum(file.lstat().st_size for file in path.rglob("*") if file.is_file())
            shutil.rmtree(path, ignore_errors=True)
        else:
            size = path.lstat().st_size
            path.unlink()
    except FileNotFoundError:  # another pruning, or whoever was writing it
        return 0
    return size
