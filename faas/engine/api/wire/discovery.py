"""What this API serves, as kubectl asks for it: aggregated (v2, v2beta1) and one group at a time.

Source: KEP-3352; api/discovery/aggregated_v2.json in kubernetes/kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from faas.resources.kinds import EVENT, POD, Kind

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "deletecollection", "patch", "update")


@dataclass(frozen=True, slots=True)
class Virtual:
    """A resource that is answered and not stored, such as SelfSubjectAccessReview."""

    group: str
    version: str
    kind: str
    plural: str


REVIEWS = (
    Virtual("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
    Virtual("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews"),
    Virtual("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews"),
)


def verbs(kind: Kind) -> list[str]:
    if kind.read_only:
        return sorted((*READ, "delete", "deletecollection") if kind == POD else READ)
    return sorted((*READ, *WRITE))


class Discovery:
    """The documents for a set of kinds."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._kinds = tuple(kinds)
        found = [(kind.group, kind.version) for kind in kinds]
        found += [(review.group, review.version) for review in REVIEWS]
        self.group_versions: tuple[tuple[str, str], ...] = tuple(dict.fromkeys(found))

    def aggregated(self, core: bool, version: str) -> dict[str, Any]:
        """APIGroupDiscoveryList of /api (core) or of /apis."""
        return {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": f"apidiscovery.k8s.io/{version}",
            "metadata": {},
            "items": [
                {
                    "metadata": {"name": group} if group else {"creationTimestamp": None},
                    "versions": [
                        {"version": item, "resources": self._discovered(group, item), "freshness": "Current"}
                        for item in self._versions(group)
                    ],
                }
                for group in self._groups()
                if (group == "") == core
            ],
        }

    def core_versions(self) -> dict[str, Any]:
        return {"kind": "APIVersions", "versions": list(self._versions("")), "serverAddressByClientCIDRs": []}

    def groups(self) -> dict[str, Any]:
        named = [self.group(group) for group in self._groups() if group]
        return {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [{name: value for name, value in group.items() if name != "apiVersion"} for group in named],
        }

    def group(self, group: str) -> dict[str, Any]:
        versions = [{"groupVersion": f"{group}/{item}", "version": item} for item in self._versions(group)]
        return {
            "kind": "APIGroup",
            "apiVersion": "v1",
            "name": group,
            "versions": versions,
            "preferredVersion": versions[0],
        }

    def resources(self, group: str, version: str) -> dict[str, Any]:
        """APIResourceList of one group and version, subresources as entries of their own."""
        entries: list[dict[str, Any]] = []
        for kind in self._of(group, version):
            entry: dict[str, Any] = {
                "name": kind.plural,
                "singularName": kind.singular,
                "namespaced": kind.namespaced,
                "kind": kind.kind,
                "verbs": verbs(kind),
            }
            if kind.short_names:
                entry["shortNames"] = list(kind.short_names)
            if kind.categories:
                entry["categories"] = list(kind.categories)
            entries.append(entry)
            entries += [
                {
                    "name": f"{kind.plural}/{name}",
                    "singularName": "",
                    "namespaced": kind.namespaced,
                    "kind": kind.kind,
                    "verbs": allowed,
                }
                for name, allowed in _subresources(kind)
            ]
        entries += [
            {
                "name": review.plural,
                "singularName": review.kind.lower(),
                "namespaced": False,
                "kind": review.kind,
                "verbs": ["create"],
            }
            for review in _reviews(group, version)
        ]
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{group}/{version}" if group else version,
            "resources": entries,
        }

    def _discovered(self, group: str, version: str) -> list[dict[str, Any]]:
        found = [_discovered_kind(kind) for kind in self._of(group, version)]
        return found + [
            {
                "resource": review.plural,
                "responseKind": {"group": "", "version": "", "kind": review.kind},
                "scope": "Cluster",
                "singularResource": review.kind.lower(),
                "verbs": ["create"],
            }
            for review in _reviews(group, version)
        ]

    def _groups(self) -> list[str]:
        return list(dict.fromkeys(group for group, _ in self.group_versions))

    def _versions(self, group: str) -> list[str]:
        found = [version for name, version in self.group_versions if name == group]
        return sorted(found, key=_rank)  # the first one is what clients prefer

    def _of(self, group: str, version: str) -> list[Kind]:
        return [kind for kind in self._kinds if (kind.group, kind.version) == (group, version)]


def _rank(version: str) -> tuple[int, int, int]:
    """Newest and most stable first. Source: apimachinery, pkg/version CompareKubeAwareVersionStrings."""
    match = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if match is None:
        return (3, 0, 0)
    major, stage, minor = match.groups()
    return ({None: 0, "beta": 1, "alpha": 2}[stage], -int(major), -int(minor or 0))


def _discovered_kind(kind: Kind) -> dict[str, Any]:
    # Group and version are empty where they are those of the parent.
    response = {"group": "", "version": "", "kind": kind.kind}
    entry: dict[str, Any] = {
        "resource": kind.plural,
        "responseKind": response,
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": verbs(kind),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    if subresources := _subresources(kind):
        entry["subresources"] = [
            {"subresource": name, "responseKind": response, "verbs": allowed} for name, allowed in subresources
        ]
    return entry


def _subresources(kind: Kind) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    if kind.status_subresource:
        found.append(("status", ["get"] if kind.read_only else ["get", "patch", "update"]))
    if (kind.group, kind.kind) == (POD.group, POD.kind):
        found.append(("log", ["get"]))
    return found


def _reviews(group: str, version: str) -> Iterable[Virtual]:
    return (review for review in REVIEWS if (review.group, review.version) == (group, version))


def events_view(event: Kind = EVENT) -> Kind:
    """Events as events.k8s.io serves them: the same objects under other field names."""
    return Kind(
        "events.k8s.io",
        "v1",
        "Event",
        "events",
        "event",
        ("ev",),
        custom=False,
        volatile=event.volatile,
    )
