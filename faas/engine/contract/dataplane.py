"""Messages between the engine and the gateway: one JSON object a line over the gateway's control socket (Unix).

The gateway listens and outlives the engine; the engine connects, sends a full `Table` and each revision's `Endpoints`,
then whatever changed (always whole values, so a lost connection needs no replay). The gateway goes on with the last
table it has while no engine is there, also across its own restart (it keeps the last table beside its socket).
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Split(msgspec.Struct, frozen=True):
    revision: str  # "namespace/name"
    percent: int


class Target(msgspec.Struct, frozen=True):
    """What a host name stands for: a Route, or one tag of it."""

    namespace: str
    label: str  # NAME or TAG-NAME: the first label of the host, and the path form /_/NAMESPACE/LABEL/
    route: str
    tag: str  # "" for the main target
    splits: tuple[Split, ...]  # percents add up to 100; empty while nothing is assigned (503)
    public: bool  # False: only the internal listener answers (cluster-local)


class RevisionPolicy(msgspec.Struct, frozen=True):
    revision: str
    namespace: str
    service: str
    configuration: str
    container_concurrency: int = 0
    timeout_s: float = 300.0
    response_start_timeout_s: float = 300.0
    idle_timeout_s: float = 0.0
    protocol: Literal["http1", "h2c"] = "http1"
    queue_depth: int = 10_000


class Table(msgspec.Struct, frozen=True, tag="table"):
    """The whole routing state. `hosts`: lower-case host without port -> key into `targets` ("namespace/label").

    `domains` are hosts of people's own choice: a name that is in `hosts`, too, means what it means there, and whoever
    has given a cluster-local target a domain has made it public under that domain.
    """

    version: int
    hosts: dict[str, str] = {}
    targets: dict[str, Target] = {}
    revisions: dict[str, RevisionPolicy] = {}
    domains: dict[str, str] = {}


class EndpointEntry(msgspec.Struct, frozen=True):
    id: str
    address: str  # unix:/path or tcp:host:port
    draining: bool = False


class Endpoints(msgspec.Struct, frozen=True, tag="endpoints"):
    """All endpoints of one revision; draining ones get no new request."""

    revision: str
    entries: tuple[EndpointEntry, ...] = ()


class ScrapeMetrics(msgspec.Struct, frozen=True, tag="scrape"):
    """Ask for the gateway's Prometheus text."""

    id: int


class Poke(msgspec.Struct, frozen=True, tag="poke"):
    """A request of this revision waits and no instance can take it. Sent at once, at most each 100 ms a revision."""

    revision: str
    waiting: int


class LoadSample(msgspec.Struct, frozen=True):
    revision: str
    concurrency: float  # exact mean of in-flight (executing + waiting) over the sample's second
    requests: float  # requests that arrived a second
    in_flight: int  # now
    waiting: int  # of those, in the queue now


class Load(msgspec.Struct, frozen=True, tag="load"):
    """Each second, one sample for each revision that had a request in it or has some in flight."""

    samples: tuple[LoadSample, ...]


class Idle(msgspec.Struct, frozen=True, tag="idle"):
    """This draining endpoint has nothing in flight any more (also sent when it had nothing to begin with)."""

    revision: str
    endpoint: str


class Unreachable(msgspec.Struct, frozen=True, tag="unreachable"):
    """Connecting to this endpoint failed; the engine should look at it."""

    revision: str
    endpoint: str
    error: str


class ColdStart(msgspec.Struct, frozen=True, tag="coldstart"):
    """A request waited for the first instance: seconds from its arrival to being handed over."""

    revision: str
    seconds: float


class Metrics(msgspec.Struct, frozen=True, tag="metrics"):
    id: int
    text: str


ToGateway = Table | Endpoints | ScrapeMetrics
ToEngine = Poke | Load | Idle | Unreachable | ColdStart | Metrics
