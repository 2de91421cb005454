"""`faas invoke`: one request or one event to a function; what comes back goes to stdout as it comes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from faas.cli.conditions import is_public
from faas.cli.connection import running_engine, with_client
from faas.cli.options import Time, namespace_option, target_option
from faas.cli.output import note

if TYPE_CHECKING:
    from faas.cli.invoking.sending import Request
    from faas.cli.invoking.showing import Exchange
    from faas.cli.invoking.ways import Call, Way
    from faas.client.credentials.identity import Identity
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object


@click.command(short_help="Send a function a request or an event.")
@click.argument("name")
@click.option("--data", "-d", metavar="TEXT|@FILE|-", help="The body; @FILE reads a file, - standard input.")
@click.option("--json", "json_text", metavar="JSON", help="The body, as JSON (checked before it is sent).")
@click.option("--header", "-H", "headers", metavar="'NAME: VALUE'", multiple=True, help="A header.")
@click.option("--method", "-X", metavar="METHOD", help="GET without a body, POST with one.")
@click.option("--path", default="/", metavar="/PATH?QUERY", show_default=True,
              help="The path, with a query. An event goes where its Trigger would send it.")  # fmt: skip
@click.option("--event", "event_type", metavar="TYPE", help="Send a CloudEvent of this type.")
@click.option("--source", metavar="URI", default="faas://invoke", show_default=True, help="The event's source.")
@click.option("--subject", metavar="TEXT", help="The event's subject.")
@click.option("--id", "event_id", metavar="TEXT", help="The event's id; a random one if not given.")
@click.option("--extension", metavar="NAME=VALUE", multiple=True, help="An extension attribute of the event.")
@click.option("--structured", is_flag=True, help="Send the event as one JSON document instead of headers and a body.")
@click.option("--tag", metavar="TAG", help="The revision with this tag.")
@click.option("--timeout", type=Time(), default="310s", metavar="TIME", help="Give up after this.")
@click.option("--via", metavar="WAY", default="",
              help="On a cluster: ingress, port-forward, or a URL to dial.  [default: what leads there]")  # fmt: skip
@click.option("--insecure", is_flag=True, help="Take any certificate of a function's https URL.")
@click.option("--output", "-o", type=click.Choice(("json",)), help="Status, time, headers and body as one document.")
@namespace_option
@target_option
def command(
    name: str,
    data: str | None,
    json_text: str | None,
    headers: tuple[str, ...],
    method: str | None,
    path: str,
    event_type: str | None,
    source: str,
    subject: str | None,
    event_id: str | None,
    extension: tuple[str, ...],
    structured: bool,
    tag: str | None,
    timeout: float,
    via: str,
    insecure: bool,
    output: str | None,
    namespace: str,
    target: Target,
) -> int:
    """Call function NAME through the gateway; status and time go to stderr. Exits 1 for a status of 400 or more.

    On a cluster the function's URL is called. Where its name leads nowhere the ingress is dialled, and where that
    cannot be reached either its port is forwarded through the API server; --via says which.

    \b
    Examples:
      faas invoke hello --path '/?name=Ada'
      faas invoke orders --path '/orders/7?full=1' -H 'Accept: text/plain'
      faas invoke on-order --event com.acme.order.created --json '{"id": 7}'
      faas invoke hello --context staging --via port-forward
    """
    from faas.cli.invoking.asking import looks_like_json, parse_header, parse_pair, read_body
    from faas.cli.invoking.events import make_event
    from faas.cli.invoking.sending import Request
    from faas.cli.invoking.showing import show

    body, is_json = read_body(data, json_text)
    sent = dict(parse_header(text) for text in headers)
    given: dict[str, str] = {}
    if event_type:
        attributes = {"type": event_type, "source": source, "id": event_id, "subject": subject}
        extra = dict(parse_pair(text, "--extension") for text in extension)
        given = {key: value for key, value in {**attributes, **extra}.items() if value is not None}
        is_json = is_json or body is None or looks_like_json(body)
        event_headers, body = make_event(given, body, structured=structured, is_json=is_json)
        sent = {**event_headers, **sent}
    elif body is not None:
        content_type = "application/json" if is_json or looks_like_json(body) else "text/plain; charset=utf-8"
        sent = {"Content-Type": content_type, **sent}
    request = Request(method or ("POST" if body is not None else "GET"), path, sent, body)
    asked = _Asked(name, namespace, given, tag, timeout, insecure, via)
    with (_to_engine if target.is_local else _to_cluster)(target, request, asked) as exchange:
        show(exchange, output)
        return 1 if exchange.answer.status >= 400 else 0


@dataclass(frozen=True, slots=True)
class _Asked:
    name: str
    namespace: str
    event: Mapping[str, str]
    tag: str | None
    timeout_s: float
    insecure: bool
    via: str

    def request(self, request: Request, event_path: str) -> Request:
        """The same, with an event where its Trigger would send it."""
        return replace(request, path=event_path) if self.event and request.path == "/" else request


@contextmanager
def _to_engine(target: Target, request: Request, asked: _Asked) -> Iterator[Exchange]:
    from faas.cli.invoking.sending import send
    from faas.cli.invoking.services import address_on_engine, check_was_ready
    from faas.cli.invoking.showing import Exchange

    if asked.via or asked.insecure:
        raise click.UsageError("--via and --insecure are for clusters: the engine of this machine is right here")
    engine = running_engine(target.state)
    service, event_path = with_client(target, lambda client: _read(client, asked.name, asked.namespace, asked.event))
    check_was_ready(service, target.flags)
    request = asked.request(request, event_path)
    host, address = address_on_engine(
        service, asked.tag, engine, target.flags, internally=request.path.startswith("/_faas/")
    )
    started = time.monotonic()
    hint = f"See what the engine does:  faas status{target.flags}"
    with send(request, host, address, timeout_s=asked.timeout_s, hint=hint) as answer:
        yield Exchange(answer, (time.monotonic() - started) * 1000)


@contextmanager
def _to_cluster(target: Target, request: Request, asked: _Asked) -> Iterator[Exchange]:
    from urllib.parse import urlsplit

    from faas.cli.invoking.sending import send_over, trusting
    from faas.cli.invoking.services import check_was_ready, url_of
    from faas.cli.invoking.showing import Exchange
    from faas.cli.invoking.ways import Call, find_way, opened

    if asked.via and asked.via not in ("ingress", "port-forward") and "://" not in asked.via:
        raise click.BadParameter(f"{asked.via!r} is not ingress, port-forward or a URL", param_hint="--via")

    async def work(client: HttpClient) -> tuple[Call, Way, str, Identity]:
        service, event_path = await _read(client, asked.name, asked.namespace, asked.event)
        check_was_ready(service, target.flags)
        url, revision = url_of(service, asked.tag, target.flags)
        call = Call(service, url, revision, is_internal=not is_public(service), flags=target.flags)
        way = await find_way(client, call, asked.via)
        return call, way, event_path, await client.identity()

    call, way, event_path, identity = with_client(target, work)
    assert target.cluster is not None
    scheme = urlsplit(asked.via if "://" in asked.via else call.url).scheme
    tls = trusting(insecure=asked.insecure) if scheme == "https" and not way.past_ingress else None
    if way.past_ingress:
        note(f"straight to an instance of {call.revision}, past the ingress: traffic is not split")
    hint = f"See what it says:  faas logs {asked.name}{target.flags}"
    with opened(way, call, target.cluster, identity) as (connection, why):
        host = urlsplit(call.url).netloc
        request = asked.request(request, event_path)
        if way.proxy is not None:
            request = request.through(way.proxy, host)
        where, started = way.told or host, time.monotonic()
        with send_over(
            connection, request, host, where, timeout_s=asked.timeout_s, hint=hint, tls=tls, why=why
        ) as answer:
            yield Exchange(answer, (time.monotonic() - started) * 1000, way.told)


async def _read(client: HttpClient, name: str, namespace: str, event: Mapping[str, str]) -> tuple[Object, str]:
    """The Service, and where it takes such an event."""
    from faas.resources.kinds import SERVICE, TRIGGER, Kind

    service = await client.get(SERVICE, name, namespace)
    if not event:
        return service, "/"
    from faas.cli.invoking.services import event_path
    from faas.client.visible import list_visible
    from faas.deploy.objects.belonging import EventObjects

    hidden: set[Kind] = set()
    triggers = EventObjects(tuple(await list_visible(client, TRIGGER, namespace, hidden))).of_service(name).triggers
    if hidden:
        note("you may not list Triggers, so the event goes to /; --path says otherwise")
    return service, event_path(triggers, event)
