"""`faas invoke`: one request or one event to a function; what comes back goes to stdout as it comes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from faas.cli.conditions import is_public
from faas.cli.connection import running_engine, with_client
from faas.cli.errors import CommandError
from faas.cli.options import namespace_option, target_option
from faas.cli.output import note

if TYPE_CHECKING:
    from faas.cli.requests import Answer, Request
    from faas.cli.ways import Call, Way
    from faas.client.credentials.identity import Identity
    from faas.client.http.client import HttpClient
    from faas.client.places.state import EngineInfo
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
@click.option("--timeout", type=click.FloatRange(0.1), default=310.0, metavar="SECONDS", help="Give up after this.")
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
    from faas.cli.requests import Request, make_event

    body, is_json = _body(data, json_text)
    sent = dict(_header(text) for text in headers)
    given: dict[str, str] = {}
    if event_type:
        attributes = {"type": event_type, "source": source, "id": event_id, "subject": subject}
        extra = dict(_pair(text, "--extension") for text in extension)
        given = {key: value for key, value in {**attributes, **extra}.items() if value is not None}
        is_json = is_json or body is None or _looks_like_json(body)
        event_headers, body = make_event(given, body, structured=structured, is_json=is_json)
        sent = {**event_headers, **sent}
    elif body is not None:
        content_type = "application/json" if is_json or _looks_like_json(body) else "text/plain; charset=utf-8"
        sent = {"Content-Type": content_type, **sent}
    request = Request(method or ("POST" if body is not None else "GET"), path, sent, body)
    asked = _Asked(name, namespace, given, tag, timeout, insecure, via)
    with (_to_engine if target.is_local else _to_cluster)(target, request, asked) as exchange:
        _print(exchange, output)
        return 1 if exchange.answer.status >= 400 else 0


@dataclass(frozen=True, slots=True)
class _Exchange:
    answer: Answer
    took_ms: float  # until the answer began; finding the way there is not part of it
    via: str = ""  # the way that was taken, where it is worth telling


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
def _to_engine(target: Target, request: Request, asked: _Asked) -> Iterator[_Exchange]:
    from faas.cli.requests import send

    if asked.via or asked.insecure:
        raise click.UsageError("--via and --insecure are for clusters: the engine of this machine is right here")
    engine = running_engine(target.state)
    service, event_path = with_client(target, lambda client: _read(client, asked.name, asked.namespace, asked.event))
    _check_was_ready(service, target.flags)
    request = asked.request(request, event_path)
    host, address = _where(service, asked.tag, engine, internally=request.path.startswith("/_faas/"))
    started = time.monotonic()
    with send(request, host, address, timeout_s=asked.timeout_s) as answer:
        yield _Exchange(answer, (time.monotonic() - started) * 1000)


@contextmanager
def _to_cluster(target: Target, request: Request, asked: _Asked) -> Iterator[_Exchange]:
    from urllib.parse import urlsplit

    from faas.cli.requests import send_over, trusting
    from faas.cli.ways import Call, find_way, opened

    if asked.via and asked.via not in ("ingress", "port-forward") and "://" not in asked.via:
        raise click.BadParameter(f"{asked.via!r} is not ingress, port-forward or a URL", param_hint="--via")

    async def work(client: HttpClient) -> tuple[Call, Way, str, Identity]:
        service, event_path = await _read(client, asked.name, asked.namespace, asked.event)
        _check_was_ready(service, target.flags)
        url, revision = _url_of(service, asked.tag)
        call = Call(service, url, revision, is_internal=not is_public(service))
        way = await find_way(client, call, asked.via)
        return call, way, event_path, await client.identity()

    call, way, event_path, identity = with_client(target, work)
    assert target.cluster is not None
    scheme = urlsplit(asked.via if "://" in asked.via else call.url).scheme
    tls = trusting(insecure=asked.insecure) if scheme == "https" and not way.past_ingress else None
    if way.past_ingress:
        note(f"straight to an instance of {call.revision}, past the ingress: traffic is not split")
    with opened(way, target.cluster, identity) as (connection, why):
        host = urlsplit(call.url).netloc
        request = asked.request(request, event_path)
        where, started = way.told or host, time.monotonic()
        with send_over(connection, request, host, where, timeout_s=asked.timeout_s, tls=tls, why=why) as answer:
            yield _Exchange(answer, (time.monotonic() - started) * 1000, way.told)


async def _read(client: HttpClient, name: str, namespace: str, event: Mapping[str, str]) -> tuple[Object, str]:
    """The Service, and where it takes such an event."""
    from faas.resources.kinds import SERVICE, TRIGGER, Kind

    service = await client.get(SERVICE, name, namespace)
    if not event:
        return service, "/"
    from faas.client.visible import list_visible
    from faas.deploy.belonging import EventObjects

    hidden: set[Kind] = set()
    triggers = EventObjects(tuple(await list_visible(client, TRIGGER, namespace, hidden))).of_service(name).triggers
    if hidden:
        note("you may not list Triggers, so the event goes to /; --path says otherwise")
    return service, _path_of(triggers, event)


def _check_was_ready(service: Object, flags: str) -> None:
    """Raises: CommandError: no revision has ever become ready, which an ingress only knows as a 404."""
    from faas.cli.conditions import ready_of
    from faas.cli.output import first_line

    condition = ready_of(service)
    if condition.get("status") != "False" or (service.get("status") or {}).get("latestReadyRevisionName"):
        return
    name = service["metadata"]["name"]
    why = first_line(condition.get("message", "")) or condition.get("reason", "")
    raise CommandError(f"{name} has never become ready: {why}".rstrip(": "), f"See more:  faas describe {name}{flags}")


def _path_of(triggers: Sequence[Object], event: Mapping[str, str]) -> str:
    """The path of the Trigger that would let the event through, or of the only one there is."""
    from faas_runtime.events.matching import compile_filters

    wanting = [each for each in triggers if compile_filters(each["spec"].get("filters") or ()).matches(dict(event))]
    found = wanting or (triggers if len(triggers) == 1 else ())
    return str((found[0]["spec"].get("subscriber") or {}).get("uri") or "/") if found else "/"


def _where(service: Object, tag: str | None, engine: EngineInfo, *, internally: bool = False) -> tuple[str, str]:
    """The Host to ask for, and where to dial: names under .localhost need not resolve, so they are never looked up.

    Args:
        internally: the public listener does not answer for it, as for the paths that events are delivered to.
    """
    from urllib.parse import urlsplit

    url, _ = _url_of(service, tag)
    public = urlsplit(engine.public_url)
    host = urlsplit(url).hostname or ""
    if is_public(service) and public.scheme == "http" and not internally:
        return f"{host}:{public.port}", f"{public.hostname}:{public.port}"
    # Cluster-local names, and all names while the public listener speaks TLS, answer on the engine's own socket.
    return host, f"unix:{engine.runtime_dir}/internal.sock"


def _url_of(service: Object, tag: str | None) -> tuple[str, str]:
    """A Service's URL, or that of a tag; and the Revision that it leads to, most of the time. Raises: CommandError."""
    status = service.get("status") or {}
    traffic = [each for each in status.get("traffic") or () if not tag or each.get("tag") == tag]
    main: Mapping[str, Any] = max(traffic, key=lambda each: int(each.get("percent") or 0), default={})
    revision = str(main.get("revisionName") or status.get("latestReadyRevisionName") or "")
    url = str(status.get("url") or "")
    if tag:
        tagged = {target.get("tag"): target.get("url") for target in status.get("traffic") or () if target.get("tag")}
        if tag not in tagged:
            name = service["metadata"]["name"]
            known = ", ".join(sorted(str(tag) for tag in tagged)) or "none"
            raise CommandError(f"{name} has no tag {tag!r}", f"Tags: {known}. Set one:  faas traffic {name} --tag")
        url = str(tagged[tag] or "")
    if not url:
        name = service["metadata"]["name"]
        raise CommandError(f"{name} has no URL yet", f"See why:  faas describe {name}")
    return url, revision


def _body(data: str | None, json_text: str | None) -> tuple[bytes | None, bool]:
    if data is not None and json_text is not None:
        raise click.UsageError("--data and --json are two ways to give the same body; use one")
    if json_text is not None:
        try:
            json.loads(json_text)
        except ValueError as error:
            raise click.BadParameter(f"this is not JSON: {error}", param_hint="--json") from error
        return json_text.encode(), True
    if data is None:
        return None, False
    if data == "-":
        return sys.stdin.buffer.read(), False
    if data.startswith("@"):
        try:
            return Path(data[1:]).read_bytes(), data.endswith(".json")
        except OSError as error:
            raise click.BadParameter(f"{data[1:]}: {error.strerror}", param_hint="--data") from error
    return data.encode(), False


def _looks_like_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict | list)
    except ValueError:
        return False


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise click.BadParameter(f"{text!r} is not NAME: VALUE", param_hint="--header")
    return name.strip(), value.strip()


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint=option)
    return name.lower(), value


def _print(exchange: _Exchange, output: str | None) -> None:
    answer, took_ms = exchange.answer, exchange.took_ms
    if output:
        body = b"".join(answer.chunks()).decode(errors="replace")
        document = {"status": answer.status, "timeMs": round(took_ms, 1), "headers": answer.headers, "body": body}
        document |= {"via": exchange.via} if exchange.via else {}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    colour = "green" if answer.status < 400 else "red"
    click.secho(f"{answer.status} {answer.reason}", fg=colour, err=True, nl=False)
    facts = (f"{took_ms:.1f} ms", answer.headers.get("content-type", ""), f"via {exchange.via}" if exchange.via else "")
    click.echo("  ".join(("", *filter(None, facts))), err=True)
    if event_type := answer.headers.get("ce-type"):  # a reply: its attributes are headers, its data is the body
        known = ("id", "source", "subject")
        said = [f"{name} {answer.headers[f'ce-{name}']}" for name in known if f"ce-{name}" in answer.headers]
        click.echo("  ".join((f"event {event_type}", *said)), err=True)
    last = b""
    for chunk in answer.chunks():
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        last = chunk
    if last and not last.endswith(b"\n") and sys.stdout.isatty():
        click.echo()
