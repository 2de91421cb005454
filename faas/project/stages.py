"""`[tool.faas.environments.NAME]`: what differs between the places a project is deployed to. Parsed, not applied."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faas_runtime.option_values import boolean, matching
from faas_runtime.options import OPTIONS, Option, OptionError, did_you_mean, validate

from faas.project import brokers, secrets
from faas.project.brokers import BrokerSettings
from faas.project.build_settings import BuildSettings, parse_build
from faas.project.errors import SettingsError
from faas.project.secrets import Declared

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


def parse_stages(given: Any, pyproject: Path) -> dict[str, Stage]:
    """Raises: SettingsError: a stage says something that it cannot say."""
    if not isinstance(given, dict) or not all(isinstance(each, dict) for each in given.values()):
        raise SettingsError(pyproject, WHERE, "this is a table of tables", f"Write [{WHERE}.NAME]")
    return {name: _parse(name, said, pyproject) for name, said in given.items()}


def find_stage(stages: Mapping[str, Stage], name: str, pyproject: Path) -> Stage:
    """Raises: SettingsError: there is no such stage."""
    if name in stages:
        return stages[name]
    hint = did_you_mean(name, tuple(stages)) if stages else f"Write [{WHERE}.{name}]"
    raise SettingsError(pyproject, f"{WHERE}.{name}", "the project has no such stage", hint)


def _parse(name: str, said: Mapping[str, Any], pyproject: Path) -> Stage:
    where = f"{WHERE}.{name}"
    if not _DNS.match(name):
        raise SettingsError(pyproject, where, "no stage can be called so", "Use lower-case letters, digits and '-'")
    tables = {word: said[word] for word in _TABLES if isinstance(said.get(word), dict)}
    rest = {word: value for word, value in said.items() if word not in tables}
    for word in rest:
        if word not in _OWN and word not in _FOR_ALL:
            raise SettingsError(pyproject, f"{where}.{word}", *_unknown(word, where))
    own = _validated({word: rest.pop(word) for word in _OWN if word in rest}, _OWN, pyproject, where)
    return Stage(
        name,
        **own,
        options=_validated(rest, _FOR_ALL, pyproject, where),
        functions=_functions(tables.get("functions", {}), pyproject, f"{where}.functions"),
        domains=_domains(tables.get("domains", {}), pyproject, f"{where}.domains"),
        secrets=secrets.parse_secrets(tables.get("secrets", {}), pyproject, f"{where}.secrets"),
        config=secrets.parse_config(tables.get("config", {}), pyproject, f"{where}.config"),
        brokers=brokers.parse_brokers(tables.get("brokers", {}), pyproject, f"{where}.brokers"),
        build=parse_build(tables.get("build", {}), pyproject, f"{where}.build"),
    )


def _unknown(word: str, where: str) -> tuple[str, str]:
    if word in _TABLES:
        return "this is a table", f"Write [{where}.{word}{'' if word in ('domains', 'build') else '.NAME'}]"
    if word in _OF_ONE:
        return "this is for one function", f"Write [{where}.functions.NAME] {word} = …"
    return "there is no such setting", did_you_mean(word, [*_OWN, *_TABLES, *_FOR_ALL])


def _validated(given: Mapping[str, Any], known: Mapping[str, Option], pyproject: Path, where: str) -> dict[str, Any]:
    try:
        return validate(given, known=known)
    except OptionError as error:
        raise SettingsError(pyproject, f"{where}.{error.option}", error.message, error.hint) from error


def _functions(given: Mapping[str, Any], pyproject: Path, where: str) -> dict[str, Mapping[str, Any]]:
    for name, options in given.items():
        if not isinstance(options, dict):
            raise SettingsError(pyproject, f"{where}.{name}", "this is a table", f"Write [{where}.{name}]")
    return {name: _validated(options, OPTIONS, pyproject, f"{where}.{name}") for name, options in given.items()}


def _domains(given: Mapping[str, Any], pyproject: Path, where: str) -> dict[str, tuple[str, ...]]:
    found = {}
    for service, hosts in given.items():
        try:
            found[service] = tuple(validate({"domains": hosts})["domains"])
        except OptionError as error:
            raise SettingsError(pyproject, f"{where}.{service}", error.message, error.hint) from error
    return found


def _text(pattern: re.Pattern[str]) -> Callable[[Any], str]:
    parse = matching(pattern)
    return lambda value: parse(value.strip().removesuffix("/"))


_OWN = {
    option.name: option
    for option in (
        Option("context", "where it is deployed to", "the name of a context; see faas context list",
               _text(re.compile(r"\S.*\Z"))),
        Option("namespace", "the namespace there", "a DNS label", matching(_DNS)),
        Option("registry", "where images are pushed to", "a registry and a path, as 'registry.example.org/team'",
               _text(_IMAGE)),
        Option("image", "what the image is called, whole", "a reference, as 'registry.example.org/team/shop'",
               _text(_IMAGE)),
        Option("dead_letters", "whether a cluster gets a store for dead letters", "true or false", boolean),
    )
}  # fmt: skip
