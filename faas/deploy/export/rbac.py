"""The least that a user needs to deploy a project, see it and take it away: for CI. Pure.

No rule names a kind that the project does not have. What a deploy only looks for (other kinds of sources, to remove
what the code no longer has) it does without where it is not allowed to look.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

from faas.client.protocol import Object
from faas.client.services import store
from faas.deploy.export.editions.edition import Edition, identity
from faas.deploy.programs.dead_letters import uses_store
from faas.resources.kinds import CLUSTER_DOMAIN_CLAIM, SERVED

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
    """A ServiceAccount, and a Role that is bound to it; for domains of the project's own also a ClusterRole.

    Args: cluster: also what `faas doctor` looks at outside the namespace.
    """
    name = f"{edition.project[:56].rstrip('-')}-deploy"
    labels = {"app.kubernetes.io/part-of": edition.project}
    metadata = {"name": name, "namespace": edition.namespace, "labels": labels}
    account = {"kind": "ServiceAccount", "name": name, "namespace": edition.namespace}
    of_cluster = f"{edition.namespace}-{name}"  # there are others' in a cluster
    made: list[Object] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        *_granted("Role", metadata, _rules(edition), account),
    ]
    if hosts := [mapping["metadata"]["name"] for mapping in edition.of_kind("DomainMapping")]:
        described = {"name": f"{of_cluster}-domains", "labels": labels, "annotations": {_DESCRIPTION: _CLAIMS}}
        made += _granted("ClusterRole", described, _claim_rules(hosts), account)
    if cluster:
        made += _granted("ClusterRole", {"name": of_cluster, "labels": labels}, _cluster_rules(), account)
    return deepcopy(made)  # what two of them share is written to one file each


_RBAC = "rbac.authorization.k8s.io"
_DESCRIPTION = "kubernetes.io/description"
_CLAIMS = (
    "Lets a deploy claim the hosts of its domains. Claims are the whole cluster's, and no rule can say for which hosts"
    " they are made: leave this out where somebody else makes each ClusterDomainClaim, or config-network does."
)


def _granted(kind: str, metadata: Object, rules: list[Object], account: Object) -> list[Object]:
    """A Role or a ClusterRole, and what gives it to the account."""
    described = {key: value for key, value in metadata.items() if key != "annotations"}
    role = {"apiGroup": _RBAC, "kind": kind, "name": metadata["name"]}
    version = f"{_RBAC}/v1"
    return [
        {"apiVersion": version, "kind": kind, "metadata": metadata, "rules": rules},
        {"apiVersion": version, "kind": f"{kind}Binding", "metadata": described, "roleRef": role,
         "subjects": [account]},
    ]  # fmt: skip


def _claim_rules(hosts: list[str]) -> list[Object]:
    group, claims = CLUSTER_DOMAIN_CLAIM.group, [CLUSTER_DOMAIN_CLAIM.plural]
    return [_rule(group, claims, ["create"]), _rule(group, claims, ["get", "delete"], hosts)]


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
