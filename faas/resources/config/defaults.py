"""config-defaults: what a Revision gets that does not say otherwise. Source: knative/serving pkg/apis/config."""

# ruff: noqa: RUF009 (a setting is a dataclasses.field with its documentation; its value is frozen)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from faas.resources.config.settings import ConfigError, boolean, integer, quantity, read, setting, tri_state
from faas.resources.config.templates import Template


def _name_template(text: str) -> Template:
    return Template(text, ("Name", "Namespace"))


@dataclass(frozen=True, slots=True)
class DefaultsConfig:
    """Defaults and bounds of a Revision's spec."""

    revision_timeout_seconds: int = setting(
        "revision-timeout-seconds", integer, "300", "Seconds a request may take; at most the maximum below."
    )
    max_revision_timeout_seconds: int = setting(
        "max-revision-timeout-seconds", integer, "600", "The largest timeoutSeconds that a Revision may ask for."
    )
    revision_response_start_timeout_seconds: int = setting(
        "revision-response-start-timeout-seconds",
        integer,
        "300",
        "Seconds within which an answer has to begin; revision-timeout-seconds when it is not set.",
    )
    revision_idle_timeout_seconds: int = setting(
        "revision-idle-timeout-seconds", integer, "0", "Seconds a request may go without a byte; 0 is off."
    )
    container_name_template: Template = setting(
        "container-name-template", _name_template, "user-container", "Name of the container when it has none."
    )
    container_concurrency: int = setting(
        "container-concurrency", integer, "0", "Requests that one instance takes at the same time; 0 is no limit."
    )
    container_concurrency_max_limit: int = setting(
        "container-concurrency-max-limit", integer, "1000", "The largest containerConcurrency one may ask for."
    )
    allow_container_concurrency_zero: bool = setting(
        "allow-container-concurrency-zero", boolean, "true", "Whether a Revision may ask for no limit."
    )
    enable_service_links: bool | None = setting(
        "enable-service-links", tri_state, "false", "Default of enableServiceLinks: true, false, or default for none."
    )
    revision_cpu_request: str | None = setting(
        "revision-cpu-request", quantity, None, "CPU that a container asks for; no default when it is not set."
    )
    revision_memory_request: str | None = setting(
        "revision-memory-request", quantity, None, "Memory that a container asks for; no default when it is not set."
    )
    revision_cpu_limit: str | None = setting(
        "revision-cpu-limit", quantity, None, "CPU that a container may use; no limit when it is not set."
    )
    revision_memory_limit: str | None = setting(
        "revision-memory-limit", quantity, None, "Memory that a container may use; no limit when it is not set."
    )


def parse_defaults(data: Mapping[str, str]) -> DefaultsConfig:
    """Raises ConfigError."""
    config = read(DefaultsConfig, data)
    if "revision-response-start-timeout-seconds" not in data:
        config = replace(config, revision_response_start_timeout_seconds=config.revision_timeout_seconds)
    _check(config)
    return config


def _check(c: DefaultsConfig) -> None:
    timeout, longest = c.revision_timeout_seconds, c.max_revision_timeout_seconds
    if timeout > longest:
        raise ConfigError(
            f"revision-timeout-seconds ({timeout}) cannot be greater than max-revision-timeout-seconds ({longest})"
        )
    for key, seconds in (
        ("revision-response-start-timeout-seconds", c.revision_response_start_timeout_seconds),
        ("revision-idle-timeout-seconds", c.revision_idle_timeout_seconds),
    ):
        if seconds > timeout:
            raise ConfigError(f"{key} ({seconds}) cannot be greater than revision-timeout-seconds ({timeout})")
    limit = c.container_concurrency_max_limit
    if limit < 1:
        raise ConfigError(f"expected 1 <= {limit} <= 2147483647: container-concurrency-max-limit")
    if not 0 <= c.container_concurrency <= limit:
        raise ConfigError(f"expected 0 <= {c.container_concurrency} <= {limit}: container-concurrency")
