"""`[tool.faas.environments.NAME]`: what differs between the places a project is deployed to. Parsed, not applied."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from faas_runtime.errors import OptionError
from faas_runtime.options.checking import validate
from faas_runtime.options.known import OPTIONS
from faas_runtime.options.option import Option, did_you_mean, table
from faas_runtime.options.values import boolean, matching

from faas.project.errors import SettingsError
from faas.project.pyproject import brokers, secrets
from faas.project.pyproject.brokers import BrokerSettings
from faas.project.pyproject.build_settings import BuildSettings, parse_build
from faas.project.pyproject.secrets import Declared
from faas.project.pyproject.tables import Table

WHERE = "tool.faas.environments"
_DNS = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._:/-]*\Z")
_OF_ONE = ("name", "service", "domains")  # what only one function or service can have
_FOR_ALL = {name: option for name, option in OPTIONS.items() if name not in _OF_ONE}
_TABLES = ("functions", "domains", "secrets", "config", "brokers", "build")


@dataclass(frozen=True, slots=True)
class Stage:
    """What is "", None or empty was not said."""

    name: str
    context: str = ""  # of the kubeconfig, or `local`
    namespace: str = ""
    registry: str = ""  # images become REGISTRY/PROJECT
    image: str = ""  # or this, whole
    dead_letters: bool | None = None  # whether a cluster gets our store for them
    options: Mapping[str, Any] = field(default_factory=dict)  # for every function, in their normal form
    functions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    domains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # hosts of services
    secrets: Mapping[str, Declared] = field(default_factory=dict)
    config: Mapping[str, Declared] = field(default_factory=dict)
    brokers: Mapping[str, BrokerSettings] = field(default_factory=dict)
    build: BuildSettings = field(default_factory=BuildSettings)

    @property
    def where(self) -> str:
        return f"{WHERE}.{self.name}"


def parse_stages(tables: Mapping[str, Table]) -> dict[str, Stage]:
    """Raises: SettingsError: a stage says something that it cannot say."""
    return {name: _parse(name, said) for name, said in tables.items()}


def find_stage(stages: Mapping[str, Stage], name: str, pyproject: Path) -> Stage:
    """Raises: SettingsError: there is no such stage."""
    if name in stages:
        return stages[name]
    hint = did_you_mean(name, tuple(stages)) if stages else f"Write [{WHERE}.{name}]"
    raise SettingsError(pyproject, f"{WHERE}.{name}", "the project has no such stage", hint)


def _parse(name: str, said: Table) -> Stage:
    if not _DNS.match(name):
        raise said.refused("no stage can be called so", "Use lower-case letters, digits and '-'")
    inner = {word: value for word, value in said.content.items() if word in _TABLES and isinstance(value, dict)}
    rest = {word: value for word, value in said.content.items() if word not in inner}
    for word in rest:
        if word not in _OWN and word not in _FOR_ALL:
            raise said.refused(*_unknown(word, said.key), at=word)
    own = {word: rest.pop(word) for word in _OWN if word in rest}
    functions = said.inner("functions")
    return Stage(
        name,
        **replace(said, content=own).settings(_OWN),
        options=replace(said, content=rest).options(_FOR_ALL),
        functions={function: functions.inner(function).options(OPTIONS) for function in functions.content},
        domains=_domains(said.inner("domains")),
        secrets=secrets.parse_secrets(said.tables("secrets")),
        config=secrets.parse_config(said.tables("config")),
        brokers=brokers.parse_brokers(said.tables("brokers")),
        build=parse_build(said.inner("build")),
    )


def _unknown(word: str, where: str) -> tuple[str, str]:
    if word in _TABLES:
        return "this is a table", f"Write [{where}.{word}{'' if word in ('domains', 'build') else '.NAME'}]"
    if word in _OF_ONE:
        return "this is for one function", f"Write [{where}.functions.NAME] {word} = …"
    return "there is no such setting", did_you_mean(word, [*_OWN, *_TABLES, *_FOR_ALL])


def _domains(said: Table) -> dict[str, tuple[str, ...]]:
    found = {}
    for service, hosts in said.content.items():
        try:
            found[service] = tuple(validate({"domains": hosts})["domains"])
        except OptionError as error:
            raise said.refused(error.message, error.hint, at=service) from error
    return found


def _text(pattern: re.Pattern[str]) -> Callable[[Any], str]:
    parse = matching(pattern)
    return lambda value: parse(value.strip().removesuffix("/"))


_OWN = table(
    Option("context", "where it is deployed to", "the name of a context; see faas context list",
           _text(re.compile(r"\S.*\Z"))),
    Option("namespace", "the namespace there", "a DNS label", matching(_DNS)),
    Option("registry", "where images are pushed to", "a registry and a path, as 'registry.example.org/team'",
           _text(_IMAGE)),
    Option("image", "what the image is called, whole", "a reference, as 'registry.example.org/team/shop'",
           _text(_IMAGE)),
    Option("dead_letters", "whether a cluster gets a store for dead letters", "true or false", boolean),
)  # fmt: skip
