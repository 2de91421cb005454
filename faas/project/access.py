"""What lets a source of a cluster's own objects see them: a service account, a Role, and both bound together. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from faas.project.labels import Belonging, Object

_RBAC = "rbac.authorization.k8s.io"
_SEES = ["get", "list", "watch"]


def make_access(sources: Sequence[Object], belonging: Belonging) -> tuple[list[Object], list[Object]]:
    """The sources, those that need a service account and name none with one, and what makes those accounts.

    A source that looks into other namespaces needs rights that a project should not give itself: `notes` says so.
    """
    found: list[Object] = []
    access: list[Object] = []
    for source in sources:
        spec = source["spec"]
        if source["kind"] == "ApiServerSource" and "serviceAccountName" not in spec and "namespaceSelector" not in spec:
            name = source["metadata"]["name"]
            access += _account(source, name, belonging)
            source = {**source, "spec": {**spec, "serviceAccountName": name}}
        found.append(source)
    return found, access


def plural_of(kind: str) -> str:
    """The resource of a kind, as Kubernetes itself guesses it: Pod is pods, Ingress ingresses, NetworkPolicy ...ies."""
    word = kind.lower()
    if word == "endpoints":
        return word
    if word.endswith("s"):
        return word + "es"
    return word[:-1] + "ies" if word.endswith("y") else word + "s"


def _account(source: Object, name: str, belonging: Belonging) -> list[Object]:
    labels = source["metadata"]["labels"]
    metadata = {"name": name, "namespace": belonging.namespace, "labels": labels}
    resources: dict[str, list[str]] = {}
    for each in source["spec"]["resources"]:
        group, _, _ = each["apiVersion"].rpartition("/")
        resources.setdefault(group, []).append(plural_of(each["kind"]))
    rules = [{"apiGroups": [group], "resources": sorted(set(names)), "verbs": _SEES}
             for group, names in sorted(resources.items())]  # fmt: skip
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": belonging.namespace}],
        },
    ]
