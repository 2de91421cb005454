"""`faas describe`: all that there is to know of one function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from faas.cli.conditions import condition_line, conditions_of, is_public, readiness, ready_of
from faas.cli.connection import with_client
from faas.cli.eventing_rows import describe_events
from faas.cli.options import namespace_option, output_option, target_option
from faas.cli.output import age, first_line, print_data, print_facts, print_section

if TYPE_CHECKING:
    from faas.client.http import HttpClient
    from faas.client.protocol import Object
    from faas.client.targets import Target
    from faas.deploy.belonging import EventObjects


@click.command(short_help="Show a function: URL, traffic, revisions, triggers, conditions.")
@click.argument("name")
@namespace_option
@output_option
@target_option
def command(name: str, namespace: str, output: str | None, target: Target) -> None:
    """Show function NAME. Values that come from Secrets are not shown, only where they come from.

    \b
    Examples:
      faas describe hello
      faas describe hello -o yaml
    """
    from faas.cli.revisions import read
    from faas.deploy.belonging import read_events
    from faas.deploy.plan import clean

    async def work(client: HttpClient) -> tuple[list[Object], list[Object], EventObjects]:
        services, revisions = await read(client, namespace, name)
        return services, revisions, (await read_events(client, namespace)).of_service(name)

    (service,), revisions, events = with_client(target, work)
    if output:
        print_data(clean(service), output)
        return
    print_facts(_facts(service, target))
    print_section("Traffic", _traffic(service))
    print_section("Revisions", [_revision(revision) for revision in revisions])
    print_section("Triggers", describe_events(events))
    print_section("Conditions", [condition_line(condition) for condition in conditions_of(service)])


def _facts(service: Object, target: Target) -> list[tuple[str, str]]:
    from faas.cli.image_store import how_it_runs, open_store
    from faas.project.manifests import FUNCTIONS_ANNOTATION

    metadata, status = service["metadata"], service.get("status") or {}
    template = service["spec"]["template"]
    container = template["spec"]["containers"][0]
    condition = ready_of(service)
    annotations = dict((template.get("metadata") or {}).get("annotations") or {})
    return [
        ("Name", metadata["name"]),
        ("Namespace", metadata["namespace"]),
        ("Age", age(metadata.get("creationTimestamp", ""))),
        ("URL", str(status.get("url") or "") + ("" if is_public(service) else "  (cluster-local)")),
        ("Ready", readiness(service)),
        ("Message", condition.get("message", "")),
        ("Image", container.get("image", "")),
        ("Runs as", how_it_runs(open_store(target.state.path), container.get("image", ""))),
        ("Functions", annotations.pop(FUNCTIONS_ANNOTATION, "").replace(",", ", ")),
        ("Concurrency", str(template["spec"].get("containerConcurrency") or "no limit")),
        ("Timeout", f"{template['spec'].get('timeoutSeconds', 300)} s"),
        ("Options", ", ".join(f"{key.rpartition('/')[2]} {value}" for key, value in sorted(annotations.items()))),
        ("Environment", ", ".join(_variable(variable) for variable in container.get("env") or ())),
    ]


def _variable(variable: dict[str, Any]) -> str:
    source = variable.get("valueFrom") or {}
    for kind, reference in source.items():
        return f"{variable['name']} (from {kind.removesuffix('KeyRef')} {reference.get('name')}/{reference.get('key')})"
    return f"{variable['name']}={variable.get('value', '')}"


def _traffic(service: Object) -> list[str]:
    lines = []
    for target in (service.get("status") or {}).get("traffic") or ():
        latest = " (latest)" if target.get("latestRevision") else ""
        tag = f"  {target['tag']} {target.get('url', '')}" if target.get("tag") else ""
        lines.append(f"{target.get('percent') or 0:>3} %  {target.get('revisionName', '')}{latest}{tag}")
    return lines


def _revision(revision: Object) -> str:
    condition = ready_of(revision)
    status = revision.get("status") or {}
    told = first_line(condition.get("message", "")) if condition.get("status") != "True" else ""
    message = f"  {told}" if told else ""
    count = status.get("actualReplicas") or 0
    instances = f"{count} instance{'s' * (count != 1)}"
    return f"{revision['metadata']['name']}  {readiness(revision)}  {instances}  {age(_created(revision))}{message}"


def _created(revision: Object) -> str:
    return str(revision["metadata"].get("creationTimestamp", ""))
