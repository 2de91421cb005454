"""Lists of traffic targets as values, with kn's words for changing them. Pure.

A target is a mapping as in `spec.traffic`: revisionName or latestRevision, percent, tag.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from faas.deploy.errors import TrafficError
from faas.resources import names

MANAGER = "faas-traffic"  # a field manager of its own: applying a template must never take a split back
LATEST = "@latest"
HELD = "faas.dev/held-traffic"
"""Annotation: a deploy has pinned the traffic until all its revisions are ready; the list it goes back to then."""

ROLLED_BACK = "faas.dev/rolled-back"
"""Annotation: `faas rollback` has pinned the traffic to this revision, until the next deploy of new code.

The split before it is forgotten: it may name revisions that somebody has just fled from.
"""

Target = dict[str, Any]

EVERYTHING_TO_LATEST: list[Target] = [{"latestRevision": True, "percent": 100}]


def parse_percents(texts: Iterable[str]) -> dict[str, int]:
    """`REV=90,@latest=10`, also given in several parts. Raises: TrafficError."""
    found: dict[str, int] = {}
    for part in (part.strip() for text in texts for part in text.split(",")):
        revision, equals, percent = part.rpartition("=")
        if not equals or not revision or not percent.strip().rstrip("%").isdigit():
            raise TrafficError(f"--traffic {part}: this is not REVISION=PERCENT", "For example: --traffic @latest=10")
        if revision in found:
            raise TrafficError(f"--traffic names {revision} twice")
        found[revision] = int(percent.strip().rstrip("%"))
    if found and sum(found.values()) != 100:
        raise TrafficError(
            f"--traffic adds up to {sum(found.values())}, it has to be 100",
            "Say where the rest goes, for example: --traffic NAME-00001=90,@latest=10",
        )
    return found


def parse_tags(texts: Iterable[str]) -> dict[str, str]:
    """`REV=TAG` to {tag: revision}. Raises: TrafficError."""
    found: dict[str, str] = {}
    for part in (part.strip() for text in texts for part in text.split(",")):
        revision, equals, tag = part.partition("=")
        if not equals or not revision or names.label_problem(tag):
            raise TrafficError(f"--tag {part}: this is not REVISION=TAG", "For example: --tag @latest=canary")
        if tag in found:
            raise TrafficError(f"--tag gives {tag} to two revisions")
        found[tag] = revision
    return found


def change(
    current: Sequence[Target],
    *,
    percents: Mapping[str, int] | None = None,
    tags: Mapping[str, str] | None = None,
    untag: Iterable[str] = (),
) -> list[Target]:
    """The list after a change, as kn makes it.

    Args:
        percents: revision or @latest -> percent; replaces the whole split, keeps the tags.
        tags: tag -> revision or @latest; a tag that another revision has moves.
        untag: tags to take away.
    Raises: TrafficError: a tag to take away is not there.
    """
    split: dict[str, int] = {}
    tagged: dict[str, str] = {}
    for target in current:
        who = _who(target)
        split[who] = split.get(who, 0) + int(target.get("percent") or 0)
        if target.get("tag"):
            tagged[target["tag"]] = who
    for tag in untag:
        if tag not in tagged:
            raise TrafficError(f"there is no tag {tag!r}", f"Tags: {', '.join(sorted(tagged)) or 'none'}")
        del tagged[tag]
    tagged.update(tags or {})
    if percents:
        split = dict(percents)
    return [
        *({**_target(who), "percent": percent} for who, percent in split.items() if percent),
        *({**_target(who), "tag": tag, "percent": 0} for tag, who in sorted(tagged.items())),
    ]


def pin(current: Sequence[Target], latest: str) -> list[Target]:
    """The same split with @latest replaced by the revision that it means now, so that a new one gets nothing."""
    pinned: list[Target] = []
    for target in current:
        if _who(target) == LATEST:
            rest = {key: value for key, value in target.items() if key != "latestRevision"}
            pinned.append({**rest, "revisionName": latest, "latestRevision": False})
        else:
            pinned.append(dict(target))
    return _merged(pinned)


def held(service: Mapping[str, Any]) -> list[Target] | None:
    """The list that HELD keeps, None when nothing is held."""
    text = _annotation(service, HELD)
    if not text:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return EVERYTHING_TO_LATEST
    return found if isinstance(found, list) else EVERYTHING_TO_LATEST


def hold(targets: Sequence[Target]) -> str:
    return json.dumps(list(targets), sort_keys=True, separators=(",", ":"))


def is_rolled_back(service: Mapping[str, Any]) -> bool:
    return bool(_annotation(service, ROLLED_BACK))


def wanted(service: Mapping[str, Any], *, new_revision: bool) -> list[Target]:
    """The split that a Service should have once nothing is held back; new code ends a rollback and gets everything."""
    if back := held(service):
        return back
    current = [dict(target) for target in service["spec"].get("traffic") or EVERYTHING_TO_LATEST]
    return change(current, percents={LATEST: 100}) if new_revision and is_rolled_back(service) else current


def has_latest(targets: Iterable[Target]) -> bool:
    return any(_who(target) == LATEST and target.get("percent") for target in targets)


def bypasses_new(service: Mapping[str, Any]) -> bool:
    """Whether new code gets less than all requests: somebody has split them, or a deploy was to move none."""
    targets = service["spec"].get("traffic") or EVERYTHING_TO_LATEST
    return sum(int(target.get("percent") or 0) for target in targets if _who(target) == LATEST) < 100


def same(one: Sequence[Target], other: Sequence[Target]) -> bool:
    """Whether two lists mean the same split, whatever a server has filled in."""
    return _canonical(one) == _canonical(other)


def describe(targets: Iterable[Target]) -> str:
    """One line for people: `hello-00001 90 %, @latest 10 % (canary)`."""
    parts = []
    for target in targets:
        tag = f" ({target['tag']})" if target.get("tag") else ""
        percent = target.get("percent") or 0
        if percent or tag:
            parts.append(f"{_who(target)} {percent} %{tag}")
    return ", ".join(parts)


def _annotation(service: Mapping[str, Any], name: str) -> str:
    return str((service["metadata"].get("annotations") or {}).get(name) or "")


def _canonical(targets: Sequence[Target]) -> list[tuple[str, int, str]]:
    return sorted((_who(target), int(target.get("percent") or 0), str(target.get("tag") or "")) for target in targets)


def _merged(targets: Sequence[Target]) -> list[Target]:
    """Targets of one revision without a tag, put together."""
    merged: list[Target] = []
    for target in targets:
        twin = next((other for other in merged if _who(other) == _who(target) and not other.get("tag")), None)
        if twin is not None and not target.get("tag"):
            twin["percent"] = int(twin.get("percent") or 0) + int(target.get("percent") or 0)
        else:
            merged.append(dict(target))
    return merged


def _who(target: Mapping[str, Any]) -> str:
    return str(target.get("revisionName") or LATEST)


def _target(who: str) -> Target:
    return {"latestRevision": True} if who == LATEST else {"revisionName": who, "latestRevision": False}
