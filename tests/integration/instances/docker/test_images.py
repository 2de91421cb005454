"""From a reference to an image that the Docker engine has: registries, the engine's own store, what was built here."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import socket
import tarfile
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faas_builders.oci import archive, model
from faas_builders.oci.references import Reference
from faas_builders.oci.store import ImageStore

from faas.engine.instances.docker import connection, loading, pulling
from faas.engine.instances.driver import Image, ImageUnavailable, Pull
from tests.containers_world import MadeImage, RunningRegistry, htpasswd, running_registry
from tests.integration.instances.docker.conftest import World
from tests.programs import free_port


@pytest.fixture
def repository(docker: Any) -> Iterator[str]:
    """A name of its own; what the Docker engine has of it goes afterwards."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    yield name
    for image in docker.images.list():
        for known in (*image.tags, *image.attrs["RepoDigests"]):
            if name in known:
                docker.images.remove(known, force=True)


@pytest.fixture
def distinct(busybox: MadeImage) -> MadeImage:
    """An image that no other test has."""
    return busybox.reconfigured(Labels={"test": uuid.uuid4().hex})


def resolve(world: World, reference: str, pull: Pull | None = None) -> Image:
    async def run() -> Image:
        async with world.driver() as driver:
            return await world.image(driver, reference, pull)

    return asyncio.run(run())


def refusal(world: World, reference: str, pull: Pull | None = None) -> ImageUnavailable:
    with pytest.raises(ImageUnavailable) as caught:
        resolve(world, reference, pull)
    return caught.value


def test_a_tag_is_resolved_to_the_digest_that_the_registry_has(
    world: World, registry: RunningRegistry, repository: str, distinct: MadeImage
) -> None:
    distinct.push(registry, repository, "v1")
    image = resolve(world, f"{registry.host}/{repository}:v1")
    assert image.digest == distinct.digest
    assert image.in_container
    assert not image.has_our_runtime
    assert dict(image.env)["PATH"].startswith("/usr/local/sbin")


def test_a_tag_that_moved_is_the_new_image_also_when_the_old_one_is_here(
    world: World, registry: RunningRegistry, repository: str, busybox: MadeImage, distinct: MadeImage
) -> None:
    busybox.push(registry, repository, "v1")
    reference = f"{registry.host}/{repository}:v1"
    assert resolve(world, reference).digest == busybox.digest
    distinct.push(registry, repository, "v1")
    assert resolve(world, reference).digest == distinct.digest


def test_by_digest_nobody_is_asked_once_it_is_here(
    world: World, tmp_path: Path, repository: str, distinct: MadeImage
) -> None:
    with running_registry(tmp_path / "registry") as registry:
        reference = distinct.push(registry, repository)
        assert resolve(world, reference).digest == distinct.digest
    assert resolve(world, reference, Pull("Always")).digest == distinct.digest


def test_when_the_registry_is_away_a_tag_means_what_is_here_unless_it_has_to_be_asked(
    world: World, docker: Any, repository: str, distinct: MadeImage
) -> None:
    name = f"127.0.0.1:{free_port()}/{repository}:v1"
    id = distinct.load(docker, name)
    assert resolve(world, name).digest == id
    assert "cannot reach" in str(refusal(world, name, Pull("Always")))


def test_never_means_that_it_has_to_be_here(world: World, docker: Any, repository: str, distinct: MadeImage) -> None:
    name = f"registry.invalid/{repository}:v1"
    assert "imagePullPolicy is Never" in str(refusal(world, name, Pull("Never")))
    id = distinct.load(docker, name)
    assert resolve(world, name, Pull("Never")).digest == id


def test_what_tools_build_for_one_machine_is_never_pulled(world: World) -> None:
    assert "docker build -t ko.local/thing" in str(refusal(world, "ko.local/thing:v1"))


def test_an_image_that_the_registry_does_not_have(world: World, registry: RunningRegistry) -> None:
    failure = refusal(world, f"{registry.host}/no-such-thing:v1")
    assert str(failure).startswith(f'Unable to fetch image "{registry.host}/no-such-thing:v1": ')
    assert "not found" in str(failure)
    assert failure.retry_after_s == 10.0


def test_a_registry_where_nobody_listens(world: World) -> None:
    failure = refusal(world, f"127.0.0.1:{free_port()}/thing:v1")
    assert "cannot reach 127.0.0.1" in str(failure)
    assert failure.retry_after_s == 10.0


def test_a_registry_that_says_nothing_is_not_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "DIGEST_TIMEOUT_S", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        failure = refusal(world, f"127.0.0.1:{silent.getsockname()[1]}/thing:v1")
    assert "no answer within 0.5 s" in str(failure)


def test_a_reference_that_is_none_is_not_tried_again(world: World) -> None:
    failure = refusal(world, "Not An Image")
    assert failure.retry_after_s is None


def test_a_pull_secret_opens_a_registry_and_without_it_the_message_says_what_to_do(
    world: World, tmp_path: Path, repository: str, distinct: MadeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with running_registry(tmp_path / "r", htpasswd(tmp_path / "auth", "me", "word"), ("me", "word")) as registry:
        distinct.push(registry, repository)
        reference = f"{registry.host}/{repository}:latest"
        assert "imagePullSecrets" in str(refusal(world, reference))
        encoded = base64.b64encode(b"me:word").decode()
        config = json.dumps({"auths": {registry.host: {"auth": encoded}}})
        assert resolve(world, reference, Pull(credentials=(config,))).digest == distinct.digest


def test_the_docker_commands_login_counts(
    world: World, tmp_path: Path, repository: str, distinct: MadeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with running_registry(tmp_path / "r", htpasswd(tmp_path / "auth", "me", "word"), ("me", "word")) as registry:
        distinct.push(registry, repository)
        encoded = base64.b64encode(b"me:word").decode()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": encoded}}}))
        assert resolve(world, f"{registry.host}/{repository}:latest").digest == distinct.digest


def test_without_a_docker_engine_it_says_what_to_do(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    failure = refusal(world, "anything:v1")
    assert str(failure) == (
        f"no Docker engine answers at unix://{tmp_path}/nobody.sock: No such file or directory; "
        "install and start Docker, or name one with DOCKER_HOST"
    )
    assert failure.retry_after_s == 10.0


@pytest.fixture
def stored(world: World, docker: Any, distinct: MadeImage) -> Iterator[tuple[str, MadeImage]]:
    """A reference by digest in the engine's own store."""
    image = distinct.reconfigured(Labels={model.BASE: "somewhere/base@sha256:1", "test": uuid.uuid4().hex})
    name = f"hello-{uuid.uuid4().hex[:8]}"
    yield put(ImageStore(world.settings.images_dir), name, image), image
    for tag in [tag for found in docker.images.list() for tag in found.tags if f"/{name}:" in tag]:
        docker.images.remove(tag, force=True)


def put(store: ImageStore, name: str, image: MadeImage) -> str:
    manifest = msgspec.json.decode(image.manifest, type=model.Manifest)
    (layer,) = manifest.layers
    store.adopt_layer(image.layer, layer.digest)
    config = msgspec.json.decode(image.config, type=model.Config)
    return str(store.put_image(Reference("faas.local", name, tag="v1"), config, (layer,)))


def test_an_image_of_the_engines_store_is_loaded_and_runs(world: World, stored: tuple[str, MadeImage]) -> None:
    reference, _ = stored

    async def run() -> None:
        async with world.driver() as driver:
            image = await world.image(driver, reference)
            assert image.digest == reference.partition("@")[2]
            assert image.has_our_runtime
            one = world.start(driver, image)
            await one.ready()
            assert await one.get() == b"hello from a shell\n"
            one.run.stop()
            await one.exited()

    asyncio.run(run())


def test_an_image_that_somebody_removed_from_docker_is_loaded_again(
    world: World, docker: Any, stored: tuple[str, MadeImage]
) -> None:
    reference, _ = stored

    async def run() -> None:
        async with world.driver() as driver:
            image = await world.image(driver, reference)
            name = reference.partition("@")[0]
            await asyncio.to_thread(lambda: docker.images.remove(f"{name}:{image.digest[7:]}", force=True))
            one = world.start(driver, image)
            await one.ready()
            one.run.stop()
            await one.exited()

    asyncio.run(run())


def test_layers_that_docker_has_are_not_sent_again(
    world: World, stored: tuple[str, MadeImage], docker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, image = stored
    resolve(world, reference)
    sent: list[int] = []
    whole = archive.docker_archive

    def counted(*args: Any, **options: Any) -> Iterator[bytes]:
        sent.append(0)
        for piece in whole(*args, **options):
            sent[-1] += len(piece)
            yield piece

    monkeypatch.setattr(archive, "docker_archive", counted)
    changed = image.reconfigured(Labels={model.BASE: "somewhere/base@sha256:1", "test": uuid.uuid4().hex})
    name = reference.partition("/")[2].partition("@")[0]
    again = put(ImageStore(world.settings.images_dir), name, changed)
    assert resolve(world, again).digest == again.partition("@")[2]
    assert len(sent) == 1
    assert sent[0] < image.layer.stat().st_size / 2


def test_an_engine_that_does_not_have_a_layer_after_all_gets_it(
    world: World, docker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "unique").write_text(uuid.uuid4().hex)
    layer = tmp_path / "layer.tar.gz"
    with tarfile.open(layer, "w:gz") as tar:
        tar.add(tmp_path / "unique", "unique")
    diff_id = "sha256:" + hashlib.sha256(gzip.decompress(layer.read_bytes())).hexdigest()
    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [diff_id]}}
    image = MadeImage(layer, json.dumps(config).encode())
    name = f"hello-{uuid.uuid4().hex[:8]}"
    reference = put(ImageStore(world.settings.images_dir), name, image)
    monkeypatch.setattr(
        loading.Loader, "_known", lambda self, api, stored: tuple(one.digest for one in stored.manifest.layers)
    )
    digest = reference.partition("@")[2]
    assert resolve(world, reference).digest == digest
    docker.images.remove(f"faas.local/{name}:{digest[7:]}", force=True)


def test_what_the_store_does_not_have_is_said(world: World) -> None:
    failure = refusal(world, f"faas.local/hello@sha256:{'0' * 64}")
    assert "faas.local/hello" in str(failure)
    assert failure.retry_after_s is None


def test_loaded_images_nobody_asked_for_in_a_day_are_removed(
    world: World, docker: Any, stored: tuple[str, MadeImage], monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, _ = stored
    resolve(world, reference)
    digest = reference.partition("@")[2]
    name = f"{reference.partition('@')[0]}:{digest[7:]}"
    assert docker.images.get(name)
    monkeypatch.setattr(loading, "KEPT", timedelta(seconds=-5))
    ImageStore(world.settings.images_dir).blob(digest).unlink()
    refusal(world, f"faas.local/other@sha256:{'0' * 64}")
    assert not docker.images.list(name)


def test_images_that_are_being_loaded_keep_nobody_elses_waiting(
    world: World, repository: str, distinct: MadeImage, docker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def load(self: loading.Loader, api: Any, reference: str) -> Any:
        begun.set()
        go_on.wait()
        raise OSError("enough")

    monkeypatch.setattr(loading.Loader, "load", load)
    distinct.load(docker, f"{repository}:v1")

    async def run() -> Image:
        async with world.driver() as driver:
            references = [f"faas.local/many:{number}" for number in range(2 * connection.THREADS)]
            many = [asyncio.create_task(driver.resolve(reference, Pull("IfNotPresent"))) for reference in references]
            try:
                assert await asyncio.to_thread(begun.wait, 30)
                async with asyncio.timeout(30):
                    return await driver.resolve(f"{repository}:v1", Pull("Never"))
            finally:
                go_on.set()
                await asyncio.gather(*many, return_exceptions=True)

    assert asyncio.run(run()).in_container
