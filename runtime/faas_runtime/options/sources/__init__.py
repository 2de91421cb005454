"""What the decorators of sources take, and what they refuse: loaded with the first of them that is declared.

`OPTIONS[kind]` has a kind's options by name, as `options.known` has a function's; `complete` checks what only several
of them together can get wrong. Connecting is the business of adapters, objects that of the toolkit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faas_runtime.options.option import Option
from faas_runtime.options.sources import buses, schedules, stores, web

OPTIONS: dict[str, dict[str, Option]] = {
    "schedule": schedules.SCHEDULE, "kubernetes": schedules.KUBERNETES, "mqtt": buses.MQTT, "kafka": buses.KAFKA,
    "rabbitmq": buses.RABBITMQ, "redis": stores.REDIS, "bucket": stores.BUCKET, "files": stores.FILES,
    "github": web.GITHUB, "webhook": web.WEBHOOK,
}  # fmt: skip

EXAMPLES = {
    "schedule": '"*/5 * * * *"', "kubernetes": '"apps/v1/Deployment"', "mqtt": '"sensors/+/temperature"',
    "kafka": '"orders", bootstrap="localhost:9092"', "rabbitmq": '"orders"', "redis": '"orders"',
    "bucket": '"uploads", suffix=".jpg"', "files": '"/srv/incoming"', "github": '"owner/repo", events=("push",)',
    "webhook": '"/stripe", secret="stripe"',
}  # fmt: skip

_COMPLETE: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "schedule": schedules.complete_schedule, "mqtt": buses.complete_mqtt, "kafka": buses.complete_kafka,
    "rabbitmq": buses.complete_rabbitmq, "bucket": stores.complete_bucket, "github": web.complete_github,
    "webhook": web.complete_webhook,
}  # fmt: skip


def complete(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """What a decorator says in the end. Raises: OptionError: options that do not go together."""
    make = _COMPLETE.get(kind)
    return make(options) if make is not None else options
