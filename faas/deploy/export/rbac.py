"""The least that a user needs to deploy a project, see it and take it away: for CI. Pure.

No rule names a kind that the project does not have. What a deploy only looks for (other kinds of sources, to remove
what the code no longer has) it does without where it is not allowed to look.
"""

from __future__ import annotations

from collections.abc import Iterable

from faas.client.protocol import Object
from faas.client.services import store
from faas.deploy.dead_letters import uses_store
from faas.deploy.export.edition import Edition, identity
from faas.resources.kinds import SERVED

_READ = ["get", "list", "watch"]
_CHANGE = [*_READ, "create", "patch", "delete"]  # server-side apply is a patch, and a create where nothing is yet
_MADE_ONCE = ["get", "list", "watch", "create"]  # a Broker is everybody's: never changed, never deleted
_STORE = (("", "PersistentVolumeClaim"), ("", "Service"), ("apps", "Deployment"))  # of dead letters
_STORE_PROXY = f"{store.NAME}:{store.PORT_NAME}"  # with the port, as it is asked for: a rule takes it for the name
_PLURALS = {(kind.group, kind.kind): kind.plural for kind in SERVED} | {
    ("apps", "Deployment"): "deployments", ("", "Service"): "services",
    ("", "PersistentVolumeClaim"): "persistentvolumeclaims", ("", "ServiceAccount"): "serviceaccounts",
}  # fmt: skip


def make_rbac(edition: Edition, *, cluster: bool = False) -> list[Object]:
    """A ServiceAccount, and a Role that is bound to it.

    Args: cluster: also what `faas doctor` looks at outside the namespace.
    """
    name = f"{edition.project[:56].rstrip('-')}-deploy"
    labels = {"app.kubernetes.io/part-of": edition.project}

    def metadata(*, namespaced: bool = True) -> Object:
        own = name if namespaced else f"{edition.namespace}-{name}"
        return {"name": own, **({"namespace": edition.namespace} if namespaced else {}), "labels": dict(labels)}

    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": edition.namespace}]
    rbac = "rbac.authorization.k8s.io"
    made: list[Object] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata()},
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": metadata(), "rules": _rules(edition)},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": metadata(),
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
            "subjects": subjects,
        },
    ]
    if cluster:
        of_cluster = metadata(namespaced=False)
        made += [
            {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": of_cluster, "rules": _cluster_rules()},
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": dict(of_cluster),
                "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": of_cluster["name"]},
                "subjects": [dict(subject) for subject in subjects],
            },
        ]
    return made


def _rules(edition: Edition) -> list[Object]:
    serving = "serving.knative.dev"
    rules = [
        _rule(serving, ["services"], _CHANGE),
        _rule(serving, ["configurations", "revisions", "routes"], _READ),
        _rule("", ["pods", "events"], _READ),
        _rule("", ["pods/log"], ["get"]),
        _rule("", ["pods/portforward"], ["create"]),  # faas invoke where no ingress is reached
    ]
    kinds: dict[tuple[str, str], list[str]] = {}
    for obj in edition.others:
        merely_made = obj["kind"] == "Broker" and "spec" not in obj and "annotations" not in obj["metadata"]
        which = identity(obj)[:2]
        kinds[which] = _MADE_ONCE if merely_made and kinds.get(which) is not _CHANGE else _CHANGE
    secrets = list(edition.declared_secrets)
    if uses_store(edition.of_kind("Trigger")):
        kinds |= dict.fromkeys(_STORE, _CHANGE)
        secrets = sorted({*secrets, store.NAME})
        rules.append(_rule("", ["services/proxy"], ["get", "create", "delete"], [_STORE_PROXY]))  # faas dlq
    for group in sorted({group for group, _ in kinds}):
        for verbs in (_MADE_ONCE, _CHANGE):
            resources = sorted(_plural(own, kind) for (own, kind), needed in kinds.items()
                               if own == group and needed is verbs)  # fmt: skip
            rules += [_rule(group, resources, verbs)] if resources else []
    for role in edition.of_kind("Role"):
        rules += role["rules"]  # nobody can grant what he may not do himself
    if secrets:
        rules.append(_rule("", ["secrets"], ["create"]))  # by name nothing can be created: it has none yet
        rules.append(_rule("", ["secrets"], ["get", "patch", "delete"], secrets))
    return rules


def _cluster_rules() -> list[Object]:
    return [
        _rule("", ["namespaces", "nodes"], ["get", "list"]),
        _rule("apiextensions.k8s.io", ["customresourcedefinitions"], ["get", "list"]),
        _rule("storage.k8s.io", ["storageclasses"], ["get", "list"]),
        _rule(
            "", ["configmaps"], ["get"], ["config-br-defaults", "config-domain", "config-features", "config-network"]
        ),
    ]


def _rule(group: str, resources: list[str], verbs: list[str], names: Iterable[str] = ()) -> Object:
    rule: Object = {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
    return {**rule, "resourceNames": list(names)} if names else rule


def _plural(group: str, kind: str) -> str:
    return _PLURALS.get((group, kind), f"{kind.lower()}s")
