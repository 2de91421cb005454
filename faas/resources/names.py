"""Names: of what belongs to an object, of Revisions and Pods, of Python functions as DNS labels. Source: RFC 1123."""

from __future__ import annotations

import hashlib
import re

MAX_LABEL = 63
MAX_SUBDOMAIN = 253
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

_LABEL_WORDS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_LABEL_1035_WORDS = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_SUBDOMAIN_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def label_problem(name: str) -> str | None:
    """What is wrong with a name that has to be an RFC 1123 label, in Kubernetes' words; None if nothing is."""
    if len(name) > MAX_LABEL:
        return f"must be no more than {MAX_LABEL} characters"
    return None if _LABEL.fullmatch(name) else _LABEL_WORDS


def label_1035_problem(name: str) -> str | None:
    """As `label_problem`, for a label that has to start with a letter (Knative's Services and Routes)."""
    if len(name) > MAX_LABEL:
        return f"must be no more than {MAX_LABEL} characters"
    return None if _LABEL_1035.fullmatch(name) else _LABEL_1035_WORDS


def subdomain_problem(name: str) -> str | None:
    """What is wrong with a name that has to be an RFC 1123 subdomain (most kinds' names); None if nothing is."""
    if len(name) > MAX_SUBDOMAIN:
        return f"must be no more than {MAX_SUBDOMAIN} characters"
    return None if _SUBDOMAIN.fullmatch(name) else _SUBDOMAIN_WORDS


def domain_problem(name: str) -> str | None:
    """What is wrong with a name that has to be a fully qualified domain name; None if nothing is.

    Source: apimachinery, util/validation IsFullyQualifiedDomainName.
    """
    if not name:
        return "Required value"
    if problem := subdomain_problem(name):
        return f'Invalid value: "{name}": {problem}'
    labels = name.split(".")
    if len(labels) < 2:
        return f'Invalid value: "{name}": should be a domain with at least two segments separated by dots'
    problems = (f'Invalid value: "{label}": {problem}' for label in labels if (problem := label_problem(label)))
    return next(problems, None)


def child_name(parent: str, suffix: str) -> str:
    """Name something after its parent, in at most 63 characters, the same each time.

    What is too long is cut, and a digest stands in for what is missing.
    Source: knative/pkg kmeta.ChildName, to the character, so that names are those that a cluster would give.
    """
    if len(parent) + len(suffix) <= MAX_LABEL:
        return parent + suffix
    room = MAX_LABEL - 32 - len(suffix)  # an MD5 digest has 32 hex digits
    if room > 0:
        return parent[:room] + _md5(parent) + suffix
    name = parent[: MAX_LABEL - 32] + _md5(parent + suffix)
    return (name + suffix)[:MAX_LABEL].rstrip("-._")


def revision_name(configuration: str, generation: int) -> str:
    """The name of a Revision whose template does not choose one: hello-00001."""
    return child_name(configuration, f"-{generation:05d}")


def deployment_name(revision: str) -> str:
    return child_name(revision, "-deployment")


def pod_name(revision: str, token: str) -> str:
    """The name of one instance; `token` makes it unique: letters and digits in lower case."""
    return child_name(deployment_name(revision), f"-{token}")


def dns_label(python_name: str) -> str:
    """The DNS label of a Python function: `get_order` becomes `get-order`. Raises UnusableName."""
    label = python_name.lower().replace("_", "-").strip("-")
    problem = label_1035_problem(label)
    if problem is not None:
        raise UnusableName(python_name, label, problem)
    return label


class UnusableName(ValueError):
    """A Python name makes no DNS label, so nothing can be deployed under it; another name has to be given."""

    def __init__(self, python_name: str, label: str, problem: str) -> None:
        super().__init__(f"{python_name!r} cannot be the name of a service: {label!r} {problem}")
        self.python_name, self.label, self.problem = python_name, label, problem


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
