"""What stores say of changes, each in its own words, as the records that S3 would have sent. Pure.

- S3, MinIO, Ceph: `{"Records": [...]}`, several at once; a test event has none.
- Alibaba Cloud OSS: `{"events": [...]}`, in the envelope and the base64 of its message service when that pushes it.
- SeaweedFS: `{"event_type", "key", "message"}`, the change of an entry of its file system.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from faas_runtime.events.shapes.bucket import make_record
from faas_runtime.events.shapes.making import stable_id

Record = dict[str, Any]
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_XML_MESSAGE = re.compile(rb"<Message>\s*([A-Za-z0-9+/=\s]+?)\s*</Message>")  # base64, so nothing in it is XML
_CHANGES = ("ObjectCreated:", "ObjectRemoved:")
_ENVELOPES = 3  # message service, base64, JSON: more than that is not ours
# OSS's names where S3 has another; what is not whole yet, or only read, is no change.
_OSS_NAMES = {
    "ObjectCreated:PutObject": "ObjectCreated:Put",
    "ObjectCreated:PostObject": "ObjectCreated:Post",
    "ObjectCreated:CopyObject": "ObjectCreated:Copy",
    "ObjectCreated:CompleteMultipartUpload": "ObjectCreated:CompleteMultipartUpload",
    "ObjectCreated:AppendObject": "ObjectCreated:AppendObject",
    "ObjectRemoved:DeleteObject": "ObjectRemoved:Delete",
    "ObjectRemoved:DeleteObjects": "ObjectRemoved:Delete",
    "ObjectReplication:ObjectCreated": "ObjectCreated:Replication",
    "ObjectReplication:ObjectModified": "ObjectCreated:Replication",
    "ObjectReplication:ObjectRemoved": "ObjectRemoved:Replication",
}


def read_notice(body: bytes) -> list[Record]:
    """The changes that a notification tells, maybe none. Raises: ValueError: it is nothing that we know."""
    try:
        return list(_records(_opened(body, _ENVELOPES)))
    except (KeyError, TypeError, AttributeError, msgspec.MsgspecError) as error:
        raise ValueError(f"it lacks, or has otherwise, {error}") from None


def _opened(body: bytes, envelopes: int) -> dict[str, Any]:
    text = body.strip()
    if text.startswith(b"{"):
        notice = _decode(text)
        message = notice.get("Message")
        if isinstance(message, str) and envelopes:
            return _opened(message.encode(), envelopes - 1)
        return notice
    if found := _XML_MESSAGE.search(text):
        text = found[1]
    if not envelopes:
        raise ValueError("it is wrapped too often")
    try:
        return _opened(base64.b64decode(text, validate=True), envelopes - 1)
    except binascii.Error:
        raise ValueError("it is neither JSON nor base64") from None


def _records(notice: Mapping[str, Any]) -> Iterator[Record]:
    if "Records" in notice:
        for record in notice["Records"]:
            if record["eventName"].removeprefix("s3:").startswith(_CHANGES):
                yield record
    elif "events" in notice:
        for event in notice["events"]:
            if name := _OSS_NAMES.get(event["eventName"]):
                yield _of_oss(event, name)
    elif {"event_type", "key", "message"} <= notice.keys():
        yield from _of_seaweedfs(notice["key"], notice["message"])
    elif not str(notice.get("Event", "")).endswith(":TestEvent"):
        raise ValueError("it has neither Records nor events")


def _of_oss(event: Mapping[str, Any], name: str) -> Record:
    bucket, thing = event["oss"]["bucket"], event["oss"]["object"]
    removed = name.startswith("ObjectRemoved:")
    record = make_record(
        bucket["name"], thing["key"], time=datetime.fromisoformat(event["eventTime"]), removed=removed,
        size=None if removed else thing.get("size"), etag=thing.get("eTag") or "", region=event.get("region") or "",
        service="acs:oss",
    )  # fmt: skip
    record["eventName"] = name
    if request := event.get("responseElements", {}).get("requestId"):
        record["s3"]["object"]["sequencer"] = stable_id(request)[:16]
    return record


def _of_seaweedfs(path: str, message: Mapping[str, Any]) -> Iterator[Record]:
    """An entry was made (only new), removed (only old), overwritten, or moved (both)."""
    old, new = (_entry(message.get(which)) for which in ("old_entry", "new_entry"))
    new_path = f"{message.get('new_parent_path', '')}/{new['name']}" if new else ""
    if old and new_path != path:
        yield from _of_entry(path, old, removed=True)
    if new and (new_path != path or not old or _mark(new) != _mark(old)):  # else only its metadata has changed
        yield from _of_entry(new_path, new, removed=False)


def _entry(entry: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return None if entry is None or entry.get("is_directory") else entry


def _of_entry(path: str, entry: Mapping[str, Any], *, removed: bool) -> Iterator[Record]:
    root, _, rest = path.removeprefix("/").partition("/")
    bucket, _, key = rest.partition("/")
    if root != "buckets" or not key or key.startswith(".uploads/"):  # parts of an upload that is not whole yet
        return
    attributes = entry.get("attributes", {})
    modified = datetime.fromtimestamp(attributes.get("mtime", 0), UTC)
    etag = _text(entry.get("extended", {}).get("Seaweed-X-Amz-ETag", "")) or _hex(attributes.get("md5", ""))
    record = make_record(
        bucket, key, time=datetime.now(UTC) if removed else modified, removed=removed,
        size=None if removed else attributes.get("file_size", 0), etag=etag, service="seaweedfs:s3",
    )  # fmt: skip
    record["s3"]["object"]["sequencer"] = stable_id(*_mark(entry))[:16]
    yield record


def _mark(entry: Mapping[str, Any]) -> tuple[object, ...]:
    """By which one content is known from another."""
    attributes = entry.get("attributes", {})
    chunks = [chunk.get("modified_ts_ns") for chunk in entry.get("chunks") or ()]
    return attributes.get("mtime"), attributes.get("mtime_ns"), attributes.get("md5"), *chunks


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode("ascii", "replace")


def _hex(encoded: str) -> str:
    return base64.b64decode(encoded).hex()
