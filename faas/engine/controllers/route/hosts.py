"""Under which hosts and URLs a Route and its tags answer."""

from __future__ import annotations

from faas.engine.contract.dataplane import Split, Target
from faas.engine.controllers.naming import Naming, is_public
from faas.resources.serving import Route, TrafficTarget


def make_targets(route: Route, traffic: tuple[TrafficTarget, ...], naming: Naming) -> dict[str, Target]:
    """What the gateway has to know: the main target and one for each tag, by "namespace/label"."""
    namespace = route.metadata.namespace
    targets = {}
    for tag in ("", *dict.fromkeys(target.tag for target in traffic if target.tag)):
        label = naming.label(route, tag)
        targets[f"{namespace}/{label}"] = Target(
            namespace=namespace,
            label=label,
            route=route.metadata.name,
            tag=tag,
            splits=_splits(namespace, traffic, tag),
            public=is_public(route, naming),
        )
    return targets


def _splits(namespace: str, traffic: tuple[TrafficTarget, ...], tag: str) -> tuple[Split, ...]:
    """Percents of the main target, or of one tag, where they are shares of what the tag's target has."""
    percents: dict[str, int] = {}
    for target in traffic:
        if not tag or target.tag == tag:
            revision = f"{namespace}/{target.revision_name}"
            percents[revision] = percents.get(revision, 0) + (target.percent or 0)
    total = sum(percents.values())
    if not tag or total == 100:
        return tuple(Split(revision, percent) for revision, percent in percents.items() if percent)
    return _to_hundred(percents, total)


def _to_hundred(percents: dict[str, int], total: int) -> tuple[Split, ...]:
    """A tag's host serves its target alone: its Revisions share 100 % as they share the target."""
    if not percents:
        return ()
    if not total:
        return (Split(list(percents)[-1], 100),)
    scaled = {revision: percent * 100 // total for revision, percent in percents.items()}
    newest = list(percents)[-1]
    scaled[newest] += 100 - sum(scaled.values())
    return tuple(Split(revision, percent) for revision, percent in scaled.items() if percent)
