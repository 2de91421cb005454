"""What the outside world does to a function, in a test: the events are those that the real sources make."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from faas_runtime.declaring.triggers import SOURCE_EXTENSION
from faas_runtime.events.event import Event
from faas_runtime.events.shapes import (
    bucket,
    files,
    github,
    kafka,
    kubernetes,
    mqtt,
    rabbitmq,
    redis,
    schedule,
    webhook,
)
from faas_runtime.jsonic import to_json
from faas_runtime.options.sources.buses import topic_matches
from faas_runtime.testing.subscriptions import Subscription, only_one

if TYPE_CHECKING:
    from faas_runtime.testing.clock import VirtualClock
    from faas_runtime.testing.exchange import Response

Function = Callable[..., Any] | str | None
_NAMESPACE = "default"


class SourceClient(ABC):
    """`client.mqtt("sensors/1/temperature", {"celsius": 21.5})` and its like, one method a source.

    Each delivers once and returns the answer, as `send` does. Raises: LookupError: no decorator of that source listens
    to this, or several do and `function` does not say which.
    """

    clock: VirtualClock
    _subscriptions: list[Subscription]
    _count = 0

    def schedule(self, *, function: Function = None, due: datetime | None = None) -> Response:
        """The schedule is due, now or at `due`."""
        found = self._source("schedule", "a schedule", function, lambda options: True)
        options = found.options
        encoded = options.get("data_base64")
        data = base64.b64decode(encoded) if encoded else str(options.get("data", "")).encode()
        event = schedule.make_event(
            _NAMESPACE, found.name, due=due or self.clock.now(), data=data, content_type=options.get("content_type")
        )
        return self._from(found, event)

    def mqtt(
        self, topic: str, payload: Any = b"", *, function: Function = None, retained: bool = False,
        content_type: str | None = None,
    ) -> Response:  # fmt: skip
        """A message is published; what is no bytes and no text becomes JSON."""
        found = self._source(
            "mqtt", f"the MQTT topic {topic!r}", function,
            lambda options: any(topic_matches(each, topic) for each in options["topics"]),
        )  # fmt: skip
        event = mqtt.make_event(
            found.options.get("url", "mqtt://localhost"), topic, _bytes(payload), id=self._id("mqtt"),
            time=self.clock.now(), qos=found.options["qos"], retained=retained, content_type=content_type,
        )  # fmt: skip
        return self._from(found, event)

    def bucket(
        self, key: str, *, function: Function = None, removed: bool = False, size: int = 0, etag: str = "etag"
    ) -> Response:
        """An object is put into the bucket, or taken out of it."""
        change = "removed" if removed else "created"

        def listens(options: Mapping[str, Any]) -> bool:
            ends = not options.get("suffix") or key.endswith(tuple(options["suffix"]))
            return change in options["on"] and key.startswith(options.get("prefix", "")) and ends

        found = self._source("bucket", f"the key {key!r} being {change}", function, listens)
        record = bucket.make_record(
            found.options["bucket"], key, time=self.clock.now(), removed=removed, size=None if removed else size,
            etag="" if removed else etag, region=found.options.get("region", ""),
        )  # fmt: skip
        return self._from(found, bucket.make_event(record))

    def redis(self, fields: Mapping[str, Any], *, function: Function = None, stream: str | None = None) -> Response:
        """An entry is added to the stream."""
        found = self._source(
            "redis", f"the Redis stream {stream!r}", function, lambda o: stream in (None, o["stream"])
        )  # fmt: skip
        address = found.options["url"].partition("://")[2]
        pairs = [str(text) for pair in fields.items() for text in pair]
        self._count += 1
        id = f"{int(self.clock.now().timestamp() * 1000)}-{self._count}"
        return self._from(found, redis.make_event(address, found.options["stream"], id, pairs))

    def kafka(
        self, value: Any, *, function: Function = None, topic: str | None = None, key: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Response:  # fmt: skip
        """A record is written; None is a tombstone."""
        found = self._source(
            "kafka", f"the Kafka topic {topic!r}", function, lambda o: topic is None or topic in o["topics"]
        )  # fmt: skip
        self._count += 1
        event = kafka.make_event(
            _NAMESPACE, found.name, topic or found.options["topics"][0], 0, self._count,
            None if value is None else _bytes(value), key=key, headers=headers, time=self.clock.now(),
        )  # fmt: skip
        return self._from(found, event)

    def rabbitmq(
        self, body: Any, *, function: Function = None, queue: str | None = None, routing_key: str = "",
        content_type: str | None = None,
    ) -> Response:  # fmt: skip
        """A message arrives in the queue."""
        found = self._source("rabbitmq", f"the queue {queue!r}", function, lambda o: queue in (None, o["queue"]))
        event = rabbitmq.make_event(
            _NAMESPACE, found.name, found.options["queue"], _bytes(body), id=self._id("rabbitmq"),
            routing_key=routing_key, content_type=content_type, time=self.clock.now(),
        )  # fmt: skip
        return self._from(found, event)

    def github(self, event: str, payload: Mapping[str, Any], *, function: Function = None) -> Response:
        """GitHub sends a webhook: `client.github("push", {...})`."""
        found = self._source("github", f"GitHub's event {event!r}", function, lambda o: event in o["events"])
        made = github.make_event(found.options["repository"], event, self._id("github"), to_json(payload), payload)
        return self._from(found, made)

    def kubernetes(
        self, obj: Mapping[str, Any], change: kubernetes.Change = "update", *, function: Function = None
    ) -> Response:
        """An object is added, updated or deleted."""
        which = {"apiVersion": obj["apiVersion"], "kind": obj["kind"]}
        found = self._source(
            "kubernetes", f"a {obj['kind']}'s {change}", function,
            lambda o: which in o["resources"] and change in o.get("on", (change,)),
        )  # fmt: skip
        event = kubernetes.make_event(
            "https://127.0.0.1:6443", change, obj, plural=f"{obj['kind'].lower()}s",
            mode="Reference" if found.options["mode"] == "reference" else "Resource",
        )  # fmt: skip
        return self._from(found, event)

    def webhook(
        self, body: Any = b"", *, function: Function = None, path: str | None = None, content_type: str | None = None
    ) -> Response:
        """A request comes in whose signature is right."""
        found = self._source("webhook", f"the path {path!r}", function, lambda o: path in (None, o["path"]))
        options = found.options
        event = webhook.make_event(
            _NAMESPACE, found.name, _bytes(body), id=self._id("webhook"), time=self.clock.now(),
            content_type=content_type, type=options.get("type", webhook.TYPE), source=options.get("source", ""),
        )  # fmt: skip
        return self._from(found, event)

    def files(
        self, name: str, change: files.Change = "created", *, function: Function = None, size: int = 0
    ) -> Response:
        """A file appears in the folder, changes, or goes. It need not be there: nobody looks at the disk."""

        def listens(options: Mapping[str, Any]) -> bool:
            fits = any(fnmatch(name.rpartition("/")[2], pattern) for pattern in options["patterns"])
            return change in options["on"] and fits and (options["recursive"] or "/" not in name)

        found = self._source("files", f"the file {name!r} being {change}", function, listens)
        now = self.clock.now()
        modified_ns = None if change == "removed" else int(now.timestamp() * 10**9)
        folder = found.options["path"] if found.options["path"].startswith("/") else f"/{found.options['path']}"
        event = files.make_event(
            folder, name, change, time=now, size=None if change == "removed" else size, modified_ns=modified_ns
        )
        return self._from(found, event)

    def _source(
        self, kind: str, what: str, function: Function, listens: Callable[[Mapping[str, Any]], bool]
    ) -> Subscription:
        every = [each for each in self._subscriptions if each.kind == kind and each.is_of(function)]
        if not every:
            raise LookupError(f"no function of this client has @function.{kind}")
        return only_one([each for each in every if listens(each.options)], what)

    def _from(self, found: Subscription, event: Event[Any]) -> Response:
        event.extensions[SOURCE_EXTENSION] = found.name
        return self._send_to(found, event)

    @abstractmethod
    def _send_to(self, found: Subscription, event: Event[Any]) -> Response: ...

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    return value.encode() if isinstance(value, str) else to_json(value)
