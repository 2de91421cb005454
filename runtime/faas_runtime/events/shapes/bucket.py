"""A change in a bucket as an event, and as the object that a handler asks for.

Source: CloudEvents' adapter for AWS S3. Stores that speak S3's notification format (MinIO, SeaweedFS, Ceph) are the
same; what a listing finds is written in that format too, so a handler need not know how its bucket is watched.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from faas_runtime.errors import EventError
from faas_runtime.events.event import JSON, Event, format_time, parse_time
from faas_runtime.events.shapes.making import event_of, stable_id

PREFIX = "com.amazonaws.s3."
CREATED, REMOVED = "ObjectCreated:Put", "ObjectRemoved:Delete"
AWS = "aws:s3"


class BucketObject(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to which object: ask for it by annotation, `def on_upload(image: BucketObject)`.

    `key` is as the store has it: S3's notifications escape it, this does not.
    """

    bucket: str
    key: str
    change: str  # created or removed
    size: int | None = None  # bytes; removed objects have none
    etag: str = ""
    version: str = ""
    region: str = ""
    time: datetime | None = None

    @property
    def name(self) -> str:
        """The last part of the key: `cat.jpg` of `img/2026/cat.jpg`."""
        return self.key.rpartition("/")[2]

    @classmethod
    def of_event(cls, event: Event[Any]) -> BucketObject:
        """Raises: EventError: the event's data is no S3 record."""
        try:
            record = msgspec.convert(event.data, _Record)
        except msgspec.ValidationError as error:
            raise EventError(f"the event {event.type!r} holds no S3 record: {error}") from None
        name = record.eventName.removeprefix("s3:")
        return cls(
            bucket=record.s3.bucket.name, key=unquote_plus(record.s3.object.key),
            change="removed" if name.startswith("ObjectRemoved") else "created", size=record.s3.object.size,
            etag=record.s3.object.eTag or "", version=record.s3.object.versionId or "", region=record.awsRegion or "",
            time=parse_time(record.eventTime) if record.eventTime else event.time,
        )  # fmt: skip


def make_event(record: Mapping[str, Any], *, service: str = "") -> Event[Any]:
    """The event of one entry of a notification's `Records`.

    Args:
        service: what stands for `aws:s3` in the source when the store does not say (`minio:s3` does).
    Raises: EventError: this is no S3 record.
    """
    try:
        known = msgspec.convert(record, _Record)
    except msgspec.ValidationError as error:
        raise EventError(f"this is no record of an S3 notification: {error}") from None
    answer = known.responseElements
    request, host = answer.get("x-amz-request-id", ""), answer.get("x-amz-id-2", "")
    name, thing = known.eventName.removeprefix("s3:"), known.s3.object
    when = thing.sequencer or known.eventTime
    cause = (known.s3.bucket.name, thing.key, name, thing.versionId, thing.eTag, when)
    is_alone = not name.startswith("ObjectRemoved")  # a request can remove a thousand objects
    source = f"{known.eventSource or service or AWS}.{known.awsRegion or ''}.{known.s3.bucket.name}"
    return event_of(
        PREFIX + name, source, f"{request}.{host}" if request and host and is_alone else stable_id(*cause),
        msgspec.json.encode(record), JSON, subject=unquote_plus(thing.key), time=known.eventTime,
    )  # fmt: skip


def make_record(
    bucket: str,
    key: str,
    *,
    time: datetime,
    removed: bool = False,
    size: int | None = None,
    etag: str = "",
    version: str = "",
    region: str = "",
    service: str = AWS,
) -> dict[str, Any]:
    """What S3 would have said of this change, for stores that are listed. `key` as the store has it, not escaped."""
    from urllib.parse import quote_plus

    described: dict[str, Any] = {"key": quote_plus(key, safe="/"), "size": size, "eTag": etag, "versionId": version}
    return {
        "eventVersion": "2.1",
        "eventSource": service,
        "awsRegion": region,
        "eventTime": format_time(time),
        "eventName": REMOVED if removed else CREATED,
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": bucket},
            "object": {name: value for name, value in described.items() if value not in ("", None)},
        },
    }


class _Object(msgspec.Struct):
    key: str
    size: int | None = None
    eTag: str | None = None
    versionId: str | None = None
    sequencer: str | None = None


class _Bucket(msgspec.Struct):
    name: str


class _S3(msgspec.Struct):
    bucket: _Bucket
    object: _Object


class _Record(msgspec.Struct):
    eventName: str
    s3: _S3
    eventSource: str | None = None
    awsRegion: str | None = None
    eventTime: str | None = None
    responseElements: dict[str, Any] = {}
