"""Takes the notifications that a store sends, and answers when the sink has what they tell.

The store shows a token: as `Authorization: Bearer TOKEN`, or as `?token=TOKEN` in the URL where it can set no header.
"""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import parse_qs

from faas_runtime.errors import EventError
from faas_runtime.events.event import Event
from faas_runtime.events.shapes.bucket import BucketObject, make_event

from faas.sources.adapters.bucket.notices import read_notice
from faas.sources.adapters.bucket.wanted import Wanted
from faas.sources.listening import Answer, Request
from faas.sources.receiving import hand_over_all
from faas.sources.source import Source

NOTICE_BYTES = 2**20  # a thousand records


class Receiver:
    def __init__(self, source: Source[Any], wanted: Wanted) -> None:
        self._source, self._wanted = source, wanted

    async def handle(self, request: Request) -> Answer:
        if request.method != "POST":
            return Answer(405, "notifications are sent by POST", (("allow", "POST"),))
        if not self._is_let_in(request):
            return Answer(401, "the token is missing or wrong")
        try:
            events = [make_event(record) for record in read_notice(request.body)]
        except (ValueError, EventError) as error:
            return Answer(400, f"this is no notification of a bucket: {error}")
        wanted = [event for event in events if self._wants(event)]
        return await hand_over_all(self._source, wanted) if wanted else Answer(200, "nothing that is asked for")

    def _is_let_in(self, request: Request) -> bool:
        header = request.headers.get("authorization", "")
        in_url = parse_qs(request.query).get("token", [""])[0]
        given = header.removeprefix("Bearer ").strip() or in_url
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._source.secrets.token.encode())

    def _wants(self, event: Event[Any]) -> bool:
        what = BucketObject.of_event(event)
        wanted = self._wanted
        return what.bucket == wanted.bucket and what.change in wanted.on and wanted.has_key(what.key)
