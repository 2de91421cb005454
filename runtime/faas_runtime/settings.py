"""What the environment tells an instance; the only place of the SDK that reads os.environ. docs/runtime-contract.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from faas_runtime.options.checking import from_environment

SECRETS_DIR, CONFIG_DIR = Path("/var/run/faas/secrets"), Path("/var/run/faas/config")
DEFAULT_TIMEOUT_S = 300.0  # Knative's default for timeoutSeconds
DEFAULT_MAX_BODY = 32 * 2**20  # bodies are held in memory: 20 of them at once should not exhaust a small instance
SYNC_CONCURRENCY, ASYNC_CONCURRENCY = 20, 100


class Settings(msgspec.Struct, frozen=True):
    revision: str = ""  # K_REVISION
    service: str = ""  # K_SERVICE
    namespace: str = "default"  # FAAS_NAMESPACE
    domain: str = ""  # FAAS_DOMAIN; "localhost" when FAAS_GATEWAY is set
    gateway: str = ""  # FAAS_GATEWAY: unix:/path or http://host:port
    sink: str = ""  # K_SINK: where published events go
    ce_overrides: str = ""  # K_CE_OVERRIDES, JSON, as a SinkBinding sets it
    secrets_dir: Path = SECRETS_DIR  # FAAS_SECRETS_DIR
    config_dir: Path = CONFIG_DIR  # FAAS_CONFIG_DIR
    timeout_s: float | None = None  # FAAS_TIMEOUT, over the decorator's
    concurrency: int | None = None  # FAAS_CONCURRENCY, over the decorator's
    max_body: int | None = None  # FAAS_MAX_BODY, over the decorator's
    dev: bool = False  # FAAS_DEV=1: tracebacks reach the client
    log_level: str = "INFO"  # FAAS_LOG_LEVEL
    otel: bool = False  # OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_TRACES_EXPORTER is set

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Raises: OptionError: FAAS_TIMEOUT, FAAS_CONCURRENCY or FAAS_MAX_BODY is out of range."""
        env = os.environ if environment is None else environment
        given = from_environment(
            {name: env[name] for name in ("FAAS_TIMEOUT", "FAAS_CONCURRENCY", "FAAS_MAX_BODY") if name in env}
        )
        exporting = env.get("OTEL_EXPORTER_OTLP_ENDPOINT") or env.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        return cls(
            revision=env.get("K_REVISION", ""),
            service=env.get("K_SERVICE", ""),
            namespace=env.get("FAAS_NAMESPACE", "") or "default",
            domain=env.get("FAAS_DOMAIN", ""),
            gateway=env.get("FAAS_GATEWAY", ""),
            sink=env.get("K_SINK", ""),
            ce_overrides=env.get("K_CE_OVERRIDES", ""),
            secrets_dir=Path(env.get("FAAS_SECRETS_DIR", "") or SECRETS_DIR),
            config_dir=Path(env.get("FAAS_CONFIG_DIR", "") or CONFIG_DIR),
            timeout_s=given.get("timeout"),
            concurrency=given.get("concurrency"),
            max_body=given.get("max_body"),
            dev=env.get("FAAS_DEV", "") in ("1", "true"),
            log_level=(env.get("FAAS_LOG_LEVEL", "") or "INFO").upper(),
            otel=env.get("OTEL_SDK_DISABLED", "").lower() != "true"
            and bool(exporting or env.get("OTEL_TRACES_EXPORTER", "none") != "none"),
        )


def environment() -> Mapping[str, str]:
    """The process environment, for Secrets and ConfigMaps that come as variables."""
    return os.environ
