"""The config maps of knative-serving."""

from __future__ import annotations

from typing import Any

import pytest

from faas.resources import kinds
from faas.resources.config import (
    CONFIG_MAP_NAMES,
    DEFAULT_CONFIG_MAPS,
    Config,
    ConfigError,
    parse_config,
    parse_config_map,
)
from faas.resources.config.templates import Template
from faas.resources.validation import refusal, validate


def test_the_defaults_are_knatives() -> None:
    config = Config()

    assert config.autoscaler.container_concurrency_target_fraction == 0.7
    assert config.autoscaler.container_concurrency_target_default == 100
    assert config.autoscaler.requests_per_second_target_default == 200
    assert config.autoscaler.target_burst_capacity == 211
    assert config.autoscaler.stable_window_s == 60
    assert config.autoscaler.scale_to_zero_grace_period_s == 30
    assert config.autoscaler.max_scale_up_rate == 1000
    assert config.autoscaler.max_scale_down_rate == 2
    assert config.autoscaler.enable_scale_to_zero is True
    assert config.autoscaler.initial_scale == 1
    assert config.defaults.revision_timeout_seconds == 300
    assert config.defaults.max_revision_timeout_seconds == 600
    assert config.defaults.enable_service_links is False
    assert config.gc.retain_since_create_time_s == 48 * 3600
    assert config.gc.retain_since_last_active_time_s == 15 * 3600
    assert (config.gc.min_non_active_revisions, config.gc.max_non_active_revisions) == (20, 1000)
    assert config.deployment.progress_deadline_s == 600


def test_what_is_set_counts_and_unknown_keys_are_left_alone() -> None:
    config = parse_config(
        {
            "config-autoscaler": {"stable-window": "90s", "enable-scale-to-zero": "false", "_example": "x: y"},
            "config-gc": {"max-non-active-revisions": "disabled", "retain-since-create-time": "Disabled"},
            "config-logging": {"loglevel": "debug"},
        }
    )

    assert config.autoscaler.stable_window_s == 90
    assert config.autoscaler.enable_scale_to_zero is False
    assert config.gc.max_non_active_revisions is None
    assert config.gc.retain_since_create_time_s is None
    assert config.defaults == Config().defaults


@pytest.mark.parametrize(("text", "fraction"), [("70", 0.7), ("0.7", 0.7), ("1", 1.0), ("100", 1.0)])
def test_a_target_percentage_up_to_one_is_a_fraction_already(text: str, fraction: float) -> None:
    config = parse_config_map("config-autoscaler", {"container-concurrency-target-percentage": text})
    assert config.container_concurrency_target_fraction == fraction


def test_an_answer_may_begin_as_late_as_the_revisions_timeout_unless_said_otherwise() -> None:
    config = parse_config_map("config-defaults", {"revision-timeout-seconds": "100"})
    assert config.revision_response_start_timeout_seconds == 100


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("config-autoscaler", {"stable-window": "5s"}, "stable-window = 5s, must be in [6s; 1h0m0s] range"),
        ("config-autoscaler", {"stable-window": "2h"}, "stable-window = 2h0m0s, must be in [6s; 1h0m0s] range"),
        (
            "config-autoscaler",
            {"stable-window": "6500ms"},
            "stable-window = 6.5s, must be specified with at most second precision",
        ),
        (
            "config-autoscaler",
            {"max-scale": "many"},
            'failed to parse "max-scale": strconv.ParseInt: parsing "many": invalid syntax',
        ),
        (
            "config-autoscaler",
            {"enable-scale-to-zero": "yes"},
            'failed to parse "enable-scale-to-zero": strconv.ParseBool: parsing "yes": invalid syntax',
        ),
        (
            "config-autoscaler",
            {"stable-window": "60"},
            'failed to parse "stable-window": time: missing unit in duration "60"',
        ),
        (
            "config-autoscaler",
            {"max-scale": "2147483648"},
            'failed to parse "max-scale": strconv.ParseInt: parsing "2147483648": value out of range',
        ),
        (
            "config-autoscaler",
            {"max-scale-up-rate": "inf"},
            'failed to parse "max-scale-up-rate": strconv.ParseFloat: parsing "inf": invalid syntax',
        ),
        ("config-autoscaler", {"max-scale-up-rate": "1"}, "max-scale-up-rate = 1, must be greater than 1.0"),
        (
            "config-autoscaler",
            {"initial-scale": "0"},
            "initial-scale = 0, must be at least 0 (or at least 1 when allow-zero-initial-scale is false)",
        ),
        (
            "config-autoscaler",
            {"min-scale": "3", "max-scale": "2"},
            "min-scale (3) must be less than max-scale (2)",
        ),
        (
            "config-autoscaler",
            {"max-scale-limit": "5"},
            "max-scale = 0, must be in [1, max-scale-limit(5)] range",
        ),
        (
            "config-autoscaler",
            {"target-burst-capacity": "-2"},
            "target-burst-capacity must be either non-negative or -1 (for unlimited), was: -2.000000",
        ),
        (
            "config-autoscaler",
            {"panic-window-percentage": "0"},
            "panic-window-percentage = 0, must be in [1, 100] interval",
        ),
        (
            "config-defaults",
            {"revision-timeout-seconds": "601"},
            "revision-timeout-seconds (601) cannot be greater than max-revision-timeout-seconds (600)",
        ),
        ("config-defaults", {"container-concurrency": "1001"}, "expected 0 <= 1001 <= 1000: container-concurrency"),
        (
            "config-defaults",
            {"revision-memory-limit": "lots"},
            'failed to parse "revision-memory-limit": quantities must match the regular expression '
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (
            "config-gc",
            {"min-non-active-revisions": "2000"},
            "min-non-active-revisions(2000) must be <= max-non-active-revisions(1000)",
        ),
        (
            "config-gc",
            {"retain-since-create-time": "-1h"},
            'failed to parse "retain-since-create-time": must be non-negative',
        ),
        ("config-network", {"rollout-duration": "-1"}, "rollout-duration must be a positive integer, but was -1"),
        (
            "config-network",
            {"domain-template": "{{.Namespace}}.{{.Domain}}"},
            "domain-template has to contain {{.Name}}, or hosts would not be unique",
        ),
        (
            "config-network",
            {"domain-template": "{{.Name}}.{{.Labels}}.{{.Domain}}"},
            "failed to parse \"domain-template\": the template '{{.Name}}.{{.Labels}}.{{.Domain}}' has '.Labels', "
            "which is not one of {{.Name}}, {{.Namespace}}, {{.Domain}}",
        ),
        (
            "config-deployment",
            {"progress-deadline": "0s"},
            "progress-deadline cannot be a non-positive duration, was 0s",
        ),
        (
            "config-features",
            {"kubernetes.podspec-init-containers": "enabled"},
            "kubernetes.podspec-init-containers cannot be enabled: the engine does not do it; "
            "a cluster with Knative does",
        ),
        (
            "config-features",
            {"kubernetes.podspec-affinity": "on"},
            'failed to parse "kubernetes.podspec-affinity": "on" is not one of enabled, allowed, disabled',
        ),
    ],
)
def test_a_bad_value_is_refused_with_the_map_the_key_and_the_rule(name: str, data: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config({name: data})
    assert str(refused.value) == f"{name}: {words}"


def test_hosts_are_made_of_templates() -> None:
    network = Config().network
    assert network.host("hello", "default", "localhost") == "hello.default.localhost"
    assert network.host("hello", "default", "localhost", tag="canary") == "canary-hello.default.localhost"

    other = parse_config_map("config-network", {"domain-template": "{{ .Name }}-{{.Namespace}}.{{.Domain}}"})
    assert other.host("hello", "shop", "example.com") == "hello-shop.example.com"


def test_a_template_has_no_lonely_braces() -> None:
    with pytest.raises(ValueError, match="braces without a partner"):
        Template("{{.Name", ("Name",))


def test_the_maps_of_a_first_start_are_valid_documented_and_change_nothing() -> None:
    assert tuple(map_["metadata"]["name"] for map_ in DEFAULT_CONFIG_MAPS) == CONFIG_MAP_NAMES
    for map_ in DEFAULT_CONFIG_MAPS:
        assert validate(kinds.CONFIG_MAP, map_, None, Config()) == []
    assert parse_config({map_["metadata"]["name"]: map_["data"] for map_ in DEFAULT_CONFIG_MAPS}) == Config()


def test_every_documented_line_can_be_copied_as_it_is() -> None:
    for map_ in DEFAULT_CONFIG_MAPS:
        lines = [line for line in map_["data"]["_example"].splitlines() if line and not line.startswith("#")]
        copied = {key: value.strip().strip('"') for key, _, value in (line.partition(":") for line in lines)}
        parse_config_map(map_["metadata"]["name"], copied)
        assert copied


def test_a_bad_setting_is_refused_when_it_is_written() -> None:
    raw: dict[str, Any] = {
        "metadata": {"name": "config-autoscaler", "namespace": "knative-serving"},
        "data": {"stable-window": "1s"},
    }

    answer = refusal(kinds.CONFIG_MAP, raw, validate(kinds.CONFIG_MAP, raw, None, Config()))

    assert answer is not None
    assert answer.code == 400
    assert answer.message == (
        'admission webhook "config.webhook.serving.knative.dev" denied the request: validation failed: '
        "config-autoscaler: stable-window = 1s, must be in [6s; 1h0m0s] range: data"
    )


def test_the_same_map_in_another_namespace_is_just_a_map() -> None:
    raw: dict[str, Any] = {
        "metadata": {"name": "config-autoscaler", "namespace": "default"},
        "data": {"stable-window": "1s"},
    }
    assert validate(kinds.CONFIG_MAP, raw, None, Config()) == []


def test_an_edit_inside_the_example_is_refused_because_it_would_do_nothing() -> None:
    map_ = DEFAULT_CONFIG_MAPS[0]
    edited = map_ | {"data": {"_example": map_["data"]["_example"].replace('"60s"', '"90s"')}}

    (error,) = validate(kinds.CONFIG_MAP, edited, map_, Config())

    assert "copy the respective setting to the top-level of the ConfigMap" in error.message
