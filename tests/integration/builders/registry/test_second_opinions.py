"""What others make of what we push, and a real registry behind a line that breaks."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

from docker.errors import NotFound
from faas_builders.oci.importing import import_archive
from faas_builders.oci.store import ImageStore
from faas_builders.registry.names import ImageName
from faas_builders.registry.push import push, push_with

from tests.containers_world import MadeImage, RunningRegistry, busybox, docker, registry
from tests.integration.builders.registry.conftest import Client
from tests.integration.builders.registry.stores import put_image, put_random_layer

__all__ = ["busybox", "docker", "registry"]


def test_docker_runs_what_we_pushed(docker: Any, registry: RunningRegistry, busybox: MadeImage, tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    reference = import_archive(store, busybox.layout(tmp_path / "layout"), "busybox", "1")
    name = ImageName.parse(f"{registry.host}/for-docker/busybox:1")
    digest = push(store, str(reference), name)
    image = docker.images.pull(f"{name.registry}/{name.repository}", tag=name.tag)
    try:
        assert f"{name.registry}/{name.repository}@{digest}" in image.attrs["RepoDigests"]
        assert docker.containers.run(image, ["echo", "hello"], remove=True, network_mode="none") == b"hello\n"
    finally:
        for pulled in (name, name.with_digest(digest)):
            with contextlib.suppress(NotFound):
                docker.images.remove(str(pulled))


@contextmanager
def breaking_line(port: int, after: int, times: int) -> Iterator[int]:
    """A port that leads to `port`; the first `times` connections that carry more than `after` bytes there break."""
    lock, left = threading.Lock(), [times]

    class Line(BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", port)) as upstream:
                back = threading.Thread(target=self._copy, args=(upstream, self.request))
                back.start()
                self._copy(self.request, upstream, after)
                back.join()

        def _copy(self, source: socket.socket, target: socket.socket, most: int = 1 << 60) -> None:
            carried = 0
            with contextlib.suppress(OSError):
                while data := source.recv(1 << 16):
                    carried += len(data)
                    if carried > most:
                        with lock:
                            breaks, left[0] = left[0] > 0, left[0] - 1
                        if breaks:
                            break
                        most = 1 << 60
                    target.sendall(data)
            for end in (source, target):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    class Server(ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Line) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_line_that_breaks_before_a_real_registry(registry: RunningRegistry, tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    layer = put_random_layer(store, 40 << 20)
    image = put_image(store, (layer,))
    with breaking_line(registry.port, 20 << 20, times=2) as port, Client(f"127.0.0.1:{port}") as client:
        name = ImageName.parse(f"127.0.0.1:{port}/broken-line/shop:1")
        push_with(client, store, f"faas.local/shop@{image.digest}", name)
        assert len(client.waits) == 2
    assert registry.manifest("broken-line/shop", "1")["layers"][0]["digest"] == layer.digest
