"""Run an image as anybody would, `docker run -p 8080`, and ask it."""

from __future__ import annotations

import time
from typing import Any

import httpx

from tests.programs import DEADLINE_S


def answer_of(client: Any, image: str, **run: Any) -> str:
    """The text at `/` of a container of it, which is removed then. Args: run: of `docker run`."""
    container = client.containers.create(image, ports={"8080/tcp": ("127.0.0.1", None)}, **run)
    try:
        container.start()
        container.reload()
        port = container.attrs["NetworkSettings"]["Ports"]["8080/tcp"][0]["HostPort"]
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            try:
                return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).raise_for_status().text
            except httpx.TransportError:
                time.sleep(0.02)  # the port accepts before the program listens, and nothing says when it does
            container.reload()
            assert container.status == "running", container.logs().decode()
        raise AssertionError(f"no answer:\n{container.logs().decode()}")
    finally:
        container.remove(force=True, v=True)
