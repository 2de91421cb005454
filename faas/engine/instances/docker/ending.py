"""A program: ends the containers of a state whose engine will not come back, when the supervisor ends.

    python -m faas.engine.instances.docker.ending STATE GRACE_S

Containers are nobody's descendants, and the supervisor knows no Docker. Each gets its stop signal and as long as
instances get, those beside another after that one; then they go, with their volumes and their network, and the mark
that there may be some. Asked to end (SIGTERM) it no longer waits for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from faas.engine.contract.settings import CONTAINERS_MARK
from faas.engine.instances.docker.connection import Api, Docker, DockerError
from faas.engine.instances.docker.ownership import SERVING, Ownership, ownership_of
from faas.engine.instances.docker.place import DockerUnavailable
from faas.engine.instances.docker.sweeping import remove_labelled


def main(arguments: list[str]) -> int:
    state, grace_s = Path(arguments[0]), float(arguments[1])
    try:
        count = asyncio.run(end_containers(ownership_of(state), grace_s))
    except (DockerError, DockerUnavailable) as error:
        print(f"containers of this engine may still run: {error}", file=sys.stderr)
        return 1
    (state / CONTAINERS_MARK).unlink(missing_ok=True)
    print(f"ended {count} container{'s' * (count != 1)}", file=sys.stderr)
    return 0


async def end_containers(whose: Ownership, grace_s: float) -> int:
    """Returns: how many were there. Raises: DockerUnavailable, DockerError."""
    hurried = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, hurried.set)
    docker = Docker()
    try:
        found = await docker.call(lambda api: _containers(api, whose))
        stopping = asyncio.ensure_future(_stop_all(docker, found, grace_s))
        hurrying = asyncio.ensure_future(hurried.wait())
        await asyncio.wait({stopping, hurrying}, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, hurrying):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        labels = [f"{name}={value}" for name, value in whose.labels.items()]
        await docker.call(lambda api: remove_labelled(api, labels))
    finally:
        docker.close()
    return len(found)


def _containers(api: Api, whose: Ownership) -> dict[str, bool]:
    """By their ids, and whether each is beside another."""
    filters = {"label": [f"{name}={value}" for name, value in whose.labels.items()]}
    found = api.containers(all=True, filters=filters)
    return {str(one["Id"]): SERVING in one["Labels"] for one in found if whose.is_ours(one["Labels"])}


async def _stop_all(docker: Docker, containers: dict[str, bool], grace_s: float) -> None:
    deadline_s = time.monotonic() + grace_s
    for beside in (False, True):
        chosen = (id for id, is_beside in containers.items() if is_beside == beside)
        await _stop(docker, chosen, max(0, round(deadline_s - time.monotonic())))


async def _stop(docker: Docker, ids: Iterable[str], grace_s: int) -> None:
    async def stop(id: str) -> None:
        with contextlib.suppress(DockerError, DockerUnavailable):  # removed by somebody, or its removal says why not
            async with await docker.open("POST", f"/containers/{id}/stop", {"t": str(grace_s)}) as answer:
                await answer.reader.read()

    async with asyncio.TaskGroup() as group:
        for id in ids:
            group.create_task(stop(id))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
