"""The decorators of sources: each brings the outside's news to a function as events, and acknowledges them upstream
only after they are stored.

Every one takes the function's options and those of `event` (retry, backoff, dead_letter, ordered_by, broker …). Where a
password is needed, `secret=` names a Secret; docs/events.md lists its keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack

from faas_runtime.declaring.recording import declare_source

if TYPE_CHECKING:
    from faas_runtime.options.typed import EventOptions, ResourceOptions, Seconds

F = TypeVar("F", bound=Callable[..., Any])
FileChanges = Literal["created", "modified", "removed"]
ObjectChanges = Literal["add", "update", "delete"]


class SourceDecorators:
    """`@function.schedule(...)`, `@function.mqtt(...)` and the others."""

    def schedule(
        self,
        schedule: str,
        /,
        *,
        timezone: str | None = None,
        data: Any = None,
        content_type: str | None = None,
        reply_type: str | None = None,
        **options: Unpack[EventOptions],
    ) -> Callable[[F], F]:
        """Run when a cron expression is due: `*/5 * * * *`, in UTC or in `timezone`. No parameter is needed.

        `data` is what the event brings along: text, bytes, or what becomes JSON.
        """
        given = {"schedule": schedule, "timezone": timezone, "data": data, "content_type": content_type}
        return declare_source("schedule", given, options, reply_type=reply_type)

    def mqtt(
        self,
        topics: str | Sequence[str],
        /,
        *,
        url: str | None = None,
        qos: Literal[0, 1, 2] = 1,
        share: str | None = None,
        client_id: str | None = None,
        version: Literal[4, 5] = 5,
        secret: str | None = None,
        reply_type: str | None = None,
        **options: Unpack[EventOptions],
    ) -> Callable[[F], F]:
        """Handle MQTT messages; `event.subject` is the topic, the data is the payload (JSON when it is JSON).

        Without `url` it is the engine's own door (`faas up --mqtt`). `share`: several subscribers get a message once.
        """
        given = {
            "topics": topics, "url": url, "qos": qos, "share": share, "client_id": client_id, "version": version,
            "secret": secret,
        }  # fmt: skip
        return declare_source("mqtt", given, options, reply_type=reply_type)

    def bucket(
        self,
        bucket: str,
        /,
        *,
        on: Literal["created", "removed"] | Sequence[Literal["created", "removed"]] = "created",
        prefix: str | None = None,
        suffix: str | Sequence[str] | None = None,
        endpoint: str | None = None,
        region: str | None = None,
        interval: Seconds | None = None,
        notifications: bool = False,
        path_style: bool | None = None,
        secret: str | None = None,
        reply_type: str | None = None,
        **options: Unpack[EventOptions],
    ) -> Callable[[F], F]:
        """Handle objects that are put into, or taken out of, an S3 bucket; ask for a `faas.BucketObject`.

        The bucket is listed every `interval` (30 s), unless `notifications` says that the store tells of changes.
        """
        given = {
            "bucket": bucket, "on": on, "prefix": prefix, "suffix": suffix, "endpoint": endpoint, "region": region,
            "interval": interval, "notifications": notifications or None, "path_style": path_style, "secret": secret,
        }  # fmt: skip
        return declare_source("bucket", given, options, reply_type=reply_type)

    def redis(
        self,
        stream: str,
        /,
        *,
        url: str = "redis://localhost:6379",
        group: str | None = None,
        start: str = "latest",
        batch: int | None = None,
        secret: str | None = None,
        reply_type: str | None = None,
        **options: Unpack[EventOptions],
    ) -> Callable[[F], F]:
        """Handle the entries of a Redis stream; a typed parameter gets an entry's fields as a mapping."""
        given = {"stream": stream, "url": url, "group": group, "start": start, "batch": batch, "secret": secret}
        return declare_source("redis", given, options, reply_type=reply_type)

    def kafka(
        self,
        topics: str | Sequence[str],
        /,
        *,
        bootstrap: str | Sequence[str] | None = None,
        group: str | None = None,
        start: Literal["latest", "earliest"] = "latest",
        ordering: Literal["ordered", "unordered"] = "ordered",
        consumers: int | None = None,
        security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] | None = None,
        secret: str | None = None,
        reply_type: str | None = None,
        **options: Unpack[EventOptions],
    ) -> Callable[[F], F]:
        """Handle the records of Kafka topics; `event.subject` says partition and offset, the extension `key` the key.

        With a `secret` the connection is SASL_SSL unless `security` says otherwise.
        """
        given = {
            "topics": topics, "bootstrap": bootstrap, "group": group, "start": start, "ordering": ordering,
            "consumers": consumers, "security": security, "secret": secret,
        }  # fmt: skip
        return declare_source("kafka", given, options, reply_type=reply_type)

    def rabbitmq(
        self,
        queue: str,
        /,
        *,
        url: str | None = None,
        exchange: str | None = None,
        exchange_type: Literal["direct", "fanout", "topic", "headers"] | None = None,
        routing_key: str | Sequence[str] | None = None,
        prefetch: int | None = None,
        durable: bool | None = None,
        predeclared: bool | None = None,
        secret: str | None = None,
        reply_type: str | None = None,
        **options: Unpack[EventOptions],
    ) -> Callable[[F], F]:
        """Handle the messages of a RabbitMQ queue, which is made, and bound to `exchange`, unless it is there."""
        given = {
            "queue": queue, "url": url, "exchange": exchange, "exchange_type": exchange_type,
            "routing_key": routing_key, "prefetch": prefetch, "durable": durable, "predeclared": predeclared,
            "secret": secret,
        }  # fmt: skip
        return declare_source("rabbitmq", given, options, reply_type=reply_type)

    def github(
        self,
        repository: str,
        /,
        *,
        events: str | Sequence[str] = ("push",),
        api_url: str | None = None,
        secret: str | None = None,
        reply_type: str | None = None,
        **options: Unpack[EventOptions],
    ) -> Callable[[F], F]:
        """Handle a repository's webhooks, signed with the `secretToken` of the Secret `secret`.

        Where that Secret has an `accessToken` too, the webhook is made in the repository, and taken away again.
        """
        given = {"repository": repository, "events": events, "api_url": api_url, "secret": secret}
        return declare_source("github", given, options, reply_type=reply_type)

    def kubernetes(
        self,
        resources: str | Sequence[str],
        /,
        *,
        mode: Literal["resource", "reference"] = "resource",
        on: ObjectChanges | Sequence[ObjectChanges] | None = None,
        selector: Mapping[str, str] | str | None = None,
        namespaces: str | Sequence[str] | None = None,
        service_account: str | None = None,
        reply_type: str | None = None,
        **options: Unpack[ResourceOptions],
    ) -> Callable[[F], F]:
        """Handle changes of Kubernetes objects: `v1/Pod`, `apps/v1/Deployment`, `serving.knative.dev/v1/Service`."""
        given = {
            "resources": resources, "mode": mode, "on": on, "selector": selector, "namespaces": namespaces,
            "service_account": service_account,
        }  # fmt: skip
        return declare_source("kubernetes", given, options, reply_type=reply_type)

    def webhook(
        self,
        path: str,
        /,
        *,
        methods: str | Sequence[str] = "POST",
        type: str | None = None,
        source: str | None = None,
        secret: str | None = None,
        signature: str | None = None,
        signature_prefix: str | None = None,
        algorithm: Literal["sha256", "sha1", "sha512"] | None = None,
        signed: str | None = None,
        id_header: str | None = None,
        timestamp_header: str | None = None,
        reply_type: str | None = None,
        **options: Unpack[EventOptions],
    ) -> Callable[[F], F]:
        """Handle requests of somebody's webhook as events: answered when they are stored, handled with retries.

        `secret` names the Secret with the key (`secret`) of the HMAC signature in the header `signature`.
        """
        given = {
            "path": path, "methods": methods, "type": type, "source": source, "secret": secret, "signature": signature,
            "signature_prefix": signature_prefix, "algorithm": algorithm, "signed": signed, "id_header": id_header,
            "timestamp_header": timestamp_header,
        }  # fmt: skip
        return declare_source("webhook", given, options, reply_type=reply_type)

    def files(
        self,
        folder: str,
        /,
        *,
        patterns: str | Sequence[str] = "*",
        on: FileChanges | Sequence[FileChanges] = "created",
        recursive: bool = True,
        settle: Seconds = 1,
        reply_type: str | None = None,
        **options: Unpack[EventOptions],
    ) -> Callable[[F], F]:
        """Handle files that appear in a folder of the machine; ask for a `faas.FileChange`.

        A file is told when it has not changed for `settle` seconds, so that it is whole.
        """
        given = {"path": folder, "patterns": patterns, "on": on, "recursive": recursive, "settle": settle}
        return declare_source("files", given, options, reply_type=reply_type)
