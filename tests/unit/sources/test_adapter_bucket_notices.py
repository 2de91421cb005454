"""What stores say of changes, read into S3's records."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from faas_runtime.events.shapes.bucket import BucketObject, make_event
from hypothesis import given
from hypothesis import strategies as st

from faas.sources.adapters.bucket.notices import read_notice

OSS: dict[str, Any] = {
    "events": [
        {
            "eventName": name,
            "eventSource": "acs:oss",
            "eventTime": "2026-01-02T03:04:05.000Z",
            "eventVersion": "1.0",
            "oss": {
                "bucket": {"arn": "acs:oss:cn-hangzhou:1:uploads", "name": "uploads", "ownerIdentity": "1"},
                "object": {"deltaSize": 4, "eTag": "4A4B", "key": key, "size": 4},
                "ossSchemaVersion": "1.0",
                "ruleId": "images",
            },
            "region": "cn-hangzhou",
            "responseElements": {"requestId": "58F9"},
        }
        for name, key in (
            ("ObjectCreated:PutObject", "img/ä b.jpg"),
            ("ObjectCreated:UploadPart", "img/part"),
            ("ObjectRemoved:DeleteObjects", "img/1.jpg"),
            ("ObjectRemoved:DeleteObjects", "img/2.jpg"),
        )
    ]
}
MINIO: dict[str, Any] = {
    "EventName": "s3:ObjectCreated:Put",
    "Key": "uploads/img/a b.jpg",
    "Records": [
        {
            "eventVersion": "2.0",
            "eventSource": "minio:s3",
            "awsRegion": "",
            "eventTime": "2026-01-02T03:04:05.123Z",
            "eventName": name,
            "responseElements": {"x-amz-id-2": "dd9025bab4ad464b", "x-amz-request-id": "17C2"},
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": {"name": "uploads", "arn": "arn:aws:s3:::uploads"},
                "object": {"key": "img%2Fa+b.jpg", "size": 4, "eTag": "4a4b", "sequencer": "17C2F1"},
            },
        }
        for name in ("s3:ObjectCreated:Put", "s3:ObjectAccessed:Get")
    ],
}


def entry(**more: Any) -> dict[str, Any]:
    etag = base64.b64encode(b"4a4b").decode()
    attributes = {"file_size": 4, "mtime": 1767323045, "md5": "Sks=", **more}
    return {"name": "a b.jpg", "attributes": attributes, "extended": {"Seaweed-X-Amz-ETag": etag}}


def weed(old: Any, new: Any, *, key: str = "img/a b.jpg", parent: str = "img") -> bytes:
    entries = {name: one for name, one in (("old_entry", old), ("new_entry", new)) if one}
    message = {**entries, "new_parent_path": f"/buckets/uploads/{parent}"}
    return json.dumps({"event_type": "any", "key": f"/buckets/uploads/{key}", "message": message}).encode()


def told(body: bytes) -> list[tuple[str, str]]:
    return [(what.change, what.key) for what in map(BucketObject.of_event, map(make_event, read_notice(body)))]


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda body: body, id="as it is"),
        pytest.param(base64.b64encode, id="base64"),
        pytest.param(
            lambda body: json.dumps({"TopicName": "t", "Message": base64.b64encode(body).decode()}).encode(),
            id="JSON of the message service",
        ),
        pytest.param(
            lambda body: (
                b"<?xml version='1.0'?><Notification><Message>%b</Message></Notification>" % base64.b64encode(body)
            ),
            id="XML of the message service",
        ),
    ],
)
def test_oss_says_it_in_several_envelopes(wrap: Any) -> None:
    records = read_notice(wrap(json.dumps(OSS).encode()))

    events = [make_event(record) for record in records]
    assert [event.type for event in events] == [
        "com.amazonaws.s3.ObjectCreated:Put",
        "com.amazonaws.s3.ObjectRemoved:Delete",
        "com.amazonaws.s3.ObjectRemoved:Delete",
    ]
    assert events[0].source == "acs:oss.cn-hangzhou.uploads"
    assert len({event.id for event in events}) == 3
    thing = BucketObject.of_event(events[0])
    assert (thing.key, thing.size, thing.etag, thing.region) == ("img/ä b.jpg", 4, "4A4B", "cn-hangzhou")


def test_minio_speaks_as_s3_does_and_reading_is_no_change() -> None:
    (record,) = read_notice(json.dumps(MINIO).encode())

    event = make_event(record)
    assert (event.type, event.id) == ("com.amazonaws.s3.ObjectCreated:Put", "17C2.dd9025bab4ad464b")
    assert BucketObject.of_event(event).key == "img/a b.jpg"


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        pytest.param(weed(None, entry()), [("created", "img/a b.jpg")], id="made"),
        pytest.param(weed(entry(), None), [("removed", "img/a b.jpg")], id="removed"),
        pytest.param(weed(entry(), entry(mtime=1767323046)), [("created", "img/a b.jpg")], id="overwritten"),
        pytest.param(weed(entry(), entry(file_mode=7)), [], id="only its metadata"),
        pytest.param(
            weed(entry(), entry(), parent="old"), [("removed", "img/a b.jpg"), ("created", "old/a b.jpg")], id="moved"
        ),
        pytest.param(weed(None, {"name": "img", "is_directory": True}, key="img"), [], id="folder"),
        pytest.param(weed(None, entry(), key=".uploads/1/a b.jpg", parent=".uploads/1"), [], id="part of an upload"),
    ],
)
def test_seaweedfs_tells_of_files(body: bytes, changes: list[tuple[str, str]]) -> None:
    assert told(body) == changes


def test_a_seaweedfs_event_says_what_is_known_of_the_object() -> None:
    event = make_event(read_notice(weed(None, entry()))[0])

    thing = BucketObject.of_event(event)
    assert (thing.size, thing.etag) == (4, "4a4b")
    assert event.source == "seaweedfs:s3..uploads"


def test_a_test_event_tells_nothing_and_anything_else_is_refused() -> None:
    assert read_notice(b'{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "uploads"}') == []
    for body in (b"", b"{}", b"[]", b"hello", b'{"Records": 1}', b'{"events": [{}]}', b'{"Message": "hello"}'):
        with pytest.raises(ValueError, match=r"."):
            read_notice(body)


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text(), lambda part: st.dictionaries(
    st.sampled_from(["Records", "events", "Message", "event_type", "key", "message", "eventName"]), part)).map(
        lambda value: json.dumps(value).encode()))  # fmt: skip
def test_whatever_comes_is_read_or_refused(body: bytes) -> None:
    try:
        records = read_notice(body)
    except ValueError:
        return
    assert isinstance(records, list)
