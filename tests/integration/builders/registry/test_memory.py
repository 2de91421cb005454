"""A layer of 300 MB passes through without being held."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from faas_builders.oci import model
from faas_builders.oci.store import ImageStore

from tests.containers_world import RunningRegistry, registry
from tests.integration.builders.registry.stores import put_image

__all__ = ["registry"]

SIZE = 300 << 20

_PROGRAM = """
import resource, sys
from pathlib import Path
from faas_builders.oci.store import ImageStore
from faas_builders.registry.client import Registry
from faas_builders.registry.names import ImageName
from faas_builders.registry.pull import pull_blobs
from faas_builders.registry.push import push

store, image, target, folder = sys.argv[1:]
name = ImageName.parse(target)
images = ImageStore(Path(store))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
digest = push(images, image, name)
with Registry(name.registry) as registry:
    pull_blobs(registry, name.repository, images.manifest(digest).layers, Path(folder))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_large_layer_is_not_held_in_memory(registry: RunningRegistry, tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    store.blobs.mkdir(parents=True)
    part = store.blobs / "part"
    with open(part, "wb") as file:
        file.truncate(SIZE)  # takes no room
    with open(part, "rb") as file:
        digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    part.rename(store.blob(digest))
    image = put_image(store, (model.Descriptor(media_type=model.LAYER_TAR, digest=digest, size=SIZE),))
    arguments = [
        str(store.root),
        f"faas.local/large@{image.digest}",
        f"{registry.host}/memory/large:1",
        str(tmp_path / "b"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 64  # MB
    pulled = tmp_path / "b" / "sha256" / digest[7:]
    assert pulled.stat().st_size == SIZE
    pulled.unlink()
