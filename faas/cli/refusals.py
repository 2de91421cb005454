"""What an API server refuses, in words for who asked: the engine of this machine needs other advice than a cluster."""

from __future__ import annotations

import re
import shlex

from faas.cli.explanation import Explanation
from faas.client.errors import ApiError, Forbidden, NoSuchKind, NotFound, Unauthorized, Unavailable, Untrusted
from faas.client.places.targets import LOCAL

_PARTS = {
    "serving.knative.dev": "Knative Serving",
    "eventing.knative.dev": "Knative Eventing",
    "messaging.knative.dev": "Knative Eventing",
    "sources.knative.dev": "Knative Eventing, or the extension that brings this source,",
}

_USER = re.compile(r'User "([^"]+)" cannot .* in the namespace "([a-z0-9.-]+)"')  # as every API server says it
_WEBHOOK = re.compile(r'failed calling webhook .*?"https://[a-z0-9-]+\.(?P<namespace>[a-z0-9-]+)\.svc', re.DOTALL)


def explain_refusal(error: ApiError) -> Explanation:
    details = "\n".join(
        f"{cause.field}: {cause.message}" for cause in error.causes if cause.message not in error.message
    )
    cluster = error.context not in ("", LOCAL)
    return Explanation(error.message, _of_cluster(error) if cluster else _of_engine(error), details)


def _of_engine(error: ApiError) -> str:
    match error:
        case Unavailable():
            return f"See what the engine does:  faas status{error.flags}"
        case Forbidden():
            return f"The kubeconfig is another engine's:  faas doctor{error.flags}"
        case NotFound() if "service" in error.kind.lower() or not error.kind:
            return f"See what there is:  faas list -A{error.flags}"
    return ""


def _of_cluster(error: ApiError) -> str:
    flag = f"--context {shlex.quote(error.context)}"
    flags = error.flags or f" {flag}"
    from faas.deploy.reasons.quota import is_quota, quota_words

    match error:
        case Untrusted():
            return (
                "Put the authority that signed it into certificate-authority-data of that cluster in the kubeconfig,\n"
                f"or name its file for this command:  SSL_CERT_FILE=ca.pem faas … {flag}"
            )
        case Unavailable(code=429):
            wait = f" in {error.retry_after_s} s" if error.retry_after_s else " in a while"
            return f"The API server has too much to do; try again{wait}. Nothing was done."
        case Unavailable() if webhook := _WEBHOOK.search(error.message):
            return (
                f"The API server answers, but not its webhook of {webhook['namespace']}: starting, or without a node?\n"
                f"  kubectl get pods -n {webhook['namespace']} {flag}"
            )
        case Unavailable():
            return f"Can it be reached from here (VPN, firewall, proxy)?  faas doctor{flags}"
        case Unauthorized():
            return (
                f"The credentials of context {error.context} have ended or are wrong: log in again.\n"
                f"Whose they are:  faas context list      what the cluster says of it:  kubectl auth whoami {flag}"
            )
        case ApiError(code=400 | 403) if is_quota(error.message):
            return quota_words(error.message)[1]
        case Forbidden():
            return (
                f"See what you may do there:  faas doctor{flags}\n"
                f"{granting(_namespace_of(error), flags)}{_bind(error, flag)}"
            )
        case NoSuchKind():
            group = error.resource.partition(".")[2].partition("/")[0]
            return f"{_PARTS.get(group, 'What brings it')} is missing there, or too old:  faas doctor{flags}"
        case NotFound() if "service" in error.kind.lower():
            return f"See what there is:  faas list{flags}      in another namespace:  -n NAME"
        case NotFound() if error.kind == "namespaces":
            return f"Make it, or name another with -n:  kubectl create namespace {error.name} {flag}"
    return ""


def granting(namespace: str, flags: str) -> str:
    """How the rights to deploy are had. Args: namespace: "": not known; flags: what names the place."""
    is_named = not namespace or any(f" {flag} " in flags for flag in ("-n", "--stage"))
    where = flags if is_named else f" -n {namespace}{flags}"
    return (
        "An administrator grants what a deploy takes, to a ServiceAccount that this makes, in the project's folder:\n"
        f"  faas export rbac --project{where} | kubectl apply -f -"
    )


def _namespace_of(error: Forbidden) -> str:
    refused = _USER.search(error.message)
    return refused[2] if refused else ""


def _bind(error: Forbidden, flag: str) -> str:
    """How the one who was refused gets the same rights, when the server has said who that is."""
    if (refused := _USER.search(error.message)) is None:
        return ""
    user, namespace = refused.groups()
    if user.startswith("system:serviceaccount:"):
        who = f"--serviceaccount {shlex.quote(user.removeprefix('system:serviceaccount:'))}"
    else:
        who = f"--user {shlex.quote(user)}"
    role = "--role PROJECT-deploy"  # as the export calls it
    return f"\nAnd to this user:  kubectl create rolebinding faas-deploy {role} {who} -n {namespace} {flag}"
