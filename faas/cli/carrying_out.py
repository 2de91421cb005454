"""What `deploy` and `promote` do with what was prepared: ask what would change, make it so, say what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from faas.cli.output import note, print_data, print_objects
from faas.cli.placed import placed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object
    from faas.deploy.objects.gone import Gone
    from faas.deploy.objects.plan import Change
    from faas.deploy.planning import Plan
    from faas.deploy.prepare import Prepared
    from faas.deploy.services.rollout import DeployOptions


_PATIENCE_S = 2.0  # what one controller of a cluster has not heard of yet looks like a failure to the next


def patience_of(target: Target) -> float:
    """How long a failure has to last there before it is one."""
    return 0.0 if target.is_local else _PATIENCE_S


@dataclass(frozen=True, slots=True)
class How:
    options: DeployOptions
    create_namespace: bool = False
    prune: bool | None = None  # None: ask, where there is somebody


def deploy_prepared(target: Target, prepared: Prepared, how: How, output: str | None) -> None:
    """Raises: DeployError, ApiError."""
    try:
        plan, objects, pruned = _carry_out(target, prepared, how)
    except KeyboardInterrupt:
        from faas.deploy.errors import WHAT_STAYS

        note(placed(WHAT_STAYS, target.flags))
        raise
    if output:
        _print(objects, plan, output)
    else:
        _report(objects, plan.services, prepared, target, wait=how.options.wait)
    _say_bypassed(objects, plan.services, target)
    _warn_of_store(plan, target, prepared.namespace, wait=how.options.wait)
    if plan.gone.asked and not pruned and how.prune is None:
        for line in left_words(plan.gone, target.flags):
            note(line)


def _say_bypassed(objects: Sequence[Object], changes: Sequence[Change], target: Target) -> None:
    """A split that somebody has made outlives deploys: whoever deploys new code should know that it waits."""
    from faas.deploy.services.traffic import bypasses_new, describe

    waiting = {
        obj["metadata"]["name"]: describe(obj["spec"].get("traffic") or ())
        for obj, change in zip(objects, changes, strict=True) if change.new_revision and bypasses_new(obj)
    }  # fmt: skip
    if waiting:
        where = "; ".join(f"{name}: {split}" for name, split in waiting.items())
        commands = "".join(f"\n  faas traffic {name} --traffic @latest=100{target.flags}" for name in waiting)
        note(f"Requests stay where they are ({where}). Give the new code all of them:{commands}")


def _warn_of_store(plan: Plan, target: Target, namespace: str, *, wait: bool) -> None:
    """No failure of the deploy: its functions serve, and their events come."""
    if not plan.before:
        return
    from faas.cli.connection import with_client
    from faas.client.services.store import NAME
    from faas.deploy.programs.dead_letters import waits_for_volume
    from faas.deploy.programs.store_ready import store_of, store_trouble, time_for

    if waits_for_volume(plan.before):
        note(
            f"warning: no dead letters are kept yet: PersistentVolumeClaim {NAME} of {namespace} has no volume\n"
            "  Make a StorageClass the cluster's default, make a volume for it, or do without:  dead_letters = false"
        )
        return
    store = store_of(plan.before)
    if store is None or not wait:
        return
    trouble = with_client(target, lambda client: store_trouble(client, namespace, wait_s=time_for(store)))
    if trouble is not None:
        advice = "".join(f"\n  {line}" for line in placed(trouble.advice, target.flags).splitlines())
        note(f"warning: no dead letters are kept yet, their store {NAME} does not run: {trouble}{advice}")


def show_plan(target: Target, prepared: Prepared, options: DeployOptions, output: str | None, dry_run: str) -> None:
    """Args: dry_run: client: no server is asked; server: it has to answer; auto: it is asked where it does."""
    plan = None if dry_run == "client" else _plan_if_asked(target, prepared, options, must=dry_run == "server")
    if output:
        print_objects(list(prepared.manifests), output)
        return
    if plan is None:
        for manifest in prepared.manifests:
            click.echo(f"{manifest['metadata']['name']} ({manifest['kind']}): would be applied")
        return
    for broker in plan.events.brokers:
        click.echo(f"{broker['metadata']['name']} (Broker): would be created")
    for change in plan.changes:
        click.echo(f"{_named(change)}: {_said(change)}")
    for change in plan.gone.asked:
        click.echo(f"{_named(change)}: gone from the code; --prune would delete it")
        for along in plan.gone.along.get(change.name, ()) if _is_function(change) else ():
            click.echo(f"{_named(along)}: stays as long as {change.name} does")


def _plan_if_asked(target: Target, prepared: Prepared, options: DeployOptions, *, must: bool) -> Plan | None:
    """What would change, when an engine runs that can be asked."""
    from faas.cli.connection import with_client
    from faas.client.places.state import EngineNotRunning

    try:
        return with_client(target, lambda client: _plan(client, prepared, target, How(options)))
    except EngineNotRunning as error:
        if must:
            raise
        note(f"{error}: the manifests are not compared with anything")
        return None


async def _plan(client: HttpClient, prepared: Prepared, target: Target, how: How) -> Plan:
    from faas.cli.deploying_to import ask_plan
    from faas.deploy.errors import NoNamespace
    from faas.deploy.objects.namespace import create

    try:
        return await ask_plan(client, prepared, target, force=how.options.force_conflicts)
    except NoNamespace:
        if not how.create_namespace:
            raise
        await create(client, prepared.namespace)
        return await ask_plan(client, prepared, target, force=how.options.force_conflicts)


def _agreed(plan: Plan, prune: bool | None) -> bool:
    """Whether functions that are gone from the code are deleted: as said, else as answered, else not."""
    import sys

    if not plan.gone.asked or prune is not None:
        return bool(prune)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    names = ", ".join(_named(change) + (_along(plan.gone, change.name) if _is_function(change) else "")
                      for change in plan.gone.asked)  # fmt: skip
    return click.confirm(f"No longer in the code: {names}. Delete when the rest is deployed?", err=True)


def left_words(gone: Gone, flags: str) -> list[str]:
    """What stays though the code no longer has it, what that means, and what removes it. Pure."""
    functions = [change.name for change in gone.asked if _is_function(change)]
    lines = []
    if functions:
        named = ", ".join(name + _along(gone, name) for name in functions)
        hear = any(_brings_events(along) for name in functions for along in gone.along.get(name, ()))
        twice = " What is renamed gets its events under both names until the old one is deleted." if hear else ""
        lines.append(
            f"Still deployed, no longer in the code: {named}.{twice} Remove:  faas delete {' '.join(functions)}{flags}"
        )
    others = [change for change in gone.asked if not _is_function(change)]
    return lines + [
        f"Still there, no longer in the code: {_named(change)}. Remove:  "
        f"faas {change.kind.kind.lower()} delete {change.name}{flags}"
        for change in others
    ]


def _carry_out(target: Target, prepared: Prepared, how: How) -> tuple[Plan, list[Object], bool]:
    """What was done, the Services after it, and whether what is gone from the code was deleted."""
    from faas_builders.oci.prune import prune as prune_images
    from faas_builders.oci.store import ImageStore

    from faas.cli.connection import with_client
    from faas.cli.progress import shown_steps
    from faas.deploy.deploying import carry_out_deploy
    from faas.deploy.images.requests import images_in_use

    store = ImageStore(target.state.images)
    if prepared.process_image:
        store.resolve(prepared.process_image.reference)  # unpack it here, so that the engine finds it done

    async def work(client: HttpClient) -> tuple[Plan, list[Object], bool]:
        plan = await _plan(client, prepared, target, how)
        pruned = _agreed(plan, how.prune)
        with shown_steps() as steps:
            objects = await carry_out_deploy(
                client, plan, how.options, steps, namespace=prepared.namespace, prune=pruned
            )
        if target.is_local and any(change.action != "unchanged" for change in plan.services):
            prune_images(store, await images_in_use(client))
        return plan, objects, pruned

    return with_client(target, work)


def _print(objects: list[Object], plan: Plan, output: str) -> None:
    """The Services as they are; in JSON also what was done with each object, which kubectl does not mind."""
    if output != "json":
        print_objects(objects, output)
        return
    results = [
        {"kind": change.kind.kind, "name": change.name, "action": change.action, "newRevision": change.new_revision}
        for change in plan.changes
    ]
    print_data({"apiVersion": "v1", "kind": "List", "items": objects, "results": results}, output)


def _along(gone: Gone, function: str) -> str:
    from faas.deploy.objects.leaving import words_along

    return words_along(change.kind for change in gone.along.get(function, ()))


def _is_function(change: Change) -> bool:
    return change.kind.kind == "Service"


def _brings_events(change: Change) -> bool:
    return change.kind.kind != "DomainMapping"


def _named(change: Change) -> str:
    return change.name if _is_function(change) else f"{change.name} ({change.kind.kind})"


def _said(change: Change) -> str:
    if change.action == "update":
        return f"would change {', '.join(change.fields)}"
    words = {"create": "would be created", "delete": "would be deleted", "replace": "would be made anew"}
    return words.get(change.action, "unchanged")


def _report(
    objects: list[Object], changes: Sequence[Change], prepared: Prepared, target: Target, *, wait: bool
) -> None:
    from faas.cli.conditions import is_public
    from faas.cli.suggestion import call_of

    rows = []
    for obj, change in zip(objects, changes, strict=True):
        status = obj.get("status") or {}
        name = obj["metadata"]["name"]
        revision = status.get("latestReadyRevisionName") or status.get("latestCreatedRevisionName") or ""
        url = str(status.get("url", "")) + ("" if is_public(obj) else "  (cluster-local)")
        what = "unchanged" if change.action == "unchanged" else (revision if wait else "applied")
        rows.append((name, url, what))
    name_width, url_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    for name, url, what in rows:
        click.echo(f"{name:<{name_width}}  {url:<{url_width}}  {what}".rstrip())
    public = {obj["metadata"]["name"] for obj in objects if is_public(obj)}
    if called := next((service for service in prepared.services if service.name in public), None):
        note(f"Try it:  {call_of(called)}{target.flags}")
    elif public:  # an image, of which nothing else is known
        note(f"Try it:  faas invoke {min(public)}{target.flags}")
    else:  # they get events, and nobody can call them
        note(f"Watch its events:  faas events tail{target.flags}")
