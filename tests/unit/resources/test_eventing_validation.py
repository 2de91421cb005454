"""What eventing's kinds are refused for, in the words of Knative's webhooks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faas.resources import kinds
from faas.resources.config import Config, parse_config
from faas.resources.kinds import Kind
from faas.resources.validation import refusal, validate, warnings
from tests.unit.resources.eventing_objects import SPECS, TO_BROKER, TO_URL, bare, whole

KINDS = [kinds.BROKER, kinds.TRIGGER, kinds.EVENT_TYPE, *kinds.SOURCES]
ONE_DIALECT = "multiple dialects found, filters can have only one dialect set"
NAME_WORDS = "Attribute name must start with a letter and can only contain lowercase alphanumeric"
NO_PERIOD = "{!r} is no ISO 8601 duration such as PT0.5S, PT1M30S or P1D"


def complaints(
    kind: Kind, new: dict[str, Any], old: dict[str, Any] | None = None, config: Config | None = None
) -> list[str]:
    return [str(error) for error in validate(kind, new, old, config or Config())]


def of_trigger(**spec: Any) -> list[str]:
    return complaints(kinds.TRIGGER, whole(kinds.TRIGGER, **spec))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_good_object_is_let_in_and_can_be_written_again(kind: Kind) -> None:
    raw = whole(kind)

    assert complaints(kind, raw) == []
    assert complaints(kind, raw, raw) == []


def test_all_that_a_trigger_can_say_is_let_in() -> None:
    trigger = whole(
        kinds.TRIGGER,
        {
            "faas.dev/ordered-by": "data.customer.id",
            "faas.dev/parallelism": "4",
            "faas.dev/backlog-target": "10",
            "faas.dev/dead-letter-stream": "poison",
            "knative.dev/dependency": '{"kind": "PingSource", "name": "p", "apiVersion": "sources.knative.dev/v1"}',
            "eventing.knative.dev/injection": "enabled",
        },
        filter={"attributes": {"type": ""}},
        filters=[
            {"exact": {"type": "a", "source": "/x"}},
            {"any": [{"prefix": {"subject": "a"}}, {"not": {"all": [{"suffix": {"subject": "b"}}]}}]},
            {"cesql": "type LIKE 'com.%' AND EXISTS subject"},
            {},
        ],
        subscriber={**TO_BROKER, "uri": "/path"},
        delivery={
            "retry": 0,
            "backoffPolicy": "linear",
            "backoffDelay": "PT0S",
            "timeout": "PT1M30S",
            "retryAfterMax": "PT0S",
            "format": "json",
            "deadLetterSink": TO_URL,
        },
    )

    assert complaints(kinds.TRIGGER, trigger) == []


@pytest.mark.parametrize(
    ("filters", "complaint"),
    [
        pytest.param(
            [{"exact": {"type": "a"}, "suffix": {"b": "c"}}], f"{ONE_DIALECT}: spec.filters[0]", id="two dialects"
        ),
        pytest.param([{}, {"not": {"cesql": "TRUE", "not": {}}}], f"{ONE_DIALECT}: spec.filters[1].not", id="nested"),
        pytest.param(
            [{"any": [{"prefix": {"Type": "a"}}]}],
            f'invalid key name "Type": spec.filters[0].any[0].prefix[Type]\n{NAME_WORDS}',
            id="attribute",
        ),
        pytest.param(
            [{"cesql": "type = "}],
            "invalid value: type = : spec.filters[0].cesql\n"
            "syntax error: expected an attribute, a value or a function, found the end (at character 8)\n"
            "  type = \n"
            "         ^",
            id="cesql",
        ),
        pytest.param(
            [{"cesql": "1 + 1"}],
            "invalid value: 1 + 1: spec.filters[0].cesql\n"
            "a filter is true or false, and this gives an Integer (at character 3)\n"
            "  1 + 1\n"
            "    ^",
            id="no predicate",
        ),
    ],
)
def test_a_filter_that_cannot_be_right_is_refused_with_its_place(filters: list[Any], complaint: str) -> None:
    assert of_trigger(filters=filters) == [complaint]


def test_an_expression_that_a_cluster_reads_in_another_way_is_warned_of() -> None:
    trigger = whole(kinds.TRIGGER, filters=[{"not": {"any": [{"cesql": "a AND b OR c"}]}}])

    (found,) = warnings(kinds.TRIGGER, trigger)

    assert found.startswith("spec.filters[0].not.any[0].cesql: AND and OR side by side")
    assert found.endswith("(at character 9)")


def test_an_empty_value_is_taken_as_knative_takes_it_with_a_warning() -> None:
    trigger = whole(kinds.TRIGGER, filters=[{"exact": {"type": ""}}])

    (found,) = warnings(kinds.TRIGGER, trigger)

    assert of_trigger(filters=[{"exact": {"type": ""}}]) == []
    assert found.startswith("spec.filters[0].exact.type: an empty exact passes events with an empty value")


def test_filters_are_nested_to_a_bound() -> None:
    deep: dict[str, Any] = {"exact": {"type": "a"}}
    for _ in range(31):
        deep = {"not": deep}
    assert of_trigger(filters=[deep]) == []
    deep = {"not": deep}

    (found,) = of_trigger(filters=[deep])

    assert found.startswith("filters are nested more than 32 deep: spec.filters[0].not.not")


@pytest.mark.parametrize(
    ("delivery", "complaint"),
    [
        pytest.param({"retry": -1}, "invalid value: -1: {}.retry", id="retry"),
        pytest.param(
            {"backoffPolicy": "never"},
            'invalid value: never: {}.backoffPolicy\nexpected "linear" or "exponential"',
            id="policy",
        ),
        pytest.param(
            {"backoffDelay": "1s"}, f"invalid value: 1s: {{}}.backoffDelay\n{NO_PERIOD.format('1s')}", id="delay"
        ),
        pytest.param(
            {"backoffDelay": "-PT1S"},
            "invalid value: -PT1S: {}.backoffDelay\nexpected no negative time",
            id="negative delay",
        ),
        pytest.param(
            {"timeout": "PT0S"}, "invalid value: PT0S: {}.timeout\nexpected a time greater than zero", id="timeout"
        ),
        pytest.param(
            {"retryAfterMax": "P"}, f"invalid value: P: {{}}.retryAfterMax\n{NO_PERIOD.format('P')}", id="max"
        ),
        pytest.param(
            {"deadLetterSink": {}},
            "expected at least one, got none: {0}.deadLetterSink.ref, {0}.deadLetterSink.uri",
            id="dead letters",
        ),
    ],
)
@pytest.mark.parametrize("kind", [kinds.BROKER, kinds.TRIGGER, kinds.KAFKA_SOURCE], ids=str)
def test_delivery_has_rules(kind: Kind, delivery: dict[str, Any], complaint: str) -> None:
    assert complaints(kind, whole(kind, delivery=delivery)) == [complaint.format("spec.delivery")]


def test_events_are_written_as_json_or_binary() -> None:
    assert of_trigger(delivery={"format": "xml"}) == [
        'invalid value: xml: spec.delivery.format\nexpected "json" or "binary"'
    ]


@pytest.mark.parametrize(
    ("destination", "complaint"),
    [
        pytest.param({}, "expected at least one, got none: {0}.ref, {0}.uri", id="nothing"),
        pytest.param(
            {**TO_BROKER, "uri": "http://x.example"},
            "Absolute URI is not allowed when Ref or [apiVersion, kind, name] is present: "
            "{0}.[apiVersion, kind, name], {0}.ref, {0}.uri",
            id="both",
        ),
        pytest.param(
            {"uri": "/relative"},
            "invalid value: Relative URI is not allowed when Ref and [apiVersion, kind, name] is absent: {0}.uri",
            id="relative",
        ),
        pytest.param({"uri": "http://a b"}, "invalid value: http://a b: {0}.uri\nit is no URI", id="no URI"),
        pytest.param({"uri": "http://a:x"}, "invalid value: http://a:x: {0}.uri\nit is no URI", id="no port"),
        pytest.param(
            {"ref": {"namespace": "shop"}},
            "missing field(s): {0}.ref.apiVersion, {0}.ref.kind, {0}.ref.name",
            id="empty reference",
        ),
        pytest.param(
            {**TO_URL, "CACerts": "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"},
            "invalid value: CA Cert provided is invalid: {0}.caCert",
            id="certificate",
        ),
    ],
)
def test_a_destination_is_a_reference_or_an_absolute_uri(destination: dict[str, Any], complaint: str) -> None:
    assert of_trigger(subscriber=destination) == [complaint.format("spec.subscriber")]
    assert complaints(kinds.PING_SOURCE, whole(kinds.PING_SOURCE, sink=destination)) == [complaint.format("spec.sink")]


@pytest.mark.parametrize("kind", kinds.SOURCES, ids=str)
def test_every_source_needs_a_sink(kind: Kind) -> None:
    assert complaints(kind, whole(kind, sink={})) == ["expected at least one, got none: spec.sink.ref, spec.sink.uri"]


def test_a_group_in_a_reference_is_refused_as_long_as_knative_does() -> None:
    sink = {"ref": {**TO_BROKER["ref"], "group": "eventing.knative.dev"}}

    assert complaints(kinds.KAFKA_SOURCE, whole(kinds.KAFKA_SOURCE, sink=sink)) == [
        "must not set the field(s): spec.sink.ref.group"
    ]


@pytest.mark.parametrize("kind", [kinds.PING_SOURCE, kinds.KAFKA_SOURCE, kinds.GITHUB_SOURCE], ids=str)
def test_overrides_are_named_as_attributes_are(kind: Kind) -> None:
    raw = whole(kind, ceOverrides={"extensions": {"fine1": "a", "not-fine": "b"}})

    assert complaints(kind, raw) == [
        'invalid key name "not-fine": spec.ceOverrides.extensions\nkeys are expected to be alphanumeric'
    ]


def test_the_broker_of_a_trigger_never_changes() -> None:
    old, new = whole(kinds.TRIGGER), whole(kinds.TRIGGER, broker="other")

    assert complaints(kinds.TRIGGER, new, old) == [
        'Immutable fields changed (-old +new): spec.broker\n-broker: "default"\n+broker: "other"'
    ]


def test_a_trigger_names_one_broker() -> None:
    reference = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "b"}

    assert of_trigger(brokerRef=reference) == []
    assert of_trigger(brokerRef=reference, broker="b") == [
        "expected exactly one, got both: spec.broker, spec.brokerRef"
    ]


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        pytest.param("faas.dev/ordered-by", "Customer", "invalid value: Customer", id="ordered by"),
        pytest.param("faas.dev/parallelism", "0", "invalid value: 0", id="parallelism"),
        pytest.param("faas.dev/backlog-target", "many", "invalid value: many", id="backlog"),
        pytest.param("faas.dev/dead-letter-stream", "A B", "invalid value: A B", id="stream"),
        pytest.param("eventing.knative.dev/injection", "on", "The provided injection annotation value", id="injection"),
        pytest.param("knative.dev/dependency", "[]", "The provided annotation was not", id="dependency"),
        pytest.param("knative.dev/dependency", '{"kind": "Ping"}', "missing field(s)", id="incomplete dependency"),
    ],
)
def test_annotations_of_a_trigger_have_rules(key: str, value: str, complaint: str) -> None:
    (found,) = complaints(kinds.TRIGGER, whole(kinds.TRIGGER, {key: value}))

    assert found.startswith(complaint)
    assert key in found


def test_only_the_default_broker_is_injected() -> None:
    annotations = {"eventing.knative.dev/injection": "enabled"}

    (found,) = complaints(kinds.TRIGGER, whole(kinds.TRIGGER, annotations, broker="other"))

    assert 'non-default broker specified here: "other": metadata.annotations[eventing.knative.dev/injection]' in found


def test_a_dependency_is_in_the_triggers_namespace() -> None:
    dependency = json.dumps({"kind": "K", "name": "n", "apiVersion": "v1", "namespace": "other"})

    assert complaints(kinds.TRIGGER, whole(kinds.TRIGGER, {"knative.dev/dependency": dependency})) == [
        'Namespace must be empty or equal to the trigger namespace "shop": '
        "metadata.annotations[knative.dev/dependency].namespace"
    ]


def test_of_a_broker_only_the_delivery_changes() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a"}
    old = whole(kinds.BROKER, config=config)

    assert complaints(kinds.BROKER, whole(kinds.BROKER, config=config, delivery={"retry": 1}), old) == []
    assert complaints(kinds.BROKER, whole(kinds.BROKER, config={**config, "name": "b"}), old) == [
        'Immutable fields changed (-old +new): spec\n-config.name: "a"\n+config.name: "b"'
    ]
    (found,) = complaints(
        kinds.BROKER, whole(kinds.BROKER, {"eventing.knative.dev/broker.class": "Other"}, config=config), old
    )
    assert found.startswith("Immutable annotations changed (-old +new): annotations")


@pytest.mark.parametrize(
    ("key", "value", "good"),
    [
        pytest.param("faas.dev/retention", "P7D", True, id="a week"),
        pytest.param("faas.dev/retention", "PT0S", False, id="no time"),
        pytest.param("faas.dev/retention", "7d", False, id="no period"),
        pytest.param("faas.dev/max-bytes", "10Gi", True, id="10 GiB"),
        pytest.param("faas.dev/max-bytes", "0", False, id="nothing"),
        pytest.param("faas.dev/max-bytes", "much", False, id="no quantity"),
    ],
)
def test_what_a_broker_keeps_is_a_time_and_a_size(key: str, value: str, good: bool) -> None:
    found = complaints(kinds.BROKER, whole(kinds.BROKER, {key: value}))

    assert (found == []) is good
    assert all(text.startswith(f"invalid value: {value}: metadata.annotations.{key}\n") for text in found)


def test_an_event_type_describes_what_every_event_has() -> None:
    raw = whole(kinds.EVENT_TYPE, attributes=[{"name": "type"}])

    assert complaints(kinds.EVENT_TYPE, raw) == [
        "missing field(s): spec.attributes.id, spec.attributes.source, spec.attributes.specversion"
    ]
    assert complaints(kinds.EVENT_TYPE_V1BETA2, bare(kinds.EVENT_TYPE_V1BETA2, type=None)) == [
        "missing field(s): spec.type"
    ]


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        pytest.param(
            {"schedule": "@every 1h"}, "invalid value: unsupported descriptor @every: spec.schedule", id="every"
        ),
        pytest.param(
            {"schedule": "* * *"}, "invalid value: expected 5 to 6 fields, found 3: [* * *]: spec.schedule", id="short"
        ),
        pytest.param(
            {"timezone": "Mars/Olympus"},
            "invalid value: provided bad location Mars/Olympus: unknown time zone Mars/Olympus: spec.timezone",
            id="zone",
        ),
        pytest.param(
            {"data": "a", "dataBase64": "YQ=="}, "expected exactly one, got both: spec.data, spec.dataBase64", id="both"
        ),
        pytest.param({"dataBase64": "YQ"}, "invalid value: Incorrect padding: spec.dataBase64", id="no base64"),
        pytest.param(
            {"data": "{", "contentType": "application/json"},
            "invalid value: Expecting property name enclosed in double quotes: line 1 column 2 (char 1): spec.data",
            id="no JSON",
        ),
    ],
)
def test_a_ping_source_has_rules(spec: dict[str, Any], complaint: str) -> None:
    assert complaints(kinds.PING_SOURCE, whole(kinds.PING_SOURCE, **spec)) == [complaint]


def test_the_data_of_a_ping_source_is_bounded_by_config_ping_defaults() -> None:
    config = parse_config({"config-ping-defaults": {"data-max-size": "3"}})

    assert complaints(kinds.PING_SOURCE, whole(kinds.PING_SOURCE, data="abc"), config=config) == []
    assert complaints(kinds.PING_SOURCE, whole(kinds.PING_SOURCE, data="abcd"), config=config) == [
        "invalid value: the data length of 4 bytes exceeds limit set at 3.: spec.data"
    ]


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        pytest.param(
            kinds.API_SERVER_SOURCE,
            {"mode": "Ref"},
            ['invalid value: Ref: spec.mode\nexpected "Reference" or "Resource"'],
            id="apiserver mode",
        ),
        pytest.param(
            kinds.API_SERVER_SOURCE, {"resources": []}, ["missing field(s): spec.resources"], id="apiserver none"
        ),
        pytest.param(
            kinds.API_SERVER_SOURCE,
            {"resources": [{"apiVersion": "a/b/c", "kind": " "}], "owner": {"apiVersion": "v1"}},
            [
                "invalid value: a/b/c: spec.resources[0].apiVersion",
                "missing field(s): spec.owner.kind, spec.resources[0].kind",
            ],
            id="apiserver kinds",
        ),
        pytest.param(
            kinds.API_SERVER_SOURCE,
            {"filters": [{"exact": {"type": "a"}}]},
            ["Filters is not empty but the NewAPIServerFilters feature is disabled.: spec.filters"],
            id="apiserver filters",
        ),
        pytest.param(
            kinds.CONTAINER_SOURCE, {"template": {}}, ["missing field(s): spec.containers"], id="no container"
        ),
        pytest.param(
            kinds.CONTAINER_SOURCE,
            {"template": {"spec": {"containers": [{"name": "a"}]}}},
            ["missing field(s): spec.containers[0].image"],
            id="no image",
        ),
        pytest.param(
            kinds.SINK_BINDING,
            {"subject": {"namespace": "shop"}},
            [
                "expected exactly one, got neither: spec.subject.name, spec.subject.selector",
                "missing field(s): spec.subject.apiVersion, spec.subject.kind",
            ],
            id="no subject",
        ),
        pytest.param(
            kinds.SINK_BINDING,
            {"subject": {**SPECS[kinds.SINK_BINDING]["subject"], "namespace": "other"}},
            ["invalid value: other: spec.subject.namespace"],
            id="subject elsewhere",
        ),
        pytest.param(
            kinds.SINK_BINDING,
            {"subject": {**SPECS[kinds.SINK_BINDING]["subject"], "selector": {"matchLabels": {"a": "b"}}}},
            ["expected exactly one, got both: spec.subject.name, spec.subject.selector"],
            id="name and selector",
        ),
        pytest.param(
            kinds.KAFKA_SOURCE,
            {"topics": [], "bootstrapServers": [], "initialOffset": "first", "ordering": "some"},
            [
                'invalid value: first: spec.initialOffset\nexpected "earliest" or "latest"',
                'invalid value: some: spec.ordering\nexpected "ordered" or "unordered"',
                "missing field(s): spec.bootstrapServers, spec.topics",
            ],
            id="kafka",
        ),
        pytest.param(
            kinds.REDIS_STREAM_SOURCE,
            {"stream": "", "address": ""},
            ["missing field(s): spec.address, spec.stream"],
            id="redis",
        ),
        pytest.param(
            kinds.RABBITMQ_SOURCE,
            {"rabbitmqResourcesConfig": {"parallelism": 2000}, "rabbitmqClusterReference": {}},
            [
                "Name of exchange must be provided when spec.predeclared is false: "
                "spec.rabbitmqResourcesConfig.exchangeName",
                "expected 1 <= 2000 <= 1000: spec.rabbitmqResourcesConfig.parallelism",
                "expected exactly one, got neither: "
                "spec.rabbitmqClusterReference.connectionSecret, spec.rabbitmqClusterReference.name",
            ],
            id="rabbitmq",
        ),
        pytest.param(
            kinds.GITHUB_SOURCE,
            {"ownerAndRepository": "a/b/c", "eventTypes": [], "accessToken": {}},
            [
                "invalid value: a/b/c: spec.ownerAndRepository\n"
                "expected OWNER/REPOSITORY, or the name of an organization",
                "missing field(s): spec.accessToken.secretKeyRef, spec.eventTypes",
            ],
            id="github",
        ),
    ],
)
def test_a_source_has_rules(kind: Kind, spec: dict[str, Any], expected: list[str]) -> None:
    assert complaints(kind, whole(kind, **spec)) == expected


def test_a_kafka_source_keeps_its_group() -> None:
    old, new = whole(kinds.KAFKA_SOURCE, consumerGroup="a"), whole(kinds.KAFKA_SOURCE, consumerGroup="b")

    (found,) = complaints(kinds.KAFKA_SOURCE, new, old)
    assert found.startswith("Immutable fields changed (-old +new): spec\n")
    assert complaints(kinds.KAFKA_SOURCE, whole(kinds.KAFKA_SOURCE), whole(kinds.KAFKA_SOURCE)) == []


def test_a_rabbitmq_source_never_changes() -> None:
    old = whole(kinds.RABBITMQ_SOURCE)

    (found,) = complaints(kinds.RABBITMQ_SOURCE, whole(kinds.RABBITMQ_SOURCE, sink=TO_BROKER), old)
    assert found.startswith("Immutable fields changed (-old +new): spec\n")


@pytest.mark.parametrize(
    ("kind", "webhook"),
    [
        pytest.param(kinds.BROKER, "validation.webhook.eventing.knative.dev", id="eventing"),
        pytest.param(kinds.PING_SOURCE, "validation.webhook.eventing.knative.dev", id="source"),
        pytest.param(kinds.KAFKA_SOURCE, "validation.webhook.kafka.eventing.knative.dev", id="kafka"),
    ],
)
def test_the_refusal_names_the_webhook_that_a_cluster_has(kind: Kind, webhook: str) -> None:
    raw = whole(kind, delivery={"retry": -1}, sink={})

    answer = refusal(kind, raw, validate(kind, raw, None, Config()))

    assert answer is not None
    assert (answer.code, answer.reason) == (400, "BadRequest")
    assert answer.message.startswith(f'admission webhook "{webhook}" denied the request: validation failed: ')
