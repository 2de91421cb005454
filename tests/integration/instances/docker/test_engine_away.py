"""A Docker engine that dies under us and comes back; one of our own, as others use the machine's."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faas.engine.instances.docker import driver as driver_module
from faas.engine.instances.docker import run as run_module
from faas.engine.instances.docker import sweeping
from faas.engine.instances.driver import ImageUnavailable, Pull
from tests.containers_world import MadeImage
from tests.integration.instances.docker.conftest import PATIENCE_S, World

IMAGE = "dev.local/shell:latest"


class OwnDocker:
    """A dockerd with folders, a socket and a bridge of its own, without rules in the kernel's firewall.

    With the bridge that is called docker0 it would share the machine's; without any it deletes that one.
    """

    def __init__(self, base: Path) -> None:
        self.base, self.socket = base, base / "docker.sock"
        self.bridge = f"faas{os.getpid()}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, again: bool = False) -> None:
        program = shutil.which("dockerd") or "/usr/sbin/dockerd"
        if not Path(f"/sys/class/net/{self.bridge}").exists():
            _ask_kernel(_ADD_BRIDGE, self.bridge)
        folders = ["--data-root", str(self.base / "data"), "--exec-root", str(self.base / "exec")]
        command = [program, *folders, "--host", f"unix://{self.socket}", "--pidfile", str(self.base / "pid")]
        with open(self.base / "dockerd.log", "ab") as output:
            self._process = subprocess.Popen(
                [*command, "--bridge", self.bridge, "--iptables=false", "--ip6tables=false"],
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            said = (self.base / "dockerd.log").read_text()[-1000:]
            if self._process.poll() is not None and not again:
                pytest.skip(f"no second dockerd can run here: {said}")
            assert time.monotonic() < deadline, said
            time.sleep(0.05)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return b" 200 " in connection.recv(4096)
            except OSError:
                return False

    def client(self) -> Any:
        import docker

        return docker.DockerClient(f"unix://{self.socket}")

    def kill(self) -> None:
        """As it is when the Docker engine crashes; its containers may go on for a moment."""
        assert self._process is not None
        written = self.base / "exec/containerd/containerd.pid"
        containerd = os.pidfd_open(int(written.read_text()))
        self._process.kill()
        self._process.wait()
        (self.base / "pid").unlink(missing_ok=True)
        # It dies with its parent; a dockerd that starts sooner, or finds its corpse, takes it for one that it can use.
        assert select.select([containerd], [], [], PATIENCE_S)[0]
        os.close(containerd)
        written.unlink()

    def hang(self) -> None:
        """It takes connections, and answers none."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        assert self._process is not None
        if self._process.poll() is not None:
            self.start(again=True)
        self._process.terminate()
        self._process.wait()
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            if (place := line.split()[1]).startswith(f"{self.base}/"):  # the killed one could not
                subprocess.run(["umount", "-l", place], check=True)
        _remove_bridge(self.bridge)


# Source: Linux, include/uapi/linux/sockios.h
_ADD_BRIDGE, _DELETE_BRIDGE, _SET_FLAGS = 0x89A0, 0x89A1, 0x8914


def _remove_bridge(name: str) -> None:
    """It has to be down for that."""
    with socket.socket() as channel:
        fcntl.ioctl(channel, _SET_FLAGS, struct.pack("16sH14x", name.encode(), 0))
    _ask_kernel(_DELETE_BRIDGE, name)


def _ask_kernel(request: int, bridge: str) -> None:
    with socket.socket() as channel:
        fcntl.ioctl(channel, request, bridge.encode() + b"\0")


@pytest.fixture
def own_docker(docker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnDocker]:
    if os.getuid() != 0:
        pytest.skip("a second dockerd needs root")
    base = Path(tempfile.mkdtemp(prefix="od-"))
    made = OwnDocker(base)
    made.start()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{made.socket}")
    try:
        yield made
    finally:
        made.end()
        shutil.rmtree(base, ignore_errors=True)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_containers_of_a_dead_docker_engine_have_exited_and_start_anew_when_it_is_back(
    own_docker: OwnDocker, busybox: MadeImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "PATIENCE_S", 0.3)
    monkeypatch.setattr(sweeping, "RETRY_S", 0.3)
    world = World(own_docker.client(), tmp_path, own_docker.base / "r")
    world.settings.runtime_dir.mkdir()
    busybox.load(world.client, IMAGE)

    async def run() -> None:
        async with world.driver() as driver:
            image = await world.image(driver, IMAGE)
            first = world.start(driver, image)
            await first.ready()
            assert await first.get() == b"hello from a shell\n"
            await asyncio.to_thread(own_docker.kill)
            status = await first.exited()
            assert status.code is None
            assert b"no Docker engine answers" in first.lines[-1][1]

            while_away = world.start(driver, image, run=1)
            status = await while_away.exited()
            assert "no Docker engine answers" in status.start_error
            with pytest.raises(ImageUnavailable, match="no Docker engine answers") as caught:
                await world.image(driver, "dev.local/another:latest", Pull())
            assert caught.value.retry_after_s is not None

            await asyncio.to_thread(lambda: own_docker.start(again=True))
            second = world.start(driver, image, run=2)
            await second.ready()
            assert await second.get() == b"hello from a shell\n"
            await world.left(1)  # the dead one goes too
            second.run.stop()
            await second.exited()
            await world.nothing_left()

    asyncio.run(run())
    world.client.close()
    gc.collect()  # of this test are the sockets that the SDK leaves open when nobody answers


def test_an_engine_does_not_wait_for_a_docker_engine_that_hangs_and_cleans_up_when_it_goes_on(
    own_docker: OwnDocker, busybox: MadeImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver_module, "ADOPT_S", 0.3)
    monkeypatch.setattr(sweeping, "RETRY_S", 0.3)
    world = World(own_docker.client(), tmp_path, own_docker.base / "r")
    world.settings.runtime_dir.mkdir()
    busybox.load(world.client, IMAGE)

    async def first() -> None:
        async with world.driver() as driver:
            one = world.start(driver, await world.image(driver, IMAGE))
            await one.ready()
            await one.answers()

    async def second() -> None:
        async with world.driver() as driver:
            own_docker.hang()
            try:
                assert await asyncio.to_thread(driver.adopt) == []
            finally:
                own_docker.go_on()
            await world.nothing_left()

    asyncio.run(first())
    asyncio.run(second())
    world.client.close()
