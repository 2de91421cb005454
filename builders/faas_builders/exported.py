"""What was written into a project and is none of its image: images (an OCI layout, an archive), exported manifests.

Images are told by what is in them, since they go by any name; of a large file that is none, one block is read. The
manifests of an export are those that the index beside them names.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import tarfile
import zlib
from typing import IO, cast

_LARGE = 1 << 20  # bytes: any larger file may be an archive; a smaller one has its suffix
_SUFFIXES = (".tar", ".tar.gz", ".tgz")
_HEADERS = 512  # entries at most; an image has a few for each layer
_BLOCK = 512
_MAGIC = slice(257, 262)

# Of an OCI layout, and of what Docker before 25 writes: a folder and a document for each image, and a list of them.
_PART_OF_IMAGE = re.compile(
    r"(oci-layout|index\.json|manifest\.json|repositories|blobs(/sha256(/[0-9a-f]{64})?)?"
    r"|[0-9a-f]{64}(\.json|\.tar|/(VERSION|json|layer\.tar))?)"
)


EXPORT_INDEX = ".faas-export"
"""What `faas export --to FOLDER` leaves there: its files, by their path in the folder."""


def manifests_in(folder: str) -> frozenset[str]:
    """Paths, beginning with the folder, of the manifests that an export wrote below it, and of their index."""
    index = os.path.join(folder, EXPORT_INDEX)
    try:
        with open(index, "rb") as file:
            names = [str(name) for name in json.load(file)["files"]]
    except (OSError, ValueError, KeyError, TypeError):  # there is none, or somebody wrote over it
        return frozenset()
    return frozenset((index, *(os.path.join(folder, *name.split("/")) for name in names)))


def is_layout(folder: str) -> bool:
    """Whether a folder is an OCI layout."""
    return os.path.isfile(os.path.join(folder, "oci-layout")) and os.path.isfile(os.path.join(folder, "index.json"))


def is_image_archive(path: str, size: int) -> bool:
    """Whether a file is an archive of images; False when it cannot be read: whoever needs it says so."""
    if size < _LARGE and not path.lower().endswith(_SUFFIXES):
        return False
    try:
        with open(path, "rb") as file:
            start = file.read(_BLOCK)
            file.seek(0)
            if start[:2] == b"\x1f\x8b" and path.lower().endswith(_SUFFIXES):
                with gzip.GzipFile(fileobj=file) as unpacked:
                    return _is_image(cast("IO[bytes]", unpacked), headers=4)
            return start[_MAGIC] == b"ustar" and _is_image(file, headers=_HEADERS)
    except (OSError, EOFError, zlib.error, tarfile.TarError):
        return False


def _is_image(file: IO[bytes], *, headers: int) -> bool:
    """Whether all entries are parts of an image, up to one that only an image has, or the list behind some parts."""
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for number in range(headers):
            entry = tar.next()
            if entry is None:
                return False
            name = entry.name.removeprefix("./")
            if not _PART_OF_IMAGE.fullmatch(name):
                return False
            if name == "oci-layout" or (name == "manifest.json" and number):
                return True
    return False
