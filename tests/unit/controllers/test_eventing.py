"""Where destinations are, who names whom, how deliveries add up, and what bindings put into a template."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.contract.eventing import Delivery
from faas.engine.contract.revision import EnvVar, SecretRef
from faas.engine.controllers.addressing import Unresolved, check_uri
from faas.engine.controllers.broker.plan import InvalidSetting, is_ours, make_broker
from faas.engine.controllers.deliveries import make_delivery
from faas.engine.controllers.referrers import Reference, references_of
from faas.engine.controllers.sinkbinding.inject import concerns, injected, variables_of
from faas.engine.controllers.source.made import Made, Refused
from faas.engine.controllers.source.make import is_adapter_image
from faas.engine.controllers.source.make_extensions import make_rabbitmq, make_redis
from faas.engine.controllers.trigger.dependency import check_dependency
from faas.engine.controllers.trigger.plan import target_of
from faas.resources.core import ObjectReference
from faas.resources.duck import CloudEventOverrides, LabelSelector
from faas.resources.duck import Delivery as Spec
from faas.resources.eventing import Broker
from faas.resources.meta import ObjectMeta
from faas.resources.sources.knative import SinkBinding, SinkBindingSpec, SinkBindingStatus, Subject
from faas.resources.sources.rabbitmq import RabbitmqClusterReference, RabbitmqSource, RabbitmqSourceSpec
from faas.resources.sources.redis import RedisDialOptions, RedisStreamSource, RedisStreamSourceSpec


@pytest.mark.parametrize(
    ("trigger", "broker", "expected"),
    [
        pytest.param(None, None, Delivery(10, "exponential", 0.2), id="Knative's default"),
        pytest.param(
            None,
            Spec(retry=3, backoff_policy="linear", backoff_delay="PT1S"),
            Delivery(3, "linear", 1.0),
            id="the Broker's",
        ),
        pytest.param(
            Spec(retry=1), Spec(retry=3, timeout="PT9S"), Delivery(1, "exponential", 0.0), id="the Trigger's as a whole"
        ),
        pytest.param(Spec(backoff_delay="PT5S"), None, Delivery(0, "exponential", 0.0), id="a delay without a policy"),
        pytest.param(
            Spec(retry=2, backoff_policy="exponential", backoff_delay="PT0.5S", timeout="PT1M", retry_after_max="PT0S"),
            None,
            Delivery(2, "exponential", 0.5, 60.0, 0.0),
            id="everything",
        ),
    ],
)
def test_which_delivery_counts(trigger: Spec | None, broker: Spec | None, expected: Delivery) -> None:
    assert make_delivery(trigger, broker, sink="", stream="") == expected


def test_a_sink_wins_over_a_stream() -> None:
    delivery = make_delivery(None, None, sink="http://dlq", stream="failed")
    assert (delivery.dead_letter_uri, delivery.dead_letter_stream) == ("http://dlq", "")


@pytest.mark.parametrize("uri", ["", "/path", "ftp://a", "a.example", "http://"])
def test_what_is_no_absolute_url_is_no_destination(uri: str) -> None:
    found = check_uri(uri)
    assert isinstance(found, Unresolved)
    assert found.reason == "InvalidURI"


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("http://hello.default.svc.cluster.local/x", "default/hello"),
        ("http://canary-hello.shop.svc.cluster.local", "shop/canary-hello"),
        ("http://broker-ingress.knative-eventing.svc.cluster.local/default/default", ""),
        ("https://example.com/in", ""),
        ("http://svc.cluster.local", ""),
    ],
)
def test_whose_capacity_counts_for_a_subscriber(uri: str, target: str) -> None:
    assert target_of(uri) == target


def broker(**annotations: str) -> Broker:
    named = {key.replace("__", "/").replace("_", "-"): value for key, value in annotations.items()}
    return Broker(metadata=ObjectMeta(name="b", namespace="n", uid="u", annotations=named))


def test_settings_of_a_broker_that_cannot_be_read_are_told() -> None:
    with pytest.raises(InvalidSetting, match=r"faas.dev/retention: 'a week' is no ISO 8601 duration"):
        make_broker(broker(**{"faas.dev__retention": "a week"}))
    with pytest.raises(InvalidSetting, match=r"faas.dev/max-bytes"):
        make_broker(broker(**{"faas.dev__max_bytes": "much"}))


@pytest.mark.parametrize(
    ("class_name", "ours"), [(None, True), ("MTChannelBasedBroker", True), ("faas", True), ("Kafka", False)]
)
def test_whose_broker_it_is(class_name: str | None, ours: bool) -> None:
    annotations = {} if class_name is None else {"eventing.knative.dev__broker.class": class_name}
    assert is_ours(broker(**annotations)) is ours


SERVICE_REF = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "hello"}


def test_a_trigger_names_its_broker_its_subscriber_its_sink_and_its_dependency() -> None:
    trigger = {
        "kind": "Trigger",
        "metadata": {
            "name": "t",
            "namespace": "n",
            "annotations": {"knative.dev/dependency": '{"apiVersion":"v1","kind":"ConfigMap","name":"c"}'},
        },
        "spec": {
            "broker": "default",
            "subscriber": {"ref": {**SERVICE_REF, "namespace": "other"}},
            "delivery": {"deadLetterSink": {"ref": SERVICE_REF}},
        },
    }
    assert set(references_of(trigger)) == {
        Reference("eventing.knative.dev", "Broker", "n", "default"),
        Reference("serving.knative.dev", "Service", "other", "hello"),
        Reference("serving.knative.dev", "Service", "n", "hello"),
        Reference("", "ConfigMap", "n", "c"),
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@given(JSON, st.text())
def test_whatever_an_annotation_holds_nothing_breaks_on_it(value: Any, text: str) -> None:
    for content in (json.dumps(value), json.dumps({"apiVersion": value, "kind": value, "name": value}), text):
        raw = {"kind": "Trigger", "metadata": {"name": "t", "annotations": {"knative.dev/dependency": content}}}
        assert len(set(references_of(raw))) <= 1
        found = check_dependency(content, lambda group, kind, name: None)
        assert content == "" or found is not None


def ready(status: str, observed: int = 2) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": status, "reason": "Why", "message": "so"}]
    return {"metadata": {"generation": 2}, "status": {"observedGeneration": observed, "conditions": conditions}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(ready("True"), None, id="ready"),
        pytest.param(ready("False"), Unresolved("False", "Why", "so"), id="failed"),
        pytest.param(
            ready("True", observed=1),
            Unresolved(
                "Unknown",
                "GenerationNotEqual",
                'The dependency PingSource "p" has not been reconciled in its newest generation yet',
            ),
            id="of before",
        ),
        pytest.param(
            None,
            Unresolved("False", "DependencyDoesNotExist", 'Dependency does not exist: PingSource "p" not found'),
            id="missing",
        ),
    ],
)
def test_a_dependency(found: dict[str, Any] | None, expected: Unresolved | None) -> None:
    text = '{"apiVersion": "sources.knative.dev/v1", "kind": "PingSource", "name": "p"}'
    assert check_dependency(text, lambda group, kind, name: found) == expected


def test_a_dependency_that_is_no_reference_is_told() -> None:
    found = check_dependency("the other one", lambda group, kind, name: None)
    assert found is not None
    assert found.reason == "ReferenceError"


def binding(name: str, sink: str, subject: Subject, **extensions: str) -> SinkBinding:
    overrides = CloudEventOverrides(extensions=extensions) if extensions else None
    return SinkBinding(
        metadata=ObjectMeta(name=name, namespace="n"),
        spec=SinkBindingSpec(subject=subject, ce_overrides=overrides),
        status=SinkBindingStatus(sink_uri=sink),
    )


HELLO = Subject(api_version="serving.knative.dev/v1", kind="Service", name="hello")


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        pytest.param(HELLO, True, id="by name"),
        pytest.param(Subject(api_version="serving.knative.dev/v1", kind="Service", name="x"), False, id="another"),
        pytest.param(Subject(api_version="v1", kind="Service", name="hello"), False, id="a Kubernetes Service"),
        pytest.param(
            Subject(
                api_version="serving.knative.dev/v1", kind="Service", selector=LabelSelector(match_labels={"a": "b"})
            ),
            True,
            id="by label",
        ),
    ],
)
def test_which_services_a_binding_concerns(subject: Subject, expected: bool) -> None:
    service = {"metadata": {"name": "hello", "labels": {"a": "b"}}}
    assert concerns(binding("x", "http://sink", subject), service) is expected


def test_a_binding_replaces_variables_of_its_names_and_keeps_the_others() -> None:
    template = {
        "metadata": {"name": "keep"},
        "spec": {
            "timeoutSeconds": 5,
            "containers": [{"name": "a", "env": [{"name": "K_SINK", "value": "own"}, {"name": "B", "value": "b"}]}, {}],
        },
    }
    variables = variables_of([binding("one", "http://sink", HELLO, team="a")])
    bound = [
        {"name": "K_SINK", "value": "http://sink"},
        {"name": "K_CE_OVERRIDES", "value": '{"extensions":{"team":"a"}}'},
    ]
    assert injected(template, variables) == {
        "metadata": {"name": "keep"},
        "spec": {
            "timeoutSeconds": 5,
            "containers": [{"name": "a", "env": [{"name": "B", "value": "b"}, *bound]}, {"env": bound}],
        },
    }
    assert injected(template, ()) is template


def test_a_binding_without_an_address_gives_nothing_and_of_two_the_last_name_counts() -> None:
    assert variables_of([binding("one", "", HELLO)]) == ()
    both = [binding("b", "http://b", HELLO), binding("a", "http://a", HELLO, team="a")]
    assert variables_of(both) == (("K_SINK", "http://b"),)


@pytest.mark.parametrize(
    ("image", "ours"),
    [
        ("faas.local/faas-sources", True),
        ("registry.example:5000/team/faas-sources:1.2", True),
        ("faas.local/faas-sources@sha256:00", True),
        ("docker.io/someone/faas-sources-fork", False),
        ("nginx", False),
    ],
)
def test_which_image_is_our_adapters(image: str, ours: bool) -> None:
    assert is_adapter_image(image) is ours


def redis(**dial: Any) -> RedisStreamSource:
    options = RedisDialOptions(**dial) if dial else None
    spec = RedisStreamSourceSpec(address="r.example:6379", stream="s", dial_options=options)
    return RedisStreamSource(metadata=ObjectMeta(name="r", namespace="n", uid="u-1"), spec=spec)


def test_a_redis_source_without_a_group_has_one_of_its_own() -> None:
    made = make_redis({}, redis())
    assert isinstance(made, Made)
    assert made.env == (EnvVar("FAAS_SOURCE", '{"address": "r.example:6379", "stream": "s", "group": "u-1"}'),)


def test_a_redis_source_with_tls_and_a_password() -> None:
    made = make_redis({}, redis(use_tls=True, password=ObjectReference(name="secret")))
    assert isinstance(made, Made)
    assert json.loads(str(made.env[0].value))["address"] == "rediss://r.example:6379"
    assert made.env[1] == EnvVar("FAAS_SOURCE_PASSWORD", SecretRef("Secret", "secret", "password"))


def test_certificates_are_always_looked_at() -> None:
    refused = make_redis({}, redis(use_tls=True, skip_verify=True))
    assert isinstance(refused, Refused)
    assert refused.reason == "SkipVerifyNotSupported"


def test_a_rabbitmq_source_wants_a_secret_where_there_is_no_operator() -> None:
    reference = RabbitmqClusterReference(name="cluster")
    source = RabbitmqSource(spec=RabbitmqSourceSpec(rabbitmq_cluster_reference=reference))
    refused = make_rabbitmq({}, source)
    assert isinstance(refused, Refused)
    assert refused.reason == "NoConnectionSecret"
