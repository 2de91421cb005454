"""`faas describe`: all that there is to know of one function."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from faas.cli.conditions import condition_line, conditions_of, generation_of, is_public, readiness, ready_of
from faas.cli.connection import with_client
from faas.cli.eventing.rows import describe_events
from faas.cli.options import namespace_option, output_option, target_option
from faas.cli.output import age, first_line, note_hidden, print_data, print_facts, print_section
from faas.cli.placed import placed

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object
    from faas.deploy.objects.belonging import EventObjects
    from faas.deploy.reasons.trouble import Trouble
    from faas.resources.kinds import Kind

_LINES = 5  # of a log: how it ended is among the last


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
    from faas.deploy.objects.plan import clean

    found = with_client(target, lambda client: _read(client, namespace, name))
    if output:
        print_data(clean(found.service), output)
        return
    print_facts(_facts(found, target))
    print_section("Trouble", _trouble(found, target.flags))
    print_section("Traffic", _traffic(found.service))
    print_section("Revisions", [_revision(revision, is_local=target.is_local) for revision in found.revisions])
    print_section("Triggers", describe_events(found.events))
    print_section("Conditions", [condition_line(condition) for condition in conditions_of(found.service)])
    note_hidden(found.hidden, namespace)


@dataclass(frozen=True, slots=True)
class _Found:
    service: Object
    revisions: list[Object]
    events: EventObjects
    domains: list[Object]
    trouble: Trouble | None  # what its Pods say, when it is not ready
    last_lines: tuple[str, ...]  # of the one that says it
    hidden: set[Kind] = field(default_factory=set)  # what this user may not see


async def _read(client: HttpClient, namespace: str, name: str) -> _Found:
    from faas.client.visible import list_visible
    from faas.deploy.objects.belonging import read_events
    from faas.deploy.reasons.logs import last_lines
    from faas.deploy.reasons.looking import Troubles
    from faas.resources import keys
    from faas.resources.kinds import DOMAIN_MAPPING, REVISION, SERVICE

    hidden: set[Kind] = set()
    service = await client.get(SERVICE, name, namespace)
    revisions, every, mappings = await asyncio.gather(
        list_visible(client, REVISION, namespace, hidden, label_selector=f"{keys.SERVICE_LABEL}={name}"),
        read_events(client, namespace, hidden),
        list_visible(client, DOMAIN_MAPPING, namespace, hidden),
    )
    revisions.sort(key=generation_of, reverse=True)
    domains = [each for each in mappings if (each["spec"].get("ref") or {}).get("name") == name]
    trouble: Trouble | None = None
    lines: tuple[str, ...] = ()
    newest = str((service.get("status") or {}).get("latestCreatedRevisionName") or "")
    if newest and ready_of(service).get("status") != "True":
        trouble = (await Troubles(client, namespace).look({name: newest})).get(name)
        lines = await last_lines(client, namespace, newest, lines=_LINES) if trouble and trouble.pod else ()
    return _Found(service, revisions, every.of_service(name), domains, trouble, lines, hidden)


def _facts(found: _Found, target: Target) -> list[tuple[str, str]]:
    from faas.project.manifests.labels import PROJECT_LABEL, STAGE_LABEL
    from faas.project.manifests.service import FUNCTIONS_ANNOTATION

    service = found.service
    metadata, status = service["metadata"], service.get("status") or {}
    labels = metadata.get("labels") or {}
    template = service["spec"]["template"]
    container = template["spec"]["containers"][0]
    condition = ready_of(service)
    annotations = dict((template.get("metadata") or {}).get("annotations") or {})
    image = str(container.get("image") or "")
    return [
        ("Name", metadata["name"]),
        ("Namespace", metadata["namespace"]),
        ("Project", str(labels.get(PROJECT_LABEL) or "")),
        ("Stage", str(labels.get(STAGE_LABEL) or "")),
        ("Age", age(metadata.get("creationTimestamp", ""))),
        ("URL", str(status.get("url") or "") + ("" if is_public(service) else "  (cluster-local)")),
        ("Domains", "\n".join(map(_domain, found.domains))),
        ("Ready", readiness(service)),
        ("Message", condition.get("message", "")),
        ("Image", image),
        ("Digest", _digest(image, found.revisions)),
        ("Runs as", _runs_as(image, target)),
        ("Service account", str(template["spec"].get("serviceAccountName") or "")),
        ("Functions", annotations.pop(FUNCTIONS_ANNOTATION, "").replace(",", ", ")),
        ("Concurrency", str(template["spec"].get("containerConcurrency") or "no limit")),
        ("Timeout", f"{template['spec'].get('timeoutSeconds', 300)} s"),
        ("Options", ", ".join(f"{key.rpartition('/')[2]} {value}" for key, value in sorted(annotations.items()))),
        ("Environment", ", ".join(_variable(variable) for variable in container.get("env") or ())),
    ]


def _domain(mapping: Object) -> str:
    """`shop.example.com`, and why it does not lead here where it does not."""
    url = str((mapping.get("status") or {}).get("url") or mapping["metadata"]["name"])
    condition = ready_of(mapping)
    if condition.get("status") == "True":
        return url
    why = first_line(condition.get("message", ""))
    return f"{url}  {readiness(mapping)}{f'  {why}' if why else ''}"


def _digest(image: str, revisions: list[Object]) -> str:
    """What a tag was found to be when the newest revision was made."""
    if "@sha256:" in image or not revisions:
        return ""
    statuses = (revisions[0].get("status") or {}).get("containerStatuses") or ()
    return str(statuses[0].get("imageDigest") or "").rpartition("@")[2] if statuses else ""


def _runs_as(image: str, target: Target) -> str:
    """Of the engine alone: a cluster runs containers."""
    if not target.is_local:
        return ""
    from faas.cli.image_store import how_it_runs, open_store

    return how_it_runs(open_store(target.state.path), image)


def _trouble(found: _Found, flags: str) -> list[str]:
    trouble = found.trouble
    if trouble is None:
        return []
    said = [f"{trouble.reason}: {trouble.sentence}", *(f"  | {line}" for line in found.last_lines)]
    return [*said, *placed(trouble.advice, flags).splitlines()]


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


def _revision(revision: Object, *, is_local: bool) -> str:
    from faas.cli.revisions import instances_of

    condition = ready_of(revision)
    told = first_line(condition.get("message", "")) if condition.get("status") != "True" else ""
    count = instances_of(revision, is_local=is_local)
    created = str(revision["metadata"].get("creationTimestamp", ""))
    words = (revision["metadata"]["name"], readiness(revision), f"{count} instance{'s' * (count != '1')}", age(created))
    return "  ".join((*words, told) if told else words)
