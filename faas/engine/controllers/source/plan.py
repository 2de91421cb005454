"""From what a source kind asks for to the plan on the board, and the way of requests to one that receives them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from faas.client.protocol import Object
from faas.engine.contract.dataplane import RevisionPolicy, Split, Target
from faas.engine.contract.revision import EnvVar
from faas.engine.contract.sources import OPTION_PREFIX, SourceKey, SourcePlan, endpoint_key
from faas.engine.controllers.naming import Naming, is_public
from faas.engine.controllers.source.made import Made
from faas.resources.keys import PUBLIC_URL
from faas.resources.meta import ObjectMeta
from faas.resources.serving import Route


@dataclass(frozen=True, slots=True)
class Door:
    """How the gateway leads to a source that receives HTTP: as to a Service of its name. `url` is for whoever sends."""

    target: Target
    policy: RevisionPolicy
    hosts: tuple[str, ...]
    url: str
    is_reachable: bool  # from outside of this machine, as far as the engine can tell


def make_plan(raw: Object, resource: str, made: Made, sink_uri: str, url: str = "") -> SourcePlan:
    metadata, spec = raw["metadata"], raw.get("spec") or {}
    env = [*made.env, EnvVar("K_SINK", sink_uri)]
    if extensions := (spec.get("ceOverrides") or {}).get("extensions"):
        env.append(EnvVar("K_CE_OVERRIDES", json.dumps({"extensions": extensions})))
    if made.adapter == "github" and url:
        env.append(EnvVar(f"{OPTION_PREFIX}url", url))  # GitHub is told to send there
    return SourcePlan(
        key=SourceKey(resource, metadata["namespace"], metadata["name"]),
        uid=metadata["uid"],
        adapter=made.adapter,
        env=tuple(env),
        spec=made.spec,
        receives=made.receives,
        replicas=made.replicas,
    )


def make_door(key: SourceKey, metadata: ObjectMeta, made: Made, naming: Naming) -> Door:
    like = Route(metadata=ObjectMeta(name=key.name, namespace=key.namespace, labels=metadata.labels))
    public_url = metadata.annotations.get(PUBLIC_URL, "").rstrip("/")
    revision, label = str(endpoint_key(key)), naming.label(like)
    return Door(
        target=Target(
            namespace=key.namespace,
            label=label,
            route=str(key),
            tag="",
            splits=(Split(revision, 100),),
            public=is_public(like, naming),
        ),
        policy=RevisionPolicy(revision=revision, namespace=key.namespace, service=key.name, configuration=key.name),
        hosts=naming.hosts(like),
        url=(public_url or naming.url(like)) + made.path,
        is_reachable=bool(public_url) or (is_public(like, naming) and not _is_loopback(naming.domain)),
    )


def _is_loopback(domain: str) -> bool:
    return domain == "localhost" or domain.endswith(".localhost")
