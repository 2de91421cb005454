"""How containers are reached, and what they reach."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from faas_builders.oci.model import BASE

from faas.engine.contract.revision import SecurityPlan
from faas.engine.instances.docker import network
from tests.containers_world import MadeImage, debian_base
from tests.integration.instances.docker.conftest import PATIENCE_S, World

__all__ = ["debian_base"]

CALL = """
import os, socket
path = os.environ["FAAS_GATEWAY"].removeprefix("unix:")
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(path)
    print(os.getuid(), connection.recv(100).decode())
"""


@pytest.fixture
def ours(docker: Any, debian_base: MadeImage) -> Iterator[str]:
    """An image that says of itself that it has our runtime."""
    name = f"dev.local/ours-{uuid.uuid4().hex[:8]}:latest"
    debian_base.reconfigured(Labels={BASE: "somewhere/python@sha256:1"}, User="65532:65532").load(docker, name)
    yield name
    docker.images.remove(name, force=True)


def gateway(world: World) -> socket.socket:
    """Listens where the supervisor's internal socket is."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(world.settings.internal_socket))
    world.settings.internal_socket.chmod(0o600)
    listener.listen()
    listener.setblocking(False)
    return listener


def call_from_a_container(world: World, image: str, listener: socket.socket) -> list[bytes]:
    async def run() -> list[bytes]:
        async with world.driver() as driver:
            one = world.start(driver, await world.image(driver, image), command=("python3", "-c"), args=(CALL,))
            async with asyncio.timeout(PATIENCE_S):
                connection, _ = await asyncio.get_running_loop().sock_accept(listener)
            with connection:
                await asyncio.get_running_loop().sock_sendall(connection, b"welcome")
            await one.exited()
            return [line for _, line in one.lines]

    with listener:
        return asyncio.run(run())


def test_a_function_in_our_image_reaches_the_gateway_as_nobody_special(world: World, ours: str) -> None:
    assert call_from_a_container(world, ours, gateway(world)) == [b"65532 welcome"]


def test_nobody_else_on_this_machine_reaches_it_through_that(world: World, ours: str) -> None:
    call_from_a_container(world, ours, gateway(world))
    way = world.settings.runtime_dir / "g"
    assert stat.S_IMODE(way.stat().st_mode) == 0o700
    assert stat.S_IMODE(world.settings.runtime_dir.stat().st_mode) == 0o700


def test_where_functions_have_a_user_of_their_own_the_socket_is_open_to_its_group_only(world: World, ours: str) -> None:
    if os.getuid() != 0:
        pytest.skip("only root runs functions as somebody else")
    world.settings.runtime_dir.chmod(0o711)
    listener = gateway(world)
    os.chown(world.settings.internal_socket, 65534, 4711)
    assert call_from_a_container(world, ours, listener) == [b"65532 welcome"]
    assert stat.S_IMODE(world.settings.internal_socket.stat().st_mode) == 0o660


def test_images_of_others_get_no_door_to_the_engine(world: World, shell: str) -> None:
    async def run() -> None:
        async with world.driver() as driver:
            image = await world.image(driver, shell)
            one = world.start(driver, image, command=("/bin/sh", "-c", "env; ls /var/run/faas || echo nothing there"))
            await one.exited()
            said = [line for _, line in one.lines]
            assert b"nothing there" in said
            assert not [line for line in said if line.startswith(b"FAAS_GATEWAY")]

    with gateway(world):
        asyncio.run(run())


def test_where_the_bridge_cannot_be_reached_ports_are_published_on_loopback(
    world: World, shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "is_own_address", lambda address: False)

    async def run() -> None:
        async with world.driver() as driver:
            one = world.start(driver, await world.image(driver, shell))
            await one.ready()
            assert one.run.address.startswith("tcp:127.0.0.1:")
            assert await one.get() == b"hello from a shell\n"
            one.run.stop()
            await one.exited()

    asyncio.run(run())


def test_a_port_below_1024_can_be_had_by_a_user_who_is_not_root(world: World, shell: str) -> None:
    async def run() -> None:
        async with world.driver() as driver:
            image = await world.image(driver, shell)
            one = world.start(driver, image, port=80, security=SecurityPlan(user=65532))
            await one.ready()
            assert await one.get() == b"hello from a shell\n"
            one.run.kill()
            await one.exited()

    asyncio.run(run())


def test_any_image_calls_cluster_local_services_by_the_urls_that_it_was_given(world: World, shell: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        host = head.lower().partition(b"host: ")[2].partition(b"\r\n")[0]
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nfrom " + host + b"\n")
        writer.close()

    async def run() -> None:
        gateway = await asyncio.start_unix_server(answer, world.settings.internal_socket)
        async with world.driver() as driver:
            image = await world.image(driver, shell)
            one = world.start(
                driver,
                image,
                env={"CITY": "http://city.default.svc.cluster.local/"},
                command=("/bin/sh", "-c", "wget -q -O - $CITY"),
            )
            assert (await one.exited()).code == 0, one.lines
            assert one.lines == [("stdout", b"from city.default.svc.cluster.local")]
        gateway.close()

    if os.getuid() != 0:
        pytest.skip("port 80 takes root")
    asyncio.run(run())
