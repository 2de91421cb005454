"""A bucket as it is listed: one page at a time, and what can be wrong with it in words that help."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError, ProfileNotFound
from botocore.session import Session

from faas.sources.environment import Secrets
from faas.sources.errors import ConfigurationError, UpstreamError

_CONNECT_S, _READ_S = 5, 20  # a page of a thousand keys takes a store well below a second
# Stores that refuse a bucket's name in the path; any other that is not AWS is taken to need it there.
_HOST_STYLE = (".amazonaws.com", ".amazonaws.com.cn", ".aliyuncs.com", ".myqcloud.com")
_UNTRIED = ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError")
_ADVICE = {
    "NoSuchBucket": ("NoSuchBucket", "make the bucket, or correct its name, endpoint or region"),
    "AccessDenied": ("AccessDenied", "allow these credentials s3:ListBucket on the bucket"),
    "403": ("AccessDenied", "allow these credentials s3:ListBucket on the bucket"),
    "InvalidAccessKeyId": ("CredentialsRefused", "the access key is not known there"),
    "SignatureDoesNotMatch": ("CredentialsRefused", "the secret key is not that of the access key"),
    "ExpiredToken": ("CredentialsExpired", "give new credentials, or none to take the instance's role"),
    "RequestTimeTooSkewed": ("ClockSkewed", "set this machine's clock, or the store's"),
    "PermanentRedirect": ("WrongRegion", "set region, or endpoint, to the bucket's own"),
    "AuthorizationHeaderMalformed": ("WrongRegion", "set region to the bucket's own"),
    "SlowDown": ("Throttled", "a longer interval asks for less"),
    "SecondLevelDomainForbidden": ("PathStyleRefused", "set path_style to false"),
}


class Listed(msgspec.Struct, frozen=True):
    key: str
    etag: str
    modified: datetime
    size: int

    @property
    def mark(self) -> str:
        """By what a change is known: content that was written again counts, though its ETag is the same."""
        return f"{self.etag} {self.modified.isoformat()}"


class Page(msgspec.Struct, frozen=True):
    objects: list[Listed]
    after: str  # the token of the next page, "" at the end
    at: datetime  # by the store's clock


class Store:
    def __init__(
        self,
        bucket: str,
        secrets: Secrets,
        *,
        endpoint: str = "",
        region: str = "",
        path_style: bool | None = None,
        anonymous: bool = False,
    ) -> None:
        """Raises: ConfigurationError."""
        if bool(secrets.access_key) != bool(secrets.secret_key):
            raise ConfigurationError("FAAS_SOURCE_ACCESS_KEY and FAAS_SOURCE_SECRET_KEY go together: one is missing")
        self.bucket = bucket
        self._place = f"{bucket!r} at {endpoint or 'AWS'}"
        config = Config(
            signature_version=UNSIGNED if anonymous else "s3v4",
            s3={"addressing_style": _addressing_style(endpoint, path_style)},
            connect_timeout=_CONNECT_S, read_timeout=_READ_S, max_pool_connections=1,
            retries={"total_max_attempts": 1},  # the adapter comes back itself, and says so meanwhile
        )  # fmt: skip
        try:
            session = Session()
            self.region = region or session.get_config_variable("region") or "us-east-1"
            self._client: Any = session.create_client(
                "s3", region_name=self.region, endpoint_url=endpoint or None, config=config,
                aws_access_key_id=secrets.access_key or None, aws_secret_access_key=secrets.secret_key or None,
                aws_session_token=secrets.token or None,
            )  # fmt: skip
        except ProfileNotFound as error:
            raise ConfigurationError(f"AWS_PROFILE: {error}") from None
        except (BotoCoreError, ValueError) as error:
            raise ConfigurationError(f"FAAS_SOURCE: endpoint or region: {error}") from None

    async def page(self, prefix: str, after: str) -> Page:
        """The objects after a token, at most a thousand. Raises: ConfigurationError, UpstreamError."""
        more = {"ContinuationToken": after} if after else {}
        answer = await self._ask(lambda: self._client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, **more))
        objects = [
            Listed(one["Key"], one.get("ETag", "").strip('"'), one["LastModified"], one.get("Size", 0))
            for one in answer.get("Contents", ())
        ]
        following = answer.get("NextContinuationToken", "") if answer.get("IsTruncated") else ""
        return Page(objects, following, _date_of(answer["ResponseMetadata"].get("HTTPHeaders", {})))

    def close(self) -> None:
        self._client.close()

    async def _ask(self, call: Callable[[], Any]) -> Any:
        try:
            return await asyncio.to_thread(call)
        except ParamValidationError as error:
            raise ConfigurationError(f"FAAS_SOURCE: bucket={self.bucket!r}: {error}") from None
        except ClientError as error:
            raise self._explained(error) from error
        except (BotoCoreError, OSError) as error:
            is_ours = type(error).__name__ in _UNTRIED
            advice = "; name a Secret with accessKey and secretKey" if is_ours else ""
            reason = "NoCredentials" if is_ours else "UpstreamUnavailable"
            raise UpstreamError(reason, f"bucket {self._place}: {error}{advice}") from error

    def _explained(self, error: ClientError) -> UpstreamError:
        said = error.response.get("Error", {})
        code, message = str(said.get("Code", "")), str(said.get("Message", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        reason, advice = _ADVICE.get(code, ("UpstreamRefused", ""))
        if code == "RequestTimeTooSkewed":
            advice = f"{advice}: it is {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} here"
        text = f"bucket {self._place}: {status} {code} {message}".rstrip(" .")
        return UpstreamError(reason, f"{text}; {advice}" if advice else text)


def _addressing_style(endpoint: str, path_style: bool | None) -> str:
    if path_style is None:
        host = f".{urlsplit(endpoint).hostname or ''}"
        path_style = bool(endpoint) and not host.endswith(_HOST_STYLE)
    return "path" if path_style else "virtual"


def _date_of(headers: dict[str, str]) -> datetime:
    try:
        return parsedate_to_datetime(headers.get("date", "")).astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)
