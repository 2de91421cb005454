"""Whether one may do all that a deploy and the commands after it do: a SelfSubjectAccessReview for each right.

What is asked for is what `faas export rbac` would grant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from faas.cli.checks.check import Check
from faas.client.errors import ApiError
from faas.client.services.access import Access

if TYPE_CHECKING:
    from faas.cli.checks.view import View

_ONLY_LOOKED_AT = frozenset({"events", "pods/log", "pods/portforward", "configurations", "routes"})
"""Without these a deploy goes on; `faas logs`, `invoke` and the reasons of a failure have less to say."""


def accesses(rules: Iterable[dict[str, Any]]) -> Iterator[Access]:
    """Each right that the rules of a Role give. Pure."""
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames") or ("",):
                    yield from (Access(group, resource, verb, name) for verb in rule["verbs"])


async def to_deploy(view: View) -> Check:
    asked = [each for each in _wanted(view) if each.resource not in _ONLY_LOOKED_AT]
    return await _check(view, "rights", asked, "deploy", "error")


async def to_operate(view: View) -> Check:
    asked = [each for each in _wanted(view) if each.resource in _ONLY_LOOKED_AT]
    return await _check(view, "operating", asked, "see logs and reasons, and to forward ports", "warning")


def _wanted(view: View) -> list[Access]:
    from faas.deploy.export.editions.edition import Edition
    from faas.deploy.export.rbac import make_rbac

    needs = view.needs
    edition = Edition(
        needs.project or "project", view.namespace, needs.objects, declared_secrets=needs.declared_secrets
    )
    role = next(obj for obj in make_rbac(edition) if obj["kind"] == "Role")
    return list(dict.fromkeys(accesses(role["rules"])))


async def _check(view: View, name: str, asked: Sequence[Access], purpose: str, status: str) -> Check:
    try:
        answers = await asyncio.gather(*(view.may(access) for access in asked))
    except ApiError as error:
        return Check(name, "unknown", f"rights cannot be asked for: {error.message}")
    missing = [access for access, allowed in zip(asked, answers, strict=True) if not allowed]
    if not missing:
        return Check(name, "ok", f"all that it takes to {purpose} in {view.namespace} ({len(asked)} asked for)")
    found = f"you may not {in_words(missing)} in {view.namespace}, which it takes to {purpose}"
    stage = f" --stage {view.target.stage}" if view.target.stage else ""
    project = f" --project{stage}" if view.needs.project else ""
    fix = f"An administrator grants them:  faas export rbac{project} -n {view.namespace} | kubectl apply -f -"
    return Check(name, "error" if status == "error" else "warning", found, fix)


def in_words(missing: Iterable[Access]) -> str:
    """`create, patch services.serving.knative.dev; get secrets`. Pure."""
    verbs: dict[str, list[str]] = {}
    for access in missing:
        verbs.setdefault(access.what, []).append(access.verb)
    return "; ".join(f"{', '.join(found)} {what}" for what, found in verbs.items())
