"""Where a command works: the engine of this machine, or a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faas.client.places.state import State
from faas.client.places.state import connect as connect_engine

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.kubeconfigs.cluster import Cluster

LOCAL = "local"  # the context that every machine has: its own engine


@dataclass(frozen=True, slots=True)
class Target:
    """A context, and the namespace in it.

    `state` is of this machine whatever the context: images that are made here are kept there.
    """

    state: State
    namespace: str = "default"
    context: str = LOCAL
    stage: str = ""  # of the project, `[tool.faas.environments.STAGE]`; "": none
    cluster: Cluster | None = None  # None: the engine that runs on `state`
    flags: str = ""  # what names it on a command line, with a space before: ` -n team --context prod`

    @property
    def is_local(self) -> bool:
        """Whether this is the engine of `state`, which has more to say than a cluster."""
        return self.cluster is None


def connect(target: Target) -> HttpClient:
    """A client of the API server there; use it as an async context manager.

    Raises: EngineNotRunning; KubeconfigError: the kubeconfig the engine wrote was damaged.
    """
    if target.cluster is None:
        return connect_engine(target.state)
    from faas.client.http.client import HttpClient
    from faas.client.transport.retry import PATIENT

    return HttpClient(target.cluster, retry=PATIENT)
