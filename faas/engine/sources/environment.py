"""The environment of an adapter's process: the plan's, what the engine knows, and nothing else of the engine's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from faas.client.errors import NotFound
from faas.client.protocol import Client
from faas.engine.contract.revision import SecretRef
from faas.engine.contract.settings import EngineSettings
from faas.engine.contract.sources import SourcePlan
from faas.engine.sources.completing import complete
from faas.engine.sources.errors import ConfigurationError
from faas.resources.kinds import CONFIG_MAP, SECRET
from faas.resources.payloads import can_be_variable, texts_of

# An adapter's work is to reach the outside: it goes through the same proxy and trusts the same authorities.
_FROM_HOST = (
    "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
Values = Mapping[SecretRef, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Places:
    """Where one replica of a source keeps and offers what."""

    replica: int
    state: Path
    socket: Path | None  # when it receives HTTP

    @classmethod
    def of(cls, settings: EngineSettings, plan: SourcePlan, replica: int) -> Places:
        socket = settings.sources_dir / short(plan.uid) / "http.sock"
        state = state_dir(settings, plan)
        return cls(
            replica=replica,
            state=state if replica == 0 else state / f"replica-{replica}",
            socket=socket if plan.receives and replica == 0 else None,
        )


def short(uid: str) -> str:
    """Half of a UID, for the folder of a Unix socket, whose path has 107 bytes."""
    return uid.replace("-", "")[:16]


def state_dir(settings: EngineSettings, plan: SourcePlan) -> Path:
    return settings.state_dir / "sources" / plan.uid


def make_environment(
    plan: SourcePlan, settings: EngineSettings, places: Places, values: Values, host: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Args: values: what each Secret or ConfigMap of the plan holds, see `read_references`.

    Raises: ConfigurationError: a value cannot be one of the environment, or `complete` refuses.
    """
    env = {name: host[name] for name in _FROM_HOST if name in host}
    env["HOME"] = str(places.state)
    env["PYTHONUNBUFFERED"] = "1"
    for variable in plan.env:
        if isinstance(variable.value, str):
            env[variable.name] = variable.value
        elif variable.value.key is None:
            env.update({variable.name + key: value for key, value in values.get(variable.value, {}).items()})
        elif (value := values.get(variable.value, {}).get(variable.value.key)) is not None:
            env[variable.name] = value
    env = complete(plan.adapter, (plan.key.namespace, plan.key.name), places.replica, env, settings)
    env.update(
        NAMESPACE=plan.key.namespace,
        NAME=plan.key.name,
        FAAS_GATEWAY=f"unix:{settings.internal_socket}",
        FAAS_SOURCE_STATE=str(places.state),
    )
    if places.socket is not None:
        env["FAAS_SOURCE_LISTEN"] = f"unix:{places.socket}"
    for name, value in env.items():
        if not can_be_variable(value):
            raise ConfigurationError("SecretNotText", f"the value for {name} is not text, which a variable has to be")
    return env


async def read_references(client: Client, plan: SourcePlan) -> dict[SecretRef, dict[str, str]]:
    """The values of every Secret and ConfigMap that the plan names. Raises: ConfigurationError: one is missing."""
    wanted = dict.fromkeys(variable.value for variable in plan.env if isinstance(variable.value, SecretRef))
    return {reference: await _read(client, plan.key.namespace, reference) for reference in wanted}


async def _read(client: Client, namespace: str, reference: SecretRef) -> dict[str, str]:
    kind = SECRET if reference.kind == "Secret" else CONFIG_MAP
    try:
        data = texts_of(await client.get(kind, reference.name, namespace))
    except NotFound:
        if reference.optional:
            return {}
        said = f"the {reference.kind} {namespace}/{reference.name} does not exist"
        if reference.key is not None and kind is SECRET:
            where = "" if namespace == "default" else f" -n {namespace}"
            said += f"; kubectl create secret generic {reference.name}{where} --from-literal={reference.key}=…"
        raise ConfigurationError(f"{reference.kind}Missing", said) from None
    if reference.key is None or reference.key in data or reference.optional:
        return data
    raise ConfigurationError(
        f"{reference.kind}Missing", f"the {reference.kind} {namespace}/{reference.name} has no key {reference.key!r}"
    )
