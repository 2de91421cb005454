"""From declared functions to the services that a deploy makes: options of all places merged, functions grouped."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from faas_runtime.declaring.spec import FunctionSpec
from faas_runtime.errors import OptionError
from faas_runtime.options.checking import from_environment, merge, validate
from faas_runtime.options.option import did_you_mean

from faas.project.errors import ProjectError, SettingsError
from faas.project.pyproject.settings import Settings

SYNC_CONCURRENCY = 20  # threads of an instance: a sync handler holds one while it works
ASYNC_CONCURRENCY = 100  # Knative's own default target
DEFAULT_BROKER = "default"

_GIVEN_ELSEWHERE = ("name", "service")  # they say which service it is, not how it runs


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One Knative Service: the functions it serves and the options they agreed on, in their normal form."""

    name: str
    functions: tuple[FunctionSpec, ...]
    options: Mapping[str, Any]

    @property
    def target(self) -> str:
        """What FAAS_FUNCTION says."""
        return ",".join(function.target for function in self.functions)

    @property
    def concurrency(self) -> int:
        given: int | None = self.options.get("concurrency")
        if given is not None:
            return given
        is_async = all(function.is_async or function.kind == "asgi" for function in self.functions)
        return ASYNC_CONCURRENCY if is_async else SYNC_CONCURRENCY

    @property
    def is_public(self) -> bool:
        """Whether the public listener answers for it: what only events trigger is nobody else's business."""
        if visibility := self.options.get("visibility"):
            return bool(visibility == "public")
        return self.answers_http

    @property
    def answers_http(self) -> bool:
        """Also to requests; not to events alone."""
        return any(trigger.kind == "http" for function in self.functions for trigger in function.triggers)


def make_services(
    functions: Iterable[FunctionSpec],
    settings: Settings,
    *,
    variables: Mapping[str, str] = {},
    flags: Mapping[str, Any] = {},
    only: Sequence[str] = (),
) -> tuple[ServiceSpec, ...]:
    """Group functions by service and merge their options: decorator < pyproject.toml < its stage < FAAS_… < flags.

    Args:
        flags: options from the command line, for every service that is made.
        only: names of the services wanted; all when empty.
    Raises: SettingsError: pyproject.toml names an option or a function that there is not; ProjectError: a value of the
        environment is out of range, or functions that share a service contradict each other.
    """
    functions = tuple(functions)
    _check_names(functions, settings)
    ambient = _from_environment(variables)
    grouped: dict[str, list[tuple[FunctionSpec, dict[str, Any]]]] = {}
    for function in functions:
        options = _merged(function, settings, ambient, flags)
        grouped.setdefault(str(options.get("service") or function.service), []).append((function, options))
    for name in only:
        if name not in grouped:
            raise ProjectError(f"the project has no service {name}", f"Services: {', '.join(sorted(grouped))}")
    domains = _domains(settings, tuple(grouped))
    return tuple(
        ServiceSpec(name, tuple(function for function, _ in members), {**_agreed(name, members), **domains[name]})
        for name, members in sorted(grouped.items())
        if not only or name in only
    )


def _merged(
    function: FunctionSpec, settings: Settings, ambient: Mapping[str, Any], flags: Mapping[str, Any]
) -> dict[str, Any]:
    key, listed = _listed(function, settings.functions)
    try:
        listed = validate(listed)
    except OptionError as error:
        raise SettingsError(settings.pyproject, f"tool.faas.functions.{key}", error.message, error.hint) from error
    stage = settings.stage
    staged = (stage.options, _listed(function, stage.functions)[1]) if stage else ()
    try:
        return merge(function.options, listed, *staged, ambient, flags)
    except OptionError as error:
        raise ProjectError(f"{function.name}: {error.message}", error.hint) from error


def _listed(function: FunctionSpec, functions: Mapping[str, Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]]:
    for key in _keys(function):
        if key in functions:
            return key, functions[key]
    return function.name, {}


def _domains(settings: Settings, services: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What the stage says of hosts, by service, in place of what functions say."""
    given = settings.stage.domains if settings.stage else {}
    for name in given:
        if name not in services:
            assert settings.stage is not None
            where = f"{settings.stage.where}.domains.{name}"
            hint = did_you_mean(name, services)
            raise SettingsError(settings.pyproject, where, "the project has no such service", hint)
    return {name: {"domains": list(given[name])} if name in given else {} for name in services}


def _keys(function: FunctionSpec) -> tuple[str, str]:
    """What a function may be called in pyproject.toml: as its service, or as in Python."""
    return function.name, function.target.rpartition(":")[2]


def _check_names(functions: tuple[FunctionSpec, ...], settings: Settings) -> None:
    known = [key for function in functions for key in _keys(function)]
    named = [(f"tool.faas.functions.{name}", name) for name in settings.functions]
    if settings.stage is not None:
        named += [(f"{settings.stage.where}.functions.{name}", name) for name in settings.stage.functions]
    for where, name in named:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Functions: {', '.join(sorted(set(known)))}"
            raise SettingsError(settings.pyproject, where, "the project has no such function", hint)


def _from_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    try:
        return from_environment(variables)
    except OptionError as error:
        raise ProjectError(f"environment variable FAAS_{error.option.upper()}: {error.message}", error.hint) from error


def _agreed(name: str, members: list[tuple[FunctionSpec, dict[str, Any]]]) -> dict[str, Any]:
    """The options of a service that several functions share; they must not contradict each other."""
    agreed: dict[str, Any] = {}
    for function, options in members:
        for option, value in options.items():
            if option in _GIVEN_ELSEWHERE:
                continue
            if option in agreed and agreed[option] != value:
                raise ProjectError(
                    f"functions of service {name} disagree on {option}: {agreed[option]!r} and {value!r}"
                    f" ({function.file or function.target})",
                    "They share one process: give the option once, or give them services of their own",
                )
            agreed[option] = value
    return agreed


def current_variables() -> Mapping[str, str]:
    """The environment that options are read from; the one place of this package that reads it."""
    return os.environ
