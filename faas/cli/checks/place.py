"""Whether the namespace takes a deploy: it is there, has room, and admission lets a function in."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from faas.cli.checks.check import Check
from faas.client.errors import ApiError, Forbidden, NotFound
from faas.resources.kinds import NAMESPACE, QUOTA, SECRET, SERVICE, SERVICE_ACCOUNT, STORAGE_CLASS, VOLUME_CLAIM

if TYPE_CHECKING:
    from faas.cli.checks.view import View
    from faas.client.protocol import Object

_NEARLY = 0.9  # of a quota
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_ASK = "Ask whoever runs the cluster"
_ROOM = "Delete something, or have the quota raised"
_PROBE = "faas-doctor"  # the name of a function that is never made


async def namespace(view: View) -> Check:
    name = view.namespace
    try:
        found = await view.get(NAMESPACE, name)
    except Forbidden:
        return Check("namespace", "unknown", f"{name}: whether it is there may not be read")
    except NotFound:
        fix = f"Make it:  kubectl create namespace {name} --context {shlex.quote(view.target.context)}"
        return Check("namespace", "error", f"{name} is not there", fix)
    if (found.get("status") or {}).get("phase") == "Terminating":
        return Check("namespace", "error", f"{name} is being deleted", "Wait until it is gone, and make it anew")
    return Check("namespace", "ok", name)


async def admission(view: View) -> Check:
    """Has the server say whether it would take a function: its webhooks and policies are asked, and nothing is made."""
    from faas.client.errors import Unavailable

    try:
        await view.client.create(SERVICE, _probe(view.namespace), dry_run=True)
    except Forbidden as error:
        is_policy = "admission webhook" in error.message or "denied" in error.message
        if is_policy:
            return Check("admission", "error", f"a policy refuses functions: {error.message}", _ASK)
        return Check("admission", "unknown", f"functions may not be made here: {error.message}")
    except NotFound:
        return Check("admission", "unknown", "not asked: there is no such namespace, or no Knative Serving")
    except Unavailable as error:
        fix = "Are Knative's Pods up?  kubectl get pods -n knative-serving"
        return Check("admission", "error", f"nothing can be applied now: {error.message}", fix)
    except ApiError as error:
        return Check("admission", "error", f"a plain function is refused: {error.message}", _ASK)
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


async def pull_secrets(view: View) -> Check:
    """Whether the nodes can have the images: by a Secret of the namespace, where the registry wants a login."""
    accounts = sorted({_account(service) for service in view.needs.services} or {"default"})
    wanted = {name for service in view.needs.services for name in _named(service["spec"]["template"]["spec"])}
    try:
        for account in accounts:
            wanted |= set(_named(await view.get(SERVICE_ACCOUNT, account, view.namespace)))
        for name in sorted(wanted):
            await view.get(SECRET, name, view.namespace)
    except Forbidden as error:
        what = "ServiceAccounts" if "account" in error.kind.lower() or "serviceaccount" in error.message else "Secrets"
        return Check("pull secrets", "unknown", f"{what} of {view.namespace} may not be read")
    except NotFound as error:
        what = error.name or error.message
        kind = "ServiceAccount" if "account" in error.kind.lower() else "Secret"
        if kind == "ServiceAccount" and error.name == "default":  # Kubernetes makes it, in each namespace
            return Check("pull secrets", "unknown", f"namespace {view.namespace} is not there, or not made up yet")
        found = f"{kind} {what} is not there" if error.name else error.message
        fix = f"kubectl create {kind.lower()} {what} -n {view.namespace}"
        if kind == "Secret":
            fix = f"faas secret create {what} --from-file .dockerconfigjson=$HOME/.docker/config.json"
        return Check("pull secrets", "error", found, f"Make it:  {fix}")
    if wanted:
        return Check("pull secrets", "ok", ", ".join(sorted(wanted)))
    return Check("pull secrets", "ok", "none: right for public images, and where the nodes have a login of their own")


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
    fix += "\nOr keep no dead letters:  dead_letters = false in [tool.faas.environments.STAGE]"
    return Check("storage", "warning", f"no StorageClass is the default (there are: {names})", fix)


def _probe(namespace: str) -> Object:
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": {"name": _PROBE, "namespace": namespace},
        "spec": {"template": {"spec": {"containers": [{"image": "registry.invalid/faas-doctor"}]}}},
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


def _named(holder: Mapping[str, Any]) -> list[str]:
    return [str(each["name"]) for each in holder.get("imagePullSecrets") or () if each.get("name")]


def _account(service: Object) -> str:
    return str(service["spec"]["template"]["spec"].get("serviceAccountName") or "default")
