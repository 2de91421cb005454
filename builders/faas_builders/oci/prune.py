"""Take out of a store what no Revision needs any more."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import msgspec

from faas_builders.cache import locked
from faas_builders.oci import model, references
from faas_builders.oci.model import Config, Descriptor, Index, Manifest
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

    Bounded work: it reads the manifests of what stays, nothing of what goes.
    """
    now_s = time.time() if now_s is None else now_s
    parsed = [reference for reference in map(references.parse, keep) if reference is not None]
    in_use = {reference.digest for reference in parsed if reference.digest}
    with locked(store.layout / ".lock"):
        manifests = store.index().manifests
        untagged = [entry for entry in manifests if not entry.annotations.get(model.REF_NAME)]
        newest = {entry.digest for entry in untagged[-_UNTAGGED_KEPT:]}
        kept = tuple(
            entry
            for entry in manifests
            if entry.annotations.get(model.REF_NAME) or entry.digest in newest or entry.digest in in_use
        )
        if kept != manifests:
            store.write_index(Index(manifests=kept))
        blobs, unpacked = _reachable(store, kept)
    freed = sum(_remove(path) for path in _strangers(store.blobs, blobs, now_s))
    freed += sum(_remove(path) for path in _strangers(store.unpacked, unpacked, now_s))
    for record in store.layers.glob("*.json"):
        if msgspec.json.decode(record.read_bytes())["digest"].removeprefix("sha256:") not in blobs:
            _remove_old(record, now_s)
    used_dev = {
        reference.digest.removeprefix("sha256:") for reference in parsed if reference.registry == references.DEV
    }
    dev = sorted(store.dev.glob("*.json"), key=lambda path: path.stat().st_mtime)
    for bundle in dev[:-_DEV_KEPT]:
        if bundle.stem not in used_dev:
            bundle.unlink(missing_ok=True)
    return Pruned(len(manifests) - len(kept), freed)


def _reachable(store: ImageStore, kept: tuple[Descriptor, ...]) -> tuple[set[str], set[str]]:
    """The names of blobs and of unpacked layers that the kept images are made of."""
    blobs: set[str] = set()
    unpacked: set[str] = set()
    for entry in kept:
        manifest = msgspec.json.decode(store.blob(entry.digest).read_bytes(), type=Manifest)
        config = msgspec.json.decode(store.blob(manifest.config.digest).read_bytes(), type=Config)
        blobs |= {entry.digest, manifest.config.digest, *(layer.digest for layer in manifest.layers)}
        unpacked |= set(config.rootfs.diff_ids)
    return _hex(blobs), _hex(unpacked)


def _hex(digests: set[str]) -> set[str]:
    return {digest.removeprefix("sha256:") for digest in digests}


def _strangers(folder: Path, known: set[str], now_s: float) -> list[Path]:
    if not folder.is_dir():
        return []
    return [
        path
        for path in folder.iterdir()
        if path.name not in known and path.name != ".lock" and path.lstat().st_ctime < now_s - _GRACE_S
    ]


def _remove_old(path: Path, now_s: float) -> None:
    if path.lstat().st_ctime < now_s - _GRACE_S:
        path.unlink(missing_ok=True)


def _remove(path: Path) -> int:
    if path.is_dir():
        size = sum(file.lstat().st_size for file in path.rglob("*") if file.is_file())
        shutil.rmtree(path, ignore_errors=True)
        return size
    size = path.lstat().st_size
    path.unlink(missing_ok=True)
    return size
