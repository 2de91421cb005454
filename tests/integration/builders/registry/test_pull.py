"""Pulling from a real docker-registry."""

from __future__ import annotations

from pathlib import Path

from faas_builders.registry.client import Registry
from faas_builders.registry.names import ImageName
from faas_builders.registry.pull import pull_image
from faas_builders.target import Platform

from tests.containers_world import MadeImage, RunningRegistry, busybox, registry

__all__ = ["busybox", "registry"]

HERE = Platform.of_this_machine()


def test_an_image_is_pulled_whole(registry: RunningRegistry, busybox: MadeImage, tmp_path: Path) -> None:
    busybox.push(registry, "tools/busybox", "1")
    name = ImageName.parse(f"{registry.host}/tools/busybox:1")
    seen: list[tuple[int, int]] = []
    with Registry(name.registry) as client:
        pulled = pull_image(client, name, HERE, tmp_path, lambda done, total: seen.append((done, total)))
    assert str(pulled.name) == f"{registry.host}/tools/busybox@{busybox.digest}"
    assert pulled.config == busybox.config
    assert [layer.read_bytes() for layer in pulled.layers] == [busybox.layer.read_bytes()]
    assert seen[-1][0] == seen[-1][1] == len(busybox.config) + busybox.layer.stat().st_size
