"""Which containers of an earlier engine still serve."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from faas.engine.contract.revision import RevisionKey
from faas.engine.instances.docker import ownership
from faas.engine.instances.docker.connection import Api, Docker
from faas.engine.instances.docker.ownership import Ownership
from faas.engine.instances.docker.run import Created, Running, running_of

CONNECT_S = 1.0


@dataclass(frozen=True, slots=True)
class Adoptable:
    key: RevisionKey
    pod: str
    container: str
    run: int
    port: int
    created_s: float
    serving: str  # of a sidecar: the id of the container beside which it runs
    created: Created
    running: Running

    @property
    def address(self) -> tuple[str, int]:
        published = self.running.published.get(self.port)
        return ("127.0.0.1", published) if published is not None else (self.running.ip, self.port)


async def find_adoptable(docker: Docker, whose: Ownership, logs_dir: Path) -> list[Adoptable]:
    """Serving ones that accept connections, then the sidecars beside them.

    Raises: DockerUnavailable, DockerError.
    """
    found = await docker.call(lambda api: _running(api, whose, logs_dir))
    accepting = await asyncio.gather(*(_accepts(one) for one in found))
    serving = [one for one, accepts in zip(found, accepting, strict=True) if accepts and not one.serving]
    ids = {one.created.id for one in serving}
    return serving + [one for one in found if one.serving in ids]


async def _accepts(one: Adoptable) -> bool:
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(*one.address)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _running(api: Api, whose: Ownership, logs_dir: Path) -> list[Adoptable]:
    filters = {"label": [f"{name}={value}" for name, value in whose.labels.items()], "status": "running"}
    found = []
    for container in api.containers(filters=filters):
        labels = container["Labels"]
        if not whose.is_ours(labels) or ownership.POD not in labels:
            continue
        details = api.inspect_container(container["Id"])
        found.append(_adoptable(details, labels, running_of(api, container["Id"]), logs_dir))
    return found


def _adoptable(details: dict[str, dict[str, str]], labels: dict[str, str], running: Running, logs: Path) -> Adoptable:
    key, pod = ownership.key_of(labels), labels[ownership.POD]
    created = Created(
        str(details["Id"]),
        str(details["Name"]).lstrip("/"),
        details["Config"].get("StopSignal") or "SIGTERM",
        unread_since_s=_last_read(logs / key.namespace / key.name / pod),
    )
    return Adoptable(
        key,
        pod,
        labels.get(ownership.CONTAINER, ""),
        int(labels.get(ownership.RUN, "0")),
        int(labels.get(ownership.PORT, "0")),
        float(labels.get(ownership.CREATED, "0")),
        labels.get(ownership.SERVING, ""),
        created,
        running,
    )


def _last_read(folder: Path) -> float:
    """When the earlier engine wrote the last line of this Pod; what was printed in that moment may be lost."""
    times = [path.stat().st_mtime for path in folder.glob("**/*.jsonl")] if folder.is_dir() else []
    return max(times, default=time.time() - 1.0)
