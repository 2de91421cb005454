"""What whoever applies an export elsewhere has to know of it, that no file says. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from faas.client.services.store import NAME as STORE
from faas.deploy.export.editions.edition import Edition
from faas.deploy.export.editions.serving import Served
from faas.deploy.programs.dead_letters import uses_store


@dataclass(frozen=True, slots=True)
class Caveat:
    text: str
    hint: str = ""


def caveats_of_deployed(edition: Edition) -> list[Caveat]:
    """Of what is deployed: names that only the place has where it was read, and what is not its newest."""
    found = [caveat for served in edition.served for caveat in _of_served(served)]
    for service in edition.services:
        name = service["metadata"]["name"]
        named = dict.fromkeys(str(each["revisionName"]) for each in service["spec"].get("traffic") or ()
                              if each.get("revisionName"))  # fmt: skip
        if named:
            found.append(
                Caveat(
                    f"{name} sends requests to {', '.join(named)}, a revision that no other cluster has",
                    f"Take spec.traffic out of it, or have the newest serve first:  faas traffic {name} --traffic "
                    "@latest=100",
                )
            )
    has_store = any(each["metadata"]["name"] == STORE for each in edition.of_kind("Deployment"))
    if not has_store and (users := uses_store(edition.of_kind("Trigger"))):
        found.append(
            Caveat(
                f"dead letters of {', '.join(users)} go to Service {STORE}, which is not exported",
                "faas deploy makes it there; faas export --project --programs REF has it, or leave the sink out",
            )
        )
    return found


def _of_served(served: Served) -> list[Caveat]:
    name = served.service
    found = [
        Caveat(
            f"{name} is written as {served.revision} is, which serves; {served.newest} is newer",
            f"Is the newest meant? Have it serve first:  faas traffic {name} --traffic @latest=100",
        )
    ]
    if served.tags_left:
        tags = ", ".join(served.tags_left)
        found.append(Caveat(f"{name} is written without {tags}: tags of revisions that no other cluster has"))
    return found


def caveats_of_project(editions: Iterable[Edition], *, image: str, programs: str) -> list[Caveat]:
    """Of a project. Args: image, programs: that were named for it."""
    found, editions = [], list(editions)
    images = sorted({str(container["image"]) for edition in editions for service in edition.services
                     for container in service["spec"]["template"]["spec"]["containers"]})  # fmt: skip
    if not image and images:
        found.append(
            Caveat(
                f"nobody has pinned the image ({', '.join(images)}): whatever it means there and then is what runs",
                "Push it, name its digest:  --image $(faas build --push -t REGISTRY/NAME:TAG -o json | jq -r .digest)",
            )
        )
    without = sorted({trigger["metadata"]["name"] for edition in editions for trigger in edition.of_kind("Trigger")
                      if "deadLetterSink" not in (trigger["spec"].get("delivery") or {})})  # fmt: skip
    if not programs and without:
        found.append(
            Caveat(
                f"events that cannot be delivered are lost: {', '.join(without)}",
                "--programs REF brings a store of them, but to a project with dead_letters = false:  "
                "faas image sources --push REGISTRY/faas-sources  prints REF",
            )
        )
    hosts = sorted({str(mapping["metadata"]["name"]) for edition in editions
                    for mapping in edition.of_kind("DomainMapping")})  # fmt: skip
    if hosts:
        found.append(
            Caveat(
                f"each domain needs a ClusterDomainClaim for its namespace, which no export has: {', '.join(hosts)}",
                "An administrator makes them, or lets Knative: autocreate-cluster-domain-claims in config-network",
            )
        )
    return found
