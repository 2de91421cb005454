"""The image as a container: an adapter of a real server, and the store, as nobody and with a root that is read-only."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from faas_builders.delivery import Output, deliver
from faas_builders.oci.programs_image import PYTHON, ProgramsRequest
from faas_builders.oci.store import ImageStore

from faas.deploy.images.programs import make_sources_image
from tests.containers_world import MadeImage
from tests.inbox_world import RunningInbox, event_headers, is_ready
from tests.programs import DEADLINE_S, Program, find_program, free_port, running_program
from tests.serving import serving

NAME = "faas-sources-of-a-test:latest"


@pytest.fixture(scope="module")
def image(docker: Any, debian_base: MadeImage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("image")
    store = ImageStore(folder / "images")
    base = debian_base.layout(folder / "base")
    made = make_sources_image(store, ProgramsRequest(base=f"oci:{base}"))
    deliver(store, made.reference, Output("docker"), name=NAME)
    yield NAME
    docker.images.remove(NAME, force=True)


@contextmanager
def container(docker: Any, image: str, ready: Callable[[Any], bool], **options: Any) -> Iterator[Any]:
    """On the machine's network, so that it reaches what listens on loopback; not writable but for what is mounted."""
    running = docker.containers.run(
        image, detach=True, network_mode="host", read_only=True, cap_drop=["ALL"],
        security_opt=["no-new-privileges"], **options,
    )  # fmt: skip
    waiting = threading.Event()
    try:
        for _ in range(int(DEADLINE_S / 0.1)):
            running.reload()
            if running.status == "exited":
                raise AssertionError(running.logs().decode())
            if ready(running):
                break
            waiting.wait(0.1)  # there is nothing else to wait on
        yield running
    finally:
        running.remove(force=True)


class Sink:
    """Takes events, and says when one has come."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.arrived = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.taken.append({"type": self.headers["ce-type"], "data": json.loads(body)})
                self.send_response(202)
                self.send_header("content-length", "0")
                self.end_headers()
                outer.arrived.set()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    with serving(made.server):
        yield made


def test_an_adapter_brings_what_a_real_server_has(docker: Any, image: str, sink: Sink, tmp_path: Path) -> None:
    program, publish, port = find_program("mosquitto"), find_program("mosquitto_pub"), free_port()
    (tmp_path / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    options = {"url": f"mqtt://127.0.0.1:{port}", "topics": ["sensors/+/t"], "qos": 1}
    with (
        running_program([program, "-c", str(tmp_path / "mosquitto.conf")], port, tmp_path),
        container(
            docker, image, lambda it: b'"connected"' in it.logs(), command=["mqtt"],
            environment={"K_SINK": sink.url, "FAAS_SOURCE": json.dumps(options)},
        ) as running,
    ):  # fmt: skip
        topic = ["-t", "sensors/kitchen/t", "-m", '{"c": 21}']
        subprocess.run([publish, "-h", "127.0.0.1", "-p", str(port), "-q", "1", *topic], check=True, timeout=30)
        assert sink.arrived.wait(DEADLINE_S)
        lines = [json.loads(line) for line in running.logs().decode().splitlines()]

    assert sink.taken == [{"type": "dev.faas.mqtt.message", "data": {"c": 21}}]
    assert lines[0]["message"] == "connected"


def test_the_store_keeps_letters_on_a_volume(docker: Any, image: str, tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    data.mkdir()
    data.chmod(0o777)  # as a claim is for a Pod's fsGroup
    command = {
        "entrypoint": [PYTHON, "-P", "-m", "faas.inbox", "store"],
        "environment": {
            "FAAS_INBOX_TOKEN": "a-token-that-only-tests-know", "PORT": str(port), "FAAS_INBOX_HOST": "127.0.0.1",
        },
        "volumes": {str(data): {"bind": "/data", "mode": "rw"}},
    }  # fmt: skip
    store = RunningInbox(Program([], port, tmp_path, is_ready))
    with container(docker, image, lambda _: is_ready(port), **command) as running:
        assert store.post("/default/on-order", b"{}", **event_headers(1)).status_code == 202
        running.kill()
    with container(docker, image, lambda _: is_ready(port), **command) as running:
        assert store.ask("GET", "/streams").json() == {"streams": {"": 1}}
        assert running.top()["Processes"][0][0] == "65532"
