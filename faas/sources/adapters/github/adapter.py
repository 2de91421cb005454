"""GitHub's webhooks: signed deliveries become events; with a token the adapter makes and keeps the hook itself.

A delivery is taken once: what it says is remembered, so one that is sent again, also by GitHub's "Redeliver", gets 409.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from faas_runtime.events.shapes.github import HOME, make_event

from faas.sources.adapters.github.hooks import Hooks
from faas.sources.errors import ConfigurationError
from faas.sources.listening import Answer, Request, listening
from faas.sources.receiving import address_of, hand_over
from faas.sources.replays import REMEMBERED, Replays
from faas.sources.signatures import verify
from faas.sources.source import Source

_PAYLOAD_BYTES = 25 * 2**20  # GitHub sends no more
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Options(msgspec.Struct, frozen=True):
    repository: str  # OWNER/REPO, or an organisation's name
    events: tuple[str, ...] = ()  # kinds, `push`, `pull_request`; all by default
    api_url: str = "https://api.github.com"  # https://HOST/api/v3 of an enterprise server
    url: str = ""  # where GitHub reaches this source; a hook is made when it and FAAS_SOURCE_TOKEN are given

    def __post_init__(self) -> None:
        if not self.repository or self.repository.count("/") > 1:
            raise ValueError(f"repository={self.repository!r} is not like OWNER/REPO")
        if urlsplit(self.api_url).scheme not in ("http", "https"):
            raise ValueError(f"api_url={self.api_url!r} is no http or https URL")

    @property
    def home(self) -> str:
        parts = urlsplit(self.api_url)
        return HOME if parts.hostname == "api.github.com" else f"{parts.scheme}://{parts.netloc}"


async def run(source: Source[Options]) -> None:
    if not source.secrets.secret:
        raise ConfigurationError("FAAS_SOURCE_SECRET is not set: GitHub signs its deliveries with it")
    deliveries = source.ledger("github", limit=REMEMBERED)
    receiver = _Receiver(source, Replays(deliveries))

    async def keep_hook(connected: Callable[[], None]) -> None:
        if source.options.url and source.secrets.token:
            await source.unless_stopping(_hooks(source).ensure(source.options.events, source.secrets.secret))
        connected()
        await source.stopping.wait()

    try:
        async with listening(address_of(source), receiver.handle, max_body=_PAYLOAD_BYTES):
            source.reports.running()  # deliveries are taken, whatever becomes of the hook
            await source.keep_connected(keep_hook)
    finally:
        deliveries.close()


async def retire(source: Source[Options]) -> None:
    """Remove the hook: the source is deleted."""
    if source.options.url and source.secrets.token:
        await _hooks(source).remove()


def _hooks(source: Source[Options]) -> Hooks:
    return Hooks(source.options.api_url, source.options.repository, source.options.url, source.secrets.token)


class _Receiver:
    def __init__(self, source: Source[Options], replays: Replays) -> None:
        self._source = source
        self._replays = replays

    async def handle(self, request: Request) -> Answer:
        options, headers = self._source.options, request.headers
        if request.method != "POST":
            return Answer(405, "GitHub sends POST", (("allow", "POST"),))
        signature = headers.get("x-hub-signature-256", "")
        if not verify(self._source.secrets.secret, request.body, signature, prefix="sha256="):
            return Answer(401, "X-Hub-Signature-256 is missing or wrong")
        kind, delivery = headers.get("x-github-event", ""), headers.get("x-github-delivery", "")
        if not kind or not delivery:
            return Answer(400, "X-GitHub-Event or X-GitHub-Delivery is missing")
        if kind == "ping":
            return Answer(200, "pong")
        if options.events and kind not in options.events:
            return Answer(200, f"{kind} is not asked for")
        try:
            body = _json_of(request)
            payload = _decode(body)
        except (KeyError, msgspec.MsgspecError) as error:
            return Answer(400, f"the payload is no JSON object: {error}")
        event = make_event(options.repository, kind, delivery, body, payload, home=options.home)
        # Only the body is signed: who has seen a delivery could send it again under any id, and as any kind.
        return await hand_over(self._source, event, self._replays, key=hashlib.sha256(body).hexdigest())


def _json_of(request: Request) -> bytes:
    """Hooks made by hand send a form unless they are told otherwise. Raises: KeyError: it has no payload."""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(request.body.decode("latin-1"), strict_parsing=False)["payload"][0].encode()
    return request.body
