"""The checks of `faas doctor --context NAME`: what a deploy needs of a cluster, each looked at and nothing changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from faas.cli.checks import containers, knative, leftovers, network, nodes, place, pulling, reach, rights
from faas.cli.checks.check import Check, failed
from faas.cli.checks.needs import Needs
from faas.cli.checks.view import View
from faas.client.errors import ApiError, Forbidden, NotFound

if TYPE_CHECKING:
    from faas.client.places.targets import Target

_ANY_IMAGE = "faas-sources"  # of our own programs: what a deploy of any project may push there

_CHECKS: tuple[tuple[str, Callable[[View], Awaitable[Check]]], ...] = (
    ("kubernetes", reach.kubernetes),
    ("clock", reach.clock),
    ("nodes", nodes.nodes),
    ("serving", knative.serving),
    ("eventing", knative.eventing),
    ("broker", knative.broker),
    ("kinds", knative.kinds),
    ("features", knative.features),
    ("ingress", network.ingress),
    ("domain", network.domain),
    ("domains", network.domain_claims),
    ("namespace", place.namespace),
    ("rights", rights.to_deploy),
    ("operating", rights.to_operate),
    ("admission", place.admission),
    ("quota", place.quota),
    ("storage", place.storage),
    ("pull secrets", pulling.pull_secrets),
    ("leftovers", leftovers.collectors),
)


def run_checks(target: Target, folder: Path, registry: str = "") -> list[Check]:
    """Args:
    folder: whose project is asked what it wants of the cluster, when it holds one.
    registry: host and folder that images would be pushed to, over what the project names.
    """
    return asyncio.run(_run(target, folder, registry))


async def _run(target: Target, folder: Path, registry: str) -> list[Check]:
    from faas.client.kubeconfigs.files import KubeconfigError
    from faas.client.places.targets import connect

    finding = asyncio.create_task(asyncio.to_thread(_needs_of, folder, target))
    try:
        async with connect(target) as client:
            view = View(client, target, Needs())
            first = await _guarded("reachable", reach.reachable, view)
            if first.status == "error":
                await asyncio.wait({finding})
                return [first]
            view.needs = _with_registry(await finding, registry)
            others = await asyncio.gather(*(_guarded(name, check, view) for name, check in _CHECKS))
    except KubeconfigError as error:
        await asyncio.wait({finding})
        return [Check("reachable", "error", str(error), error.hint)]
    pushing = await asyncio.to_thread(_registry, view.needs, target.stage)
    return [first, *_project(view.needs), *others, pushing]


def _with_registry(needs: Needs, registry: str) -> Needs:
    """Args: registry: of the command line; what is pushed there when there is no project is a program of ours."""
    return replace(needs, image=f"{registry.rstrip('/')}/{needs.project or _ANY_IMAGE}") if registry else needs


def _registry(needs: Needs, stage: str) -> Check:
    if needs.project and not needs.image:
        where = f"[tool.faas.environments.{stage or 'STAGE'}]"
        fix = f'Name one:  registry = "registry.example.org/team" in {where}'
        found = f"{needs.project} names no registry, and a cluster can have its images from nowhere else"
        return Check("registry", "warning", found, f"{fix}, or try one:  --registry registry.example.org/team")
    return containers.push(needs.image, insecure=needs.insecure)


async def _guarded(name: str, check: Callable[[View], Awaitable[Check]], view: View) -> Check:
    try:
        return await check(view)
    except Forbidden as error:
        return Check(name, "unknown", error.message)
    except NotFound as error:
        return Check(name, "unknown", f"the server does not have it: {error.message}")
    except ApiError as error:
        return Check(name, "error", error.message)
    except Exception as error:  # noqa: BLE001  # one check that fails must not hide the others
        return failed(name, error)


def _needs_of(folder: Path, target: Target) -> Needs:
    from faas.cli.checks.project import needs_of

    try:
        return needs_of(folder, target)
    except Exception as error:  # noqa: BLE001  # the cluster can be looked at without the project
        return Needs(problem=f"{type(error).__name__}: {error}")


def _project(needs: Needs) -> list[Check]:
    if needs.problem:
        found = f"what it needs is not known: {needs.problem}"
        return [Check("project", "warning", found, "Try it here:  faas run")]
    if not needs.project:
        return [Check("project", "ok", "not asked, there is no project in this folder")]
    count = len(needs.services)
    return [Check("project", "ok", f"{needs.project}, {count} service{'s' * (count != 1)}")]
