"""The rules for sources. Source: knative/eventing pkg/apis/sources/v1/*_validation.go, and those of the extensions."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from faas_runtime.options import cron

from faas.resources import names, timezones
from faas.resources.config import Config
from faas.resources.duck import CloudEventOverrides, SourceSpec
from faas.resources.sources.github import GitHubSource
from faas.resources.sources.kafka import KafkaSource
from faas.resources.sources.knative import (
    ApiServerSource,
    ContainerSource,
    PingSource,
    PingSourceSpec,
    SinkBinding,
    Subject,
)
from faas.resources.sources.rabbitmq import RabbitmqSource
from faas.resources.sources.redis import RedisStreamSource
from faas.resources.validation.destinations import validate_delivery, validate_destination, validate_overrides
from faas.resources.validation.diff import difference
from faas.resources.validation.errors import (
    FieldError,
    invalid_value,
    missing,
    missing_one_of,
    multiple_one_of,
    out_of_bounds,
)
from faas.resources.validation.metadata import qualified_name_problems
from faas.resources.views import Raw, decode

_C_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_C_IDENTIFIER_WORDS = (
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters "
    "or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')"
)
_SELECTOR_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def validate_ping_source(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    spec = decode(PingSource, new).spec
    yield from _validate_schedule(spec)
    if spec.data and spec.data_base64:
        yield multiple_one_of("spec.data", "spec.dataBase64")
    elif spec.data_base64:
        yield from _validate_size(spec.data_base64, "dataBase64", config)
        try:
            data = base64.b64decode(spec.data_base64, validate=True)
        except ValueError as error:
            yield invalid_value(error, "spec.dataBase64")
        else:
            yield from _validate_json(data, spec.content_type, "spec.dataBase64")
    elif spec.data:
        yield from _validate_size(spec.data, "data", config)
        yield from _validate_json(spec.data, spec.content_type, "spec.data")
    yield from _validate_source(spec)


def validate_api_server_source(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    spec = decode(ApiServerSource, new).spec
    if spec.mode not in ("Reference", "Resource"):
        yield invalid_value(spec.mode, "spec.mode", 'expected "Reference" or "Resource"')
    if not spec.resources:
        yield missing("spec.resources")
    watched = [(f"spec.resources[{index}]", item) for index, item in enumerate(spec.resources)]
    for at, item in (*watched, *([("spec.owner", spec.owner)] if spec.owner is not None else ())):
        if item.api_version.count("/") > 1:
            yield invalid_value(item.api_version, f"{at}.apiVersion")
        if not item.kind.strip():
            yield missing(f"{at}.kind")
    if spec.filters:
        yield FieldError("Filters is not empty but the NewAPIServerFilters feature is disabled.", ("spec.filters",))
    yield from _validate_source(spec)


def validate_container_source(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    spec = decode(ContainerSource, new).spec
    if not spec.template.spec.containers:
        yield missing("spec.containers")
    for index, container in enumerate(spec.template.spec.containers):
        absent = [name for name, value in (("name", container.name), ("image", container.image)) if not value]
        if absent:
            yield missing(*(f"spec.containers[{index}].{name}" for name in absent))
    yield from _validate_source(spec)


def validate_sink_binding(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    binding = decode(SinkBinding, new)
    yield from _validate_subject(binding.spec.subject)
    if binding.spec.subject.namespace not in ("", binding.metadata.namespace):
        yield invalid_value(binding.spec.subject.namespace, "spec.subject.namespace")
    yield from _validate_source(binding.spec)


def validate_kafka_source(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    spec = decode(KafkaSource, new).spec
    absent = [
        f"spec.{name}"
        for name, value in (("topics", spec.topics), ("bootstrapServers", spec.bootstrap_servers))
        if not value
    ]
    if absent:
        yield missing(*absent)
    if spec.initial_offset not in ("earliest", "latest"):
        yield invalid_value(spec.initial_offset, "spec.initialOffset", 'expected "earliest" or "latest"')
    if spec.ordering not in ("ordered", "unordered"):
        yield invalid_value(spec.ordering, "spec.ordering", 'expected "ordered" or "unordered"')
    if spec.consumers is not None and spec.consumers < 0:
        yield invalid_value(spec.consumers, "spec.consumers")
    yield from validate_delivery(spec.delivery, "spec.delivery")
    yield from validate_destination(spec.sink, "spec.sink")
    yield from validate_overrides(spec.ce_overrides, "spec.ceOverrides")
    if old is None:
        return
    before, after = (raw["spec"].get("consumerGroup") for raw in (old, new))
    if changes := difference({"consumerGroup": before}, {"consumerGroup": after}):
        yield FieldError("Immutable fields changed (-old +new)", ("spec",), changes)


def validate_redis_stream_source(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    """The extension has no rules; without these it would wait for ever."""
    spec = decode(RedisStreamSource, new).spec
    absent = [f"spec.{name}" for name, value in (("address", spec.address), ("stream", spec.stream)) if not value]
    if absent:
        yield missing(*absent)
    if spec.consumers is not None and spec.consumers < 0:
        yield invalid_value(spec.consumers, "spec.consumers")
    yield from validate_destination(spec.sink, "spec.sink")
    yield from validate_overrides(spec.ce_overrides, "spec.ceOverrides")


def validate_rabbitmq_source(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    spec = decode(RabbitmqSource, new).spec
    resources, cluster = spec.rabbitmq_resources_config, spec.rabbitmq_cluster_reference
    if resources is None:
        yield missing("spec.rabbitmqResourcesConfig")
    else:
        if not resources.predeclared and not resources.exchange_name:
            yield FieldError(
                "Name of exchange must be provided when spec.predeclared is false",
                ("spec.rabbitmqResourcesConfig.exchangeName",),
            )
        if resources.predeclared and not resources.queue_name:
            yield missing("spec.rabbitmqResourcesConfig.queueName")
        if resources.parallelism is not None and not 1 <= resources.parallelism <= 1000:
            yield out_of_bounds(resources.parallelism, 1, 1000, "spec.rabbitmqResourcesConfig.parallelism")
    at = "spec.rabbitmqClusterReference"
    if cluster is None:
        yield missing(at)
    elif not cluster.name and cluster.connection_secret is None:
        yield missing_one_of(f"{at}.name", f"{at}.connectionSecret")
    elif cluster.name and cluster.connection_secret is not None:
        yield multiple_one_of(f"{at}.name", f"{at}.connectionSecret")
    yield from validate_delivery(spec.delivery, "spec.delivery")
    yield from validate_destination(spec.sink, "spec.sink")
    if old is not None and (changes := difference(old.get("spec"), new.get("spec"))):
        yield FieldError("Immutable fields changed (-old +new)", ("spec",), changes)


def validate_github_source(new: Raw, old: Raw | None, config: Config) -> Iterator[FieldError]:
    spec = decode(GitHubSource, new).spec
    if not re.fullmatch(r"[^/\s]+(/[^/\s]+)?", spec.owner_and_repository):
        details = "expected OWNER/REPOSITORY, or the name of an organization"
        yield invalid_value(spec.owner_and_repository, "spec.ownerAndRepository", details)
    if not spec.event_types:
        yield missing("spec.eventTypes")
    for name, value in (("accessToken", spec.access_token), ("secretToken", spec.secret_token)):
        if value is None or value.secret_key_ref is None:
            yield missing(f"spec.{name}.secretKeyRef")
    if spec.github_api_url and not urlsplit(spec.github_api_url).netloc:
        yield invalid_value(spec.github_api_url, "spec.githubAPIURL", "expected an absolute URL")
    yield from validate_destination(spec.sink, "spec.sink")
    if spec.ce_overrides is not None:
        yield from validate_overrides(CloudEventOverrides(extensions=spec.ce_overrides.extensions), "spec.ceOverrides")


def _validate_source(spec: SourceSpec) -> Iterator[FieldError]:
    yield from validate_destination(spec.sink, "spec.sink")
    yield from validate_overrides(spec.ce_overrides, "spec.ceOverrides")


def _validate_schedule(spec: PingSourceSpec) -> Iterator[FieldError]:
    if "@every" in spec.schedule:
        yield invalid_value("unsupported descriptor @every", "spec.schedule")
    try:
        timezones.check_time_zone(spec.timezone)
    except timezones.UnknownTimeZone as error:
        yield invalid_value(error, "spec.timezone")
    if "@every" in spec.schedule:
        return
    try:
        cron.parse(spec.schedule)
    except cron.ScheduleError as error:
        yield invalid_value(error, "spec.schedule")


def _validate_size(data: str, field: str, config: Config) -> Iterator[FieldError]:
    size, limit = len(data.encode()), config.ping.data_max_size
    if 0 <= limit < size:
        yield invalid_value(f"the {field} length of {size} bytes exceeds limit set at {limit}.", f"spec.{field}")


def _validate_json(data: str | bytes, content_type: str, at: str) -> Iterator[FieldError]:
    if content_type != "application/json":
        return
    try:
        json.loads(data)
    except ValueError as error:  # UnicodeDecodeError too
        yield invalid_value(error, at)


def _validate_subject(subject: Subject) -> Iterator[FieldError]:
    at = "spec.subject"
    absent = [
        f"{at}.{name}"
        for name, value in (
            ("apiVersion", subject.api_version),
            ("kind", subject.kind),
            ("namespace", subject.namespace),
        )
        if not value
    ]
    if absent:
        yield missing(*absent)
    if subject.api_version and (problems := list(qualified_name_problems(subject.api_version))):
        yield invalid_value(", ".join(problems), f"{at}.apiVersion")
    if subject.kind and not _C_IDENTIFIER.fullmatch(subject.kind):
        yield invalid_value(_C_IDENTIFIER_WORDS, f"{at}.kind")
    if subject.selector is not None and subject.name:
        yield multiple_one_of(f"{at}.selector", f"{at}.name")
    elif subject.selector is None and not subject.name:
        yield missing_one_of(f"{at}.selector", f"{at}.name")
    elif subject.name and (problem := names.label_problem(subject.name)):
        yield invalid_value(problem, f"{at}.name")
    for requirement in subject.selector.match_expressions if subject.selector is not None else ():
        if requirement.operator not in _SELECTOR_OPERATORS:
            words = f'"{requirement.operator}" is not a valid label selector operator'
            yield invalid_value(words, f"{at}.selector")
