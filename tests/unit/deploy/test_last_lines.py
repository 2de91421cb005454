"""The last lines of a revision whose containers come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from faas.client.errors import NotFound
from faas.deploy.reasons.logs import last_lines

ENDED = {"exitCode": 4, "reason": "Error", "message": "Traceback\nKeyError: 'DB'\n"}
LOST = "unable to retrieve container logs for containerd://7ed3b19c"


class Cluster:
    """One Pod that crashed; `written` is what its log says, or None where there is none."""

    def __init__(self, written: list[str] | None) -> None:
        self.written = written

    async def list(self, *args: Any, **selectors: Any) -> SimpleNamespace:
        status = {"name": "user-container", "restartCount": 2, "lastState": {"terminated": ENDED}}
        containers = [{"name": "user-container"}, {"name": "queue-proxy"}]
        pod = {
            "metadata": {"name": "web-1"},
            "spec": {"containers": containers},
            "status": {"containerStatuses": [{"name": "queue-proxy"}, status]},
        }
        return SimpleNamespace(items=[pod])

    async def logs(self, pod: str, namespace: str, **options: Any) -> AsyncIterator[str]:
        assert options["container"] == "user-container"
        if self.written is None:
            raise NotFound("previous terminated container not found", code=404)
        for line in self.written:
            yield line


@pytest.mark.parametrize(
    ("written", "told"),
    [
        pytest.param(["starting", "failed"], ("starting", "failed"), id="a-log"),
        pytest.param([LOST], ("Traceback", "KeyError: 'DB'"), id="its-container-was-removed"),
        pytest.param(None, ("Traceback", "KeyError: 'DB'"), id="no-log"),
    ],
)
def test_a_log_that_is_gone_leaves_what_was_kept_with_the_end(written: list[str] | None, told: tuple[str, ...]) -> None:
    assert asyncio.run(last_lines(Cluster(written), "team", "web-00001")) == told  # type: ignore[arg-type]
