"""What an API server refuses, in words for who asked: the engine of this machine needs other advice than a cluster."""

from __future__ import annotations

import shlex

from faas.cli.explanation import Explanation
from faas.client.errors import ApiError, Forbidden, NoSuchKind, NotFound, Unauthorized, Unavailable, Untrusted
from faas.client.targets import LOCAL

_PARTS = {
    "serving.knative.dev": "Knative Serving",
    "eventing.knative.dev": "Knative Eventing",
    "messaging.knative.dev": "Knative Eventing",
    "sources.knative.dev": "Knative Eventing, or the extension that brings this source,",
}


def explain_refusal(error: ApiError) -> Explanation:
    details = "\n".join(
        f"{cause.field}: {cause.message}" for cause in error.causes if cause.message not in error.message
    )
    cluster = error.context not in ("", LOCAL)
    return Explanation(error.message, _of_cluster(error) if cluster else _of_engine(error), details)


def _of_engine(error: ApiError) -> str:
    match error:
        case Unavailable():
            return "See what the engine does:  faas status"
        case Forbidden():
            return "The kubeconfig is another engine's:  faas doctor"
        case NotFound() if "service" in error.kind.lower() or not error.kind:
            return "See what there is:  faas list -A"
    return ""


def _of_cluster(error: ApiError) -> str:
    flag = f"--context {shlex.quote(error.context)}"
    match error:
        case Untrusted():
            return (
                "Put the authority that signed it into certificate-authority-data of that cluster in the kubeconfig,\n"
                f"or name its file for this command:  SSL_CERT_FILE=ca.pem faas … {flag}"
            )
        case Unavailable(code=429):
            wait = f" in {error.retry_after_s} s" if error.retry_after_s else " in a while"
            return f"The API server has too much to do; try again{wait}. Nothing was done."
        case Unavailable():
            return f"Can it be reached from here (VPN, firewall, proxy)?  faas doctor {flag}"
        case Unauthorized():
            return (
                f"The credentials of context {error.context} have ended or are wrong: log in again.\n"
                f"Whose they are:  faas context list      what the cluster says of it:  kubectl auth whoami {flag}"
            )
        case Forbidden():
            return (
                f"See what you may do there:  faas doctor {flag}\n"
                "An administrator can grant what faas needs:  faas export rbac"
            )
        case NoSuchKind():
            group = error.resource.partition(".")[2].partition("/")[0]
            return f"{_PARTS.get(group, 'What brings it')} is missing there, or too old:  faas doctor {flag}"
        case NotFound() if "service" in error.kind.lower():
            return f"See what there is:  faas list {flag}      in another namespace:  -n NAME"
        case NotFound() if error.kind == "namespaces":
            return f"Make it, or name another with -n:  kubectl create namespace {error.name} {flag}"
    return ""
