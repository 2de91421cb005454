"""The programs of `faas.inbox` as they run in a cluster: processes of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.programs import Program, free_port

TOKEN = "a-token-that-only-tests-know"


@dataclass
class RunningInbox:
    program: Program

    @property
    def url(self) -> str:
        return f"http://{self.program.address}"

    def post(self, path: str, body: bytes, **headers: str) -> httpx.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(self.url + path, content=body, headers=names, trust_env=False, timeout=30)

    def ask(self, method: str, path: str, *, token: str = TOKEN, json: Any = None, **query: str) -> httpx.Response:
        headers = {"X-Faas-Token": token} if token else {}
        url = f"{self.url}/v1/brokers/default/deadletters{path}"
        return httpx.request(method, url, params=query, headers=headers, json=json, trust_env=False, timeout=30)


def event_headers(number: int, type: str = "order") -> dict[str, str]:
    return {
        "ce_specversion": "1.0", "ce_id": f"id-{number}", "ce_source": "shop", "ce_type": type,
        "content_type": "application/json", "ce_knativeerrorcode": "500", "ce_knativeerrordata": "b29wcw==",
        "ce_knativeerrordest": "http://on-order.team.svc.cluster.local/",
    }  # fmt: skip


@contextmanager
def running_inbox(
    folder: Path, program: str = "store", *, path: str = "/healthz", **settings: str
) -> Iterator[RunningInbox]:
    """Run it; `program.kill()` and `program.start()` are a crash and what comes after.

    Args: path: it runs when this is answered.
    """
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    env: Mapping[str, str] = {
        "PATH": "/usr/bin:/bin",
        "PORT": str(port),
        "FAAS_INBOX_HOST": "127.0.0.1",
        "FAAS_INBOX_TOKEN": TOKEN,
        "FAAS_INBOX_DATABASE": str(folder / "letters.db"),
        "FAAS_INBOX_NAMESPACE": "team",
        **settings,
    }
    command = [sys.executable, "-m", "faas.inbox", program]
    running = Program(command, port, folder, lambda port: is_ready(port, path), env=env)
    running.start()
    try:
        yield RunningInbox(running)
    finally:
        running.stop()


def is_ready(port: int, path: str = "/healthz") -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=5).status_code == 200
    except httpx.TransportError:
        return False
