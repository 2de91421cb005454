"""Pure parts of the wire: media types, protobuf, paths, pages, ages, columns."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.client.errors import ApiError, BadRequest
from faas.engine.api.wire import pages
from faas.engine.api.wire.ages import human_duration
from faas.engine.api.wire.columns import columns_of
from faas.engine.api.wire.media import Wanted, negotiate, parse_body
from faas.engine.api.wire.paths import Target, parse_path
from faas.engine.api.wire.protobuf import ProtobufError
from faas.engine.api.wire.protobuf_kinds import decode_object
from faas.engine.contract.storage import Key, Record
from faas.resources.kinds import POD


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        pytest.param("", Wanted(), id="nothing said"),
        pytest.param("application/json, */*", Wanted(), id="kn"),
        pytest.param(
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
            Wanted("Table", "v1", "meta.k8s.io"),
            id="kubectl get",
        ),
        pytest.param("application/vnd.kubernetes.protobuf,application/json", Wanted(), id="describe"),
    ],
)
def test_the_first_form_that_can_be_had_is_answered(accept: str, wanted: Wanted) -> None:
    assert negotiate(accept) == wanted


def test_a_client_that_takes_only_protobuf_is_told_so() -> None:
    with pytest.raises(ApiError) as caught:
        negotiate("application/vnd.kubernetes.protobuf")
    assert caught.value.code == 406


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def chunk(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def envelope(version: str, kind: str, raw: bytes) -> bytes:
    meta = chunk(1, version.encode()) + chunk(2, kind.encode())
    return b"k8s\0" + chunk(1, meta) + chunk(2, raw) + chunk(3, b"") + chunk(4, b"")


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3))
def test_a_config_map_as_protobuf_reads_as_its_json(data: dict[str, str]) -> None:
    meta = chunk(1, b"name") + chunk(3, b"default") + chunk(8, b"")
    entries = b"".join(chunk(2, chunk(1, key.encode()) + chunk(2, value.encode())) for key, value in data.items())
    assert decode_object(envelope("v1", "ConfigMap", chunk(1, meta) + entries)) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "name", "namespace": "default"},
        **({"data": data} if data else {}),
    }


def test_a_secret_as_protobuf_has_its_data_in_base64() -> None:
    raw = chunk(2, chunk(1, b"k") + chunk(2, b"\xff\x00")) + chunk(3, b"Opaque")
    decoded = decode_object(envelope("v1", "Secret", raw))
    assert decoded["data"] == {"k": "/wA="}


@given(st.binary(max_size=40))
def test_damaged_protobuf_is_refused_and_nothing_worse(data: bytes) -> None:
    with suppress(ProtobufError):
        decode_object(b"k8s\0" + data)


def test_other_kinds_are_not_taken_as_protobuf() -> None:
    with pytest.raises(BadRequest, match="send it as JSON"):
        parse_body("application/vnd.kubernetes.protobuf", envelope("apps/v1", "Deployment", b""))


def test_yaml_keeps_what_looks_like_a_date_as_text() -> None:
    assert parse_body("application/yaml", b"a: 2026-01-01\n")[0] == {"a": "2026-01-01"}


def test_doubled_members_are_named() -> None:
    assert parse_body("application/json", b'{"spec": {"a": 1, "a": 2}}', duplicates=True) == (
        {"spec": {"a": 2}},
        ("spec.a",),
    )


def test_an_unknown_media_type_is_refused() -> None:
    with pytest.raises(ApiError) as caught:
        parse_body("text/html", b"<p>")
    assert caught.value.code == 415


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/namespaces", Target("", "v1", "namespaces")),
        ("/api/v1/namespaces/a", Target("", "v1", "namespaces", name="a")),
        ("/api/v1/namespaces/a/status", Target("", "v1", "namespaces", name="a", subresource="status")),
        ("/api/v1/namespaces/a/pods", Target("", "v1", "pods", "a")),
        ("/api/v1/namespaces/a/pods/p/log", Target("", "v1", "pods", "a", "p", "log")),
        (
            "/apis/serving.knative.dev/v1/namespaces/a/services/s",
            Target("serving.knative.dev", "v1", "services", "a", "s"),
        ),
        ("/apis/serving.knative.dev/v1/services", Target("serving.knative.dev", "v1", "services")),
        ("/apis/serving.knative.dev/v1", None),
        ("/api", None),
        ("/version", None),
    ],
)
def test_paths_name_resources(path: str, target: Target | None) -> None:
    assert parse_path(path) == target


@given(st.integers(1, 7), st.integers(0, 20))
def test_pages_together_are_the_list(limit: int, count: int) -> None:
    records = [Record(Key("cm", "n", f"{number:03}"), number, {}, b"") for number in range(count)]
    seen: list[Any] = []
    after = None
    while True:
        page = pages.cut(records, 9, limit, after)
        seen += page.records
        assert len(page.records) <= limit
        assert len(seen) + page.remaining == count
        if not page.token:
            break
        version, after = pages.parse_token(page.token)
        assert version == 9
    assert seen == records


def test_a_made_up_continue_token_is_refused() -> None:
    with pytest.raises(BadRequest, match="continue key is not valid"):
        pages.parse_token("nonsense")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (150, "2m30s"), (599, "9m59s"), (3600, "60m"), (10800, "3h"),
     (12000, "3h20m"), (86400, "24h"), (200_000, "2d7h"), (864_000, "10d"), (86400 * 800, "2y70d")],
)  # fmt: skip
def test_ages_read_as_kubectl_writes_them(seconds: int, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    ("pod", "cells"),
    [
        pytest.param({"status": {"phase": "Pending"}}, ["0/1", "Pending", "0"], id="pending"),
        pytest.param(
            {"status": {"phase": "Running", "containerStatuses": [{"ready": True, "restartCount": 2}]}},
            ["1/1", "Running", "2"],
            id="running",
        ),
        pytest.param(
            {"status": {"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}},
            ["0/1", "CrashLoopBackOff", "0"],
            id="crash loop",
        ),
    ],
)
def test_a_pods_row(pod: dict[str, Any], cells: list[str]) -> None:
    obj = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}, **pod}
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert [column.cell(obj, now) for column in columns_of(POD)][1:4] == cells
