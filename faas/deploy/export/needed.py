"""A page on the Secrets that have to be there: what they are called, which keys they have, never a value. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from faas.deploy.export.documents import Files, to_yaml
from faas.deploy.export.editions.edition import Edition, NeededSecret

PAGE = "SECRETS.md"


def make_secrets_page(editions: Sequence[Edition]) -> Files:
    """A page as Markdown; none when no Secret is needed."""
    used = {secret.name: secret for edition in editions for secret in edition.secrets}
    if not used:
        return {}
    lines = [
        "# Secrets",
        "",
        "These have to be in the namespace before what is here is applied: no export writes them.",
        "",
    ]
    lines += ["| secret | keys | for |", "|---|---|---|"]
    for name in sorted(used):
        keys = sorted({key for each in _all(editions, name) for key in each.keys})
        users = sorted({user for each in _all(editions, name) for user in each.users})
        lines.append(f"| {name} | {', '.join(keys) or 'all that the function reads'} | {', '.join(users)} |")
    first = min(used)
    keys = list(used[first].keys) or ["KEY"]
    literals = " ".join(f"--from-file={key}=FILE" for key in keys)
    lines += ["", "By hand:", "", "```", f"kubectl create secret generic {first} -n NAMESPACE {literals}", "```", ""]
    lines += ["From a store, with the External Secrets Operator:", "", "```yaml"]
    lines += [to_yaml(_external(first, keys)).rstrip(), "```", ""]
    return {PAGE: "\n".join(lines)}


def _all(editions: Sequence[Edition], name: str) -> list[NeededSecret]:
    return [secret for edition in editions for secret in edition.secrets if secret.name == name]


def _external(name: str, keys: Sequence[str]) -> dict[str, object]:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name},
        "spec": {
            "secretStoreRef": {"name": "STORE", "kind": "ClusterSecretStore"},
            "target": {"name": name},
            "data": [{"secretKey": key, "remoteRef": {"key": f"{name}/{key}"}} for key in keys],
        },
    }
