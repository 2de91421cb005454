"""Buckets: objects that were put into an S3 store, or taken out of it, each told once.

Either the bucket is listed again and again (`listing`), or its store sends notifications (`receiver`).
Handlers cannot tell: both make the events that S3 itself would have sent.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

import msgspec

from faas.sources.adapters.bucket.listing import Listing
from faas.sources.adapters.bucket.memory import Memory
from faas.sources.adapters.bucket.receiver import NOTICE_BYTES, Receiver
from faas.sources.adapters.bucket.store import Store
from faas.sources.adapters.bucket.wanted import Change, Wanted
from faas.sources.errors import ConfigurationError
from faas.sources.listening import listening
from faas.sources.receiving import address_of
from faas.sources.source import Source


class Options(msgspec.Struct, frozen=True):
    bucket: str
    endpoint: str = ""  # of a store that is not AWS
    region: str = ""  # the environment's, else us-east-1
    prefix: str = ""
    suffix: tuple[str, ...] = ()  # one of these; any by default
    on: tuple[Change, ...] = ("created",)
    interval_s: float = 30.0  # from the end of a listing to the next
    start: Literal["latest", "earliest"] = "latest"  # whether objects that are there already are news
    notifications: bool = False  # the store sends them here; nothing is listed
    path_style: bool | None = None  # by the endpoint
    anonymous: bool = False  # a public bucket; else the keys, else what the environment has, as AWS's tools find it

    def __post_init__(self) -> None:
        if not self.bucket:
            raise ValueError("bucket is empty")
        if self.endpoint and urlsplit(self.endpoint).scheme not in ("http", "https"):
            raise ValueError(f"endpoint={self.endpoint!r} is no http or https URL")
        if not self.interval_s > 0:
            raise ValueError(f"interval_s={self.interval_s} is not above 0")

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.bucket, self.prefix, self.suffix, self.on)


async def run(source: Source[Options]) -> None:
    if source.options.notifications:
        await _receive(source)
    else:
        await _list(source)


async def _list(source: Source[Options]) -> None:
    options = source.options
    store = Store(
        options.bucket, source.secrets, endpoint=options.endpoint, region=options.region,
        path_style=options.path_style, anonymous=options.anonymous,
    )  # fmt: skip
    memory = Memory(source.environment.state)
    try:
        place = f"{options.endpoint} {options.bucket}"
        listing = Listing(
            source, store, memory, options.wanted, place, everything=options.start == "earliest",
            interval_s=options.interval_s,
        )  # fmt: skip
        await source.keep_connected(listing.session)
    finally:
        memory.close()
        store.close()


async def _receive(source: Source[Options]) -> None:
    if not source.secrets.token:
        raise ConfigurationError("FAAS_SOURCE_TOKEN is not set: by it the store's notifications are known from others")
    receiver = Receiver(source, source.options.wanted)
    async with listening(address_of(source), receiver.handle, max_body=NOTICE_BYTES):
        source.reports.running()
        await source.stopping.wait()
