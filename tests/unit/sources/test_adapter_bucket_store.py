"""A store's pages and refusals, from a server that says what it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from faas.sources.adapters.bucket.store import Page, Store
from faas.sources.environment import Secrets
from faas.sources.errors import ConfigurationError, UpstreamError
from faas.sources.listening import Answer, Request, listening
from tests.programs import free_port

KEYS = Secrets(access_key="any", secret_key="thing")
LISTING = """<ListBucketResult><IsTruncated>{more}</IsTruncated><NextContinuationToken>t</NextContinuationToken>
<EncodingType>url</EncodingType><Contents><Key>img/a+b%C3%BC%0A</Key><ETag>&quot;4a4b&quot;</ETag><Size>4</Size>
<LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents></ListBucketResult>"""
SAID = "<Error><Code>{code}</Code><Message>It is so.</Message></Error>"


def ask(handler: Callable[[Request], Answer], use: Callable[[Store], Awaitable[Any]], **options: Any) -> Any:
    async def answer(request: Request) -> Answer:
        return handler(request)

    async def scenario() -> Any:
        port = free_port()
        store = Store("uploads", KEYS, endpoint=f"http://127.0.0.1:{port}", **options)
        async with listening(f"tcp:127.0.0.1:{port}", answer, max_body=1000):
            try:
                return await use(store)
            finally:
                store.close()

    return asyncio.run(scenario())


def test_pages_are_asked_for_one_after_another_and_keys_are_as_the_store_has_them() -> None:
    asked: list[Request] = []

    def handler(request: Request) -> Answer:
        asked.append(request)
        more = "true" if len(asked) == 1 else "false"
        return Answer(200, LISTING.format(more=more), (("date", "Fri, 02 Jan 2026 03:05:00 GMT"),))

    async def use(store: Store) -> list[Page]:
        first = await store.page("img/", "")
        return [first, await store.page("img/", first.after)]

    first, second = ask(handler, use)
    (found,) = first.objects
    assert (found.key, found.etag, found.size) == ("img/a bü\n", "4a4b", 4)
    assert (first.after, second.after) == ("t", "")
    assert first.at == datetime(2026, 1, 2, 3, 5, tzinfo=UTC)
    assert asked[0].path == "/uploads"
    assert "prefix=img%2F" in asked[0].query
    assert "continuation-token=t" in asked[1].query
    assert asked[0].headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=any/")


@pytest.mark.parametrize(
    ("status", "code", "reason", "advice"),
    [
        pytest.param(404, "NoSuchBucket", "NoSuchBucket", "make the bucket", id="no bucket"),
        pytest.param(403, "AccessDenied", "AccessDenied", "s3:ListBucket", id="denied"),
        pytest.param(403, "RequestTimeTooSkewed", "ClockSkewed", "set this machine's clock", id="clock"),
        pytest.param(403, "SignatureDoesNotMatch", "CredentialsRefused", "secret key", id="secret key"),
        pytest.param(400, "ExpiredToken", "CredentialsExpired", "instance's role", id="expired"),
        pytest.param(503, "SlowDown", "Throttled", "a longer interval", id="too fast"),
        pytest.param(403, "SecondLevelDomainForbidden", "PathStyleRefused", "path_style to false", id="OSS"),
        pytest.param(500, "InternalError", "UpstreamRefused", "500 InternalError It is so", id="its own fault"),
    ],
)
def test_refusals_are_told_with_what_helps(status: int, code: str, reason: str, advice: str) -> None:
    asked: list[Request] = []

    def handler(request: Request) -> Answer:
        asked.append(request)
        return Answer(status, SAID.format(code=code))

    with pytest.raises(UpstreamError, match=advice) as caught:
        ask(handler, lambda store: store.page("", ""))
    assert caught.value.reason == reason
    assert len(asked) == 1  # when to try again is ours to say


def test_a_public_bucket_is_listed_without_a_signature() -> None:
    def handler(request: Request) -> Answer:
        return Answer(403 if "authorization" in request.headers else 200, LISTING.format(more="false"))

    page = ask(handler, lambda store: store.page("", ""), anonymous=True)
    assert len(page.objects) == 1


@pytest.mark.parametrize(
    ("endpoint", "path_style", "host"),
    [
        pytest.param("", None, "https://uploads.s3.eu-central-1.amazonaws.com/", id="AWS"),
        pytest.param("http://minio.example:9000", None, "http://minio.example:9000/uploads", id="MinIO"),
        pytest.param("http://minio.example:9000", False, "http://uploads.minio.example:9000/", id="as it is told"),
        pytest.param(
            "https://oss-cn-hangzhou.aliyuncs.com", None, "https://uploads.oss-cn-hangzhou.aliyuncs.com/", id="OSS"
        ),
    ],
)
def test_where_the_buckets_name_stands(endpoint: str, path_style: bool | None, host: str) -> None:
    store = Store("uploads", KEYS, endpoint=endpoint, region="eu-central-1", path_style=path_style)
    url = store._client.generate_presigned_url("list_objects_v2", Params={"Bucket": "uploads"})
    assert url.partition("?")[0] == host
    store.close()


def test_half_a_pair_of_keys_and_an_endpoint_that_is_none_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="go together"):
        Store("uploads", Secrets(access_key="any"))
    with pytest.raises(ConfigurationError, match="endpoint or region"):
        Store("uploads", KEYS, endpoint="http://")
