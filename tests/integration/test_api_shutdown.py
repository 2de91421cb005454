"""The server ends while clients are connected, and begins again where it was."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from pathlib import Path

import httpx
import yaml

from faas.engine.api.objects.backend import Backend
from faas.engine.api.server import ApiServer
from faas.engine.contract.settings import EngineSettings, Listeners
from faas.engine.store import SqliteStore
from faas.resources.kinds import CONFIG_MAP


def settings(state: Path) -> EngineSettings:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    return EngineSettings(
        state_dir=state, runtime_dir=state, listeners=Listeners(-1, -1, -1, listener.detach()), api_port=port
    )


def make_client(state: Path) -> httpx.AsyncClient:
    config = yaml.safe_load((state / "kubeconfig").read_text())
    return httpx.AsyncClient(
        base_url=config["clusters"][0]["cluster"]["server"],
        headers={"Authorization": f"Bearer {config['users'][0]['user']['token']}"},
        verify=ssl.create_default_context(cadata=(state / "tls" / "ca.crt").read_text()),
        timeout=20,
    )


def test_open_watches_end_cleanly_when_the_server_stops(tmp_path: Path) -> None:
    async def main() -> None:
        begun = asyncio.Event()

        async def follow() -> list[str]:
            async with make_client(tmp_path) as client, client.stream("GET", "/api/v1/namespaces?watch=1") as stream:
                types = []
                async for line in stream.aiter_lines():
                    types.append(json.loads(line)["type"])
                    begun.set()
                return types

        async with SqliteStore(tmp_path / "state.db") as store:
            async with ApiServer(settings(tmp_path), Backend(store)) as server:
                await server.ready()
                watching = asyncio.create_task(follow())
                await begun.wait()
            async with asyncio.timeout(20):
                assert set(await watching) == {"ADDED"}

    asyncio.run(main())


def test_credentials_and_objects_outlive_the_server(tmp_path: Path) -> None:
    async def start(first: bool) -> bytes:
        async with (
            SqliteStore(tmp_path / "state.db") as store,
            ApiServer(settings(tmp_path), backend := Backend(store)),
            make_client(tmp_path) as client,
        ):
            if first:
                await backend.create(CONFIG_MAP, {"metadata": {"name": "kept", "namespace": "default"}})
            answer = await client.get("/api/v1/namespaces/default/configmaps/kept")
            assert answer.status_code == 200
            if not first:  # the history began anew: whoever watched has to list again
                stale = await client.get("/api/v1/configmaps?watch=1&resourceVersion=1")
                assert json.loads(stale.text)["object"]["reason"] == "Expired"
        return (tmp_path / "tls" / "token").read_bytes()

    assert asyncio.run(start(True)) == asyncio.run(start(False))
