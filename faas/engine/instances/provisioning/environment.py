"""The environment of an instance: the contract's variables, the image's, the user's; nothing of the engine's own."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from faas.engine.contract.revision import ContainerPlan, RevisionPlan, SecretRef
from faas.engine.contract.settings import LOCAL_DOMAIN, EngineSettings
from faas.engine.instances.provisioning.references import MissingReference
from faas.resources.payloads import can_be_variable

FROM_HOST = ("HOME", "TMPDIR", "PATH", "LANG", "LC_ALL", "TZ")
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")  # $$ or $(NAME)


def make_environment(
    plan: RevisionPlan,
    settings: EngineSettings,
    image_env: tuple[tuple[str, str], ...],
    values: Mapping[SecretRef, Mapping[str, str]],
    host: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """All that a process of this machine gets.

    Args: values: what each reference of the plan resolved to, see `read_references`.
    Raises: MissingReference: a value cannot be one of the environment.
    """
    env = {name: host[name] for name in FROM_HOST if name in host}
    env.setdefault("PATH", DEFAULT_PATH)
    if settings.run_as is not None:
        env["HOME"] = str(settings.run_as.home)
    env["PYTHONUNBUFFERED"] = "1"
    env.update(image_env)
    env.update(_users(plan.container, values))
    env.update(_contract(plan, plan.container))
    env.update(_functions(plan, settings))
    env["FAAS_GATEWAY"] = f"unix:{settings.internal_socket}"
    return env


def make_container_environment(
    plan: RevisionPlan,
    container: ContainerPlan,
    settings: EngineSettings,
    values: Mapping[SecretRef, Mapping[str, str]],
    *,
    has_our_runtime: bool,
) -> dict[str, str]:
    """What a container gets on top of its image's own; FAAS_GATEWAY is up to whoever can say where it sees our socket.

    Raises: MissingReference: a value cannot be one of the environment.
    """
    env = _users(container, values) | _contract(plan, container)
    return env | _functions(plan, settings) if has_our_runtime else env


def expand(text: str, env: Mapping[str, str]) -> str:
    """Replace $(NAME) by its value; an unknown name stays as it is, $$ is one $.

    Source: Kubernetes third_party/forked/golang/expansion.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        return "$" if name is None else env.get(name, match[0])

    return _REFERENCE.sub(value, text)


def _users(container: ContainerPlan, values: Mapping[SecretRef, Mapping[str, str]]) -> dict[str, str]:
    """As kubelet makes it: $(NAME) in a value is a variable before it, though not one that came with envFrom."""
    env: dict[str, str] = {}
    known: dict[str, str] = {}
    for variable in container.env:
        if isinstance(variable.value, str):
            env[variable.name] = known[variable.name] = expand(variable.value, known)
        elif variable.value.key is None:
            found = values.get(variable.value, {}).items()
            env.update({variable.name + key: _text(value, variable.value, key) for key, value in found})
        else:
            value = values.get(variable.value, {}).get(variable.value.key)
            if value is not None:
                env[variable.name] = known[variable.name] = _text(value, variable.value, variable.value.key)
    return env


def _contract(plan: RevisionPlan, container: ContainerPlan) -> dict[str, str]:
    """What Knative's runtime contract promises to every container; PORT to the one that serves."""
    env = {"K_SERVICE": plan.service, "K_CONFIGURATION": plan.configuration, "K_REVISION": plan.key.name}
    if container.port:
        env["PORT"] = str(container.port)
    return env


def _functions(plan: RevisionPlan, settings: EngineSettings) -> dict[str, str]:
    """What our own runtime is told."""
    env = {
        "FAAS_NAMESPACE": plan.key.namespace,
        "FAAS_DOMAIN": LOCAL_DOMAIN,  # cluster-local services have no other; config-network may rename the public one
        "FAAS_TIMEOUT": f"{plan.timeout_s:g}",
    }
    if plan.container_concurrency:  # 0 is Knative's "no limit"; the function's own option decides then
        env["FAAS_CONCURRENCY"] = str(plan.container_concurrency)
    if settings.foreground:
        env["FAAS_DEV"] = "1"
    return env


def _text(value: str, reference: SecretRef, key: str) -> str:
    if not can_be_variable(value):
        raise MissingReference(
            f"{reference.kind.lower()} {reference.name!r}: {key} is not text, which a variable has to be; "
            "mount it as a file"
        )
    return value
