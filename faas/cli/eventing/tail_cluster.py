"""`faas events tail` on a cluster: by a collector and a Trigger that last as long as the command."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faas.cli.connection import with_client
from faas.cli.errors import CommandError
from faas.cli.output import note
from faas.cli.required import require

if TYPE_CHECKING:
    from faas.cli.eventing.wish import Wish
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target

Show = Callable[[Mapping[str, Any]], None]


def tail(target: Target, namespace: str, wish: Wish, show: Show) -> None:
    """Raises: CommandError: what was asked for no cluster has, or its nodes have nowhere to pull the collector from."""
    from faas.resources.kinds import BROKER

    if wish.since is not None or not wish.follow:
        raise CommandError(
            "a cluster's Broker does not keep events to be read again",
            f"Watch what comes from now on:  faas events tail{target.flags}\n"
            f"Dead letters are kept:  faas dlq list{target.flags}",
        )

    async def work(client: HttpClient) -> None:
        await require(client, BROKER, wish.broker, namespace)
        await _tail(client, target, namespace, wish, show)

    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        with_client(target, work)


async def _tail(client: HttpClient, target: Target, namespace: str, wish: Wish, show: Show) -> None:
    from faas.deploy.programs.collecting import LIFETIME, collecting, filters_of, image_there, sweep

    globs = {name: wish.filters.get(name) for name in ("type", "source", "subject")}
    try:
        filters = filters_of(globs, wish.filters.get("sql"))
    except ValueError as error:
        raise CommandError(str(error), "Say it as an expression:  --sql \"type LIKE 'com.acme.%'\"") from error
    for name in await sweep(client, namespace, now=datetime.now(UTC)):
        note(f"{name}, which an earlier command left behind, is removed")
    image = wish.image or await image_there(client, namespace) or _image_of_stage(target)
    if not image:
        raise CommandError(
            "no registry is known that the cluster could pull the collector from",
            "Name a stage with a registry (--stage), or push the image and name it:\n"
            "faas image sources --push REGISTRY/faas-sources && "
            f"faas events tail --image REGISTRY/faas-sources{target.flags}",
        )
    note(f"starting a collector in namespace {namespace} ({image})")
    async with (
        _ending_on_sigterm(),
        collecting(client, namespace, image, wish.broker, filters) as name,
    ):
        note(f"events of Broker {wish.broker}; Ctrl-C ends this and removes Service and Trigger {name}")
        if not await _show(client, namespace, name, wish.limit, show):
            again = f"faas events tail{target.flags}"
            note(f"this has lasted {LIFETIME}, and the collector shows no more; begin again:  {again}")


async def _show(client: HttpClient, namespace: str, name: str, limit: int | None, show: Show) -> bool:
    """Return after so many, or when the collector's time is over: then False."""
    from faas.cli.log_follow import Follower
    from faas.deploy.programs.collecting import LIFETIME
    from faas.resources import keys

    left = limit
    enough = asyncio.Event()

    def emit(pod: str, time: str, text: str) -> None:
        nonlocal left
        line = collected(text)
        if line is None or enough.is_set():
            return
        show(line)
        if left is not None:
            left -= 1
            if not left:
                enough.set()

    follower = Follower(client, namespace, emit)
    following = asyncio.ensure_future(follower.run(f"{keys.SERVICE_LABEL}={name}", set()))
    ended = asyncio.ensure_future(enough.wait())
    try:
        done, _ = await asyncio.wait(
            {following, ended}, timeout=LIFETIME.total_seconds(), return_when=asyncio.FIRST_COMPLETED
        )
        if following.done():
            following.result()
        return bool(done)
    finally:
        for task in (following, ended):
            task.cancel()
        await asyncio.wait({following, ended})


def collected(text: str) -> dict[str, Any] | None:
    """A line of a collector's log, when it is an event and nothing else that it says."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and isinstance(line.get("event"), dict) and "storedTime" in line else None


def _image_of_stage(target: Target) -> str:
    """Where a deploy to the stage would have pushed it; "" without one."""
    from faas.project.errors import ProjectError
    from faas.project.pyproject.settings import load_stage
    from faas.resources.keys import SOURCES_IMAGE

    if not target.stage:
        return ""
    try:
        registry = load_stage(Path(), target.stage).registry
    except ProjectError:
        return ""
    return f"{registry.rstrip('/')}/{SOURCES_IMAGE.rpartition('/')[2]}:latest" if registry else ""


@asynccontextmanager
async def _ending_on_sigterm() -> AsyncIterator[None]:
    """So that a command that is ended by `timeout`, a CI or a closed terminal removes what it has made."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for signum in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(signum, task.cancel)
    try:
        yield
    finally:
        for signum in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(signum)
