"""Webhooks: a signed request becomes an event and is answered with 202 after the sink has it.

404 and 405 for another path or method, 401 for a signature that is missing or wrong, 400 for a request that lacks what
was asked for or is too old, 409 for an id that was taken before, 413 for too much, 503 while the sink is away.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

import msgspec
from faas_runtime.events.shapes.webhook import TYPE, make_event

from faas.sources.errors import ConfigurationError
from faas.sources.listening import Answer, Request, listening
from faas.sources.receiving import address_of, hand_over
from faas.sources.replays import REMEMBERED, WINDOW_S, Replays, is_fresh
from faas.sources.signatures import Algorithm, verify
from faas.sources.source import Source

_PLACES = re.compile(r"(\{id\}|\{timestamp\}|\{body\})")


class Options(msgspec.Struct, frozen=True):
    path: str = "/"
    methods: tuple[str, ...] = ("POST",)
    type: str = TYPE  # of the events
    source: str = ""  # of the events; the source object's URI by default
    signature_header: str = ""  # X-Hub-Signature-256; needed with FAAS_SOURCE_SECRET
    signature_prefix: str = ""  # `sha256=`, `v1,`
    algorithm: Algorithm = "sha256"
    signed: str = "{body}"  # what the signature is of: `{timestamp}.{body}`, `{id}.{timestamp}.{body}` …
    id_header: str = ""  # names the delivery: one that was taken before is refused
    timestamp_header: str = ""  # a delivery that is older or newer than five minutes is refused
    max_bytes: int = 1 << 20  # of the body; a Broker takes as much

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError(f"path={self.path!r} does not start with '/'")
        if "{body}" not in self.signed:
            raise ValueError(f"signed={self.signed!r} leaves out {{body}}, so anybody could change it")
        for place, header in (("{id}", self.id_header), ("{timestamp}", self.timestamp_header)):
            if place in self.signed and not header:
                raise ValueError(f"signed={self.signed!r} needs {place[1:-1]}_header")


async def run(source: Source[Options]) -> None:
    if bool(source.options.signature_header) != bool(source.secrets.secret):
        raise ConfigurationError("signature_header and FAAS_SOURCE_SECRET go together: one of them is missing")
    ledger = source.ledger("webhook", limit=REMEMBERED)
    receiver = _Receiver(source, Replays(ledger))
    try:
        async with listening(address_of(source), receiver.handle, max_body=source.options.max_bytes):
            source.reports.running()
            await source.stopping.wait()
    finally:
        ledger.close()


class _Receiver:
    def __init__(self, source: Source[Options], replays: Replays) -> None:
        self._source = source
        self._options = source.options
        self._methods = {method.upper() for method in source.options.methods}
        self._replays = replays

    async def handle(self, request: Request) -> Answer:
        options, environment = self._options, self._source.environment
        if request.path != options.path:
            return Answer(404, f"there is nothing at {request.path}")
        if request.method not in self._methods:
            return Answer(405, f"{request.method} is not taken", (("allow", ", ".join(sorted(self._methods))),))
        if options.signature_header and not self._is_signed(request):
            return Answer(401, f"{options.signature_header} is missing or wrong")
        for header in filter(None, (options.id_header, options.timestamp_header)):
            if not request.headers.get(header.lower()):
                return Answer(400, f"{header} is missing")
        now = datetime.now(UTC)
        timestamp = request.headers.get(options.timestamp_header.lower(), "")
        if options.timestamp_header and not is_fresh(timestamp, now=now):
            return Answer(400, f"{options.timestamp_header} is not within {WINDOW_S:g} s of now")
        id = request.headers.get(options.id_header.lower(), "")
        event = make_event(
            environment.namespace, environment.name, request.body, id=id or uuid.uuid4().hex, time=now,
            content_type=request.headers.get("content-type"), type=options.type, source=options.source,
            extensions={"httpmethod": request.method},
        )  # fmt: skip
        return await hand_over(self._source, event, self._replays if id else None)

    def _is_signed(self, request: Request) -> bool:
        options = self._options
        values = {
            "{id}": request.headers.get(options.id_header.lower(), "").encode("latin-1"),
            "{timestamp}": request.headers.get(options.timestamp_header.lower(), "").encode("latin-1"),
            "{body}": request.body,
        }
        content = b"".join(values.get(part, part.encode()) for part in _PLACES.split(options.signed))
        given = request.headers.get(options.signature_header.lower(), "")
        return verify(
            self._source.secrets.secret, content, given, algorithm=options.algorithm, prefix=options.signature_prefix
        )
