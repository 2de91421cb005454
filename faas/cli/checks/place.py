"""Whether the namespace takes a deploy: it is there, has room, and admission lets a function in."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from faas.cli.checks.check import Check
from faas.client.errors import ApiError, Forbidden, NotFound, Unavailable
from faas.resources.kinds import NAMESPACE, QUOTA, SERVICE, STORAGE_CLASS, VOLUME_CLAIM

if TYPE_CHECKING:
    from faas.cli.checks.view import View
    from faas.client.protocol import Object

_NEARLY = 0.9  # of a quota
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_ASK = "Ask whoever runs the cluster"
_ROOM = "Delete something, or have the quota raised"
_PROBE = "faas-doctor"  # the name of a function that is never made
_PROBES = 4  # of a project whose functions all ask for something else


async def namespace(view: View) -> Check:
    name = view.namespace
    try:
        found = await view.get(NAMESPACE, name)
    except Forbidden:
        return Check("namespace", "unknown", f"{name}: whether it is there may not be read")
    except NotFound:
        fix = f"Make it:  kubectl create namespace {name} --context {shlex.quote(view.target.context)}"
        return Check("namespace", "error", f"{name} is not there", fix)
    if found["metadata"].get("deletionTimestamp"):
        fix = f"Wait until it is gone:  kubectl wait --for=delete namespace/{name} --timeout=5m"
        fix += f" --context {shlex.quote(view.target.context)}\nand make it anew"
        return Check("namespace", "error", f"{name} is being deleted", fix)
    return Check("namespace", "ok", name)


async def admission(view: View) -> Check:
    """Has the server say whether it would take functions: its webhooks and policies are asked, and nothing is made.

    As the project's: one with each of the resources that they ask for, or without any.
    """
    asked: list[Object] = []
    for service in view.needs.services:
        if (resources := _resources(service)) not in asked:
            asked.append(resources)
    try:
        for resources in asked[:_PROBES] or [{}]:
            await view.client.create(SERVICE, _probe(view.namespace, resources), dry_run=True)
    except ApiError as error:
        return _refused(error)
    return Check("admission", "ok", "the server would take a function")


async def quota(view: View) -> Check:
    try:
        quotas = await view.list(QUOTA, view.namespace)
    except Forbidden:
        return Check("quota", "unknown", f"quotas of {view.namespace} may not be read")
    shares = sorted(_shares(quotas), reverse=True)
    full = [text for share, text in shares if share >= 1]
    if full:
        return Check("quota", "warning", f"used up: {', '.join(full)}", _ROOM)
    near = [text for share, text in shares if share >= _NEARLY]
    if near:
        return Check("quota", "warning", f"nearly used up: {', '.join(near)}", _ROOM)
    return Check("quota", "ok", ", ".join(text for _, text in shares[:3]) or "none")


async def storage(view: View) -> Check:
    """A StorageClass for what is claimed without naming one: volumes, and the dead letters."""
    try:
        for name in view.needs.claims:
            await view.get(VOLUME_CLAIM, name, view.namespace)
    except NotFound:
        fix = "Make it (kubectl apply -f …), or mount an emptyDir:  volumes={'/path': 'empty'}"
        return Check("storage", "error", f"PersistentVolumeClaim {name}, which the project mounts, is not there", fix)
    except Forbidden:
        return Check("storage", "unknown", f"PersistentVolumeClaims of {view.namespace} may not be read")
    try:
        classes = await view.list(STORAGE_CLASS)
    except Forbidden:
        return Check("storage", "unknown", "StorageClasses may not be read")
    for each in classes:
        if (each["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true":
            return Check("storage", "ok", f"{each['metadata']['name']} by default")
    names = ", ".join(str(each["metadata"]["name"]) for each in classes) or "none"
    if view.needs.project and not view.needs.problem and not view.needs.keeps_something:
        return Check("storage", "ok", f"no StorageClass is the default; {view.needs.project} claims no volume")
    fix = "As an administrator:  kubectl annotate storageclass NAME " + f"{_DEFAULT_CLASS}=true"
    if not classes:
        fix = "Have one installed: without it there are no volumes, and no dead letters are kept"
    fix += (
        f"\nOr keep no dead letters:  dead_letters = false in [tool.faas.environments.{view.target.stage or 'STAGE'}]"
    )
    return Check("storage", "warning", f"no StorageClass is the default (there are: {names})", fix)


def _refused(error: ApiError) -> Check:
    from faas.deploy.reasons.quota import is_quota, quota_words

    match error:
        case Forbidden() if any(cause.reason == "NamespaceTerminating" for cause in error.causes):
            return Check("admission", "unknown", "not asked: the namespace is being deleted")
        case ApiError(code=400 | 403) if is_quota(error.message):  # the webhook says it with 400
            sentence, fix = quota_words(error.message)
            return Check("admission", "error", f"a function is refused: {sentence}", fix)
        case Forbidden() if "admission webhook" in error.message or "denied" in error.message:
            return Check("admission", "error", f"a policy refuses functions: {error.message}", _ASK)
        case Forbidden():
            return Check("admission", "unknown", f"functions may not be made here: {error.message}")
        case NotFound():
            return Check("admission", "unknown", "not asked: there is no such namespace, or no Knative Serving")
        case Unavailable():
            fix = "Are Knative's Pods up?  kubectl get pods -n knative-serving"
            return Check("admission", "error", f"nothing can be applied now: {error.message}", fix)
    return Check("admission", "error", f"a plain function is refused: {error.message}", _ASK)


def _resources(service: Object) -> Object:
    return dict(service["spec"]["template"]["spec"]["containers"][0].get("resources") or {})


def _probe(namespace: str, resources: Object) -> Object:
    container = {"image": "registry.invalid/faas-doctor", "resources": resources}
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": {"name": _PROBE, "namespace": namespace},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def _shares(quotas: list[Object]) -> Iterator[tuple[float, str]]:
    """How much of each bound is used, in words too."""
    from faas.resources.quantities import parse

    for each in quotas:
        status = each.get("status") or {}
        used: Mapping[str, str] = status.get("used") or {}
        for what, bound in (status.get("hard") or {}).items():
            most, now = parse(str(bound)), parse(str(used.get(what, "0")))
            if most > 0:
                yield float(now / most), f"{what} {used.get(what, '0')} of {bound}"
