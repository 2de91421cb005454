"""Pulling from a real docker-registry, into a folder that others pull into too."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from faas_builders.errors import NotInRegistry
from faas_builders.oci import model
from faas_builders.oci.layout import Layout
from faas_builders.registry.client import Registry
from faas_builders.registry.names import ImageName
from faas_builders.registry.pull import fetch_manifest, pull_blobs

from tests.containers_world import MadeImage, RunningRegistry, busybox, registry
from tests.programs import free_port

__all__ = ["busybox", "registry"]


def test_an_image_is_pulled_whole(registry: RunningRegistry, busybox: MadeImage, tmp_path: Path) -> None:
    name = ImageName.parse(busybox.push(registry, "tools/busybox", "1"))
    layout = Layout(tmp_path)
    seen: list[tuple[int, int]] = []
    with Registry(name.registry) as client:
        manifest = fetch_manifest(client, name, tmp_path / "blobs").content
        assert isinstance(manifest, model.Manifest)
        blobs = [manifest.config, *manifest.layers]
        pull_blobs(client, name.repository, blobs, tmp_path / "blobs", lambda *at: seen.append(at))
    assert layout.blob(manifest.config.digest).read_bytes() == busybox.config
    assert layout.blob(manifest.layers[0].digest).read_bytes() == busybox.layer.read_bytes()
    assert seen[-1] == (sum(blob.size for blob in blobs),) * 2


def test_what_is_there_is_not_asked_for(registry: RunningRegistry, busybox: MadeImage, tmp_path: Path) -> None:
    name = ImageName.parse(busybox.push(registry, "tools/busybox", "2"))
    with Registry(name.registry) as client:
        manifest = fetch_manifest(client, name, tmp_path).content
        assert isinstance(manifest, model.Manifest)
        pull_blobs(client, name.repository, manifest.layers, tmp_path)
    with Registry(f"127.0.0.1:{free_port()}") as nobody:
        assert fetch_manifest(nobody, name, tmp_path).digest == busybox.digest
        assert list(pull_blobs(nobody, name.repository, manifest.layers, tmp_path)) == [manifest.layers[0].digest]


def test_a_tag_is_resolved_without_its_manifest(registry: RunningRegistry, busybox: MadeImage) -> None:
    busybox.push(registry, "tools/busybox", "3")
    with Registry(registry.host) as client:
        found = client.resolve("tools/busybox", "3")
    assert (found.digest, found.media_type, found.size) == (busybox.digest, model.MANIFEST, len(busybox.manifest))


def test_a_tag_that_is_not_there_is_said_to_be_missing(registry: RunningRegistry) -> None:
    with Registry(registry.host) as client, pytest.raises(NotInRegistry) as caught:
        client.manifest("tools/nothing", "1.0")
    assert f"{registry.host} does not have tools/nothing:1.0" in caught.value.message
    assert "MANIFEST_UNKNOWN" in caught.value.message


def test_several_threads_and_processes_want_the_same_blob(
    registry: RunningRegistry, busybox: MadeImage, tmp_path: Path
) -> None:
    name = ImageName.parse(busybox.push(registry, "tools/busybox", "4"))
    layer = busybox.layer.read_bytes()
    blob = model.Descriptor(media_type=model.LAYER, digest=model.digest_of(layer), size=len(layer))
    program = (
        "import sys; from pathlib import Path; from faas_builders.registry.client import Registry\n"
        "from faas_builders.registry.downloads import pull_blob\n"
        "registry, digest, size, folder = sys.argv[1:]\n"
        "pull_blob(Registry(registry), 'tools/busybox', digest, int(size), Path(folder))"
    )
    command = [sys.executable, "-c", program, name.registry, blob.digest, str(blob.size), str(tmp_path)]
    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(subprocess.run, command, check=True, timeout=60) for _ in range(2)]
        with Registry(name.registry) as client:
            ours = [pool.submit(pull_blobs, client, name.repository, [blob], tmp_path) for _ in range(3)]
            for future in (*others, *ours):
                future.result()
    assert [path.name for path in (tmp_path / "sha256").iterdir()] == [blob.digest[7:]]
