"""Which values are taken, and which of several givers wins.

Decorator < `[tool.faas.functions.NAME]` < `FAAS_…` environment < flag. All of it is pure: `validate` checks what one
place gave, `merge` puts the places together, `from_environment` reads a mapping it is handed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from faas_runtime.errors import OptionError
from faas_runtime.options.known import OPTIONS
from faas_runtime.options.option import Option, did_you_mean

_VARIABLES = ("env", "secret_env", "config_env")


def validate(
    given: Mapping[str, Any], *, known: Mapping[str, Option] = OPTIONS, also: Sequence[str] = ()
) -> dict[str, Any]:
    """Check what one place gave and bring it to its normal form.

    Args:
        also: further words the place takes, for the "did you mean" of an unknown one.
    Raises: OptionError: for the first that is unknown or out of range.
    """
    normal: dict[str, Any] = {}
    for name, value in given.items():
        option = known.get(name)
        if option is None:
            raise OptionError(name, f"there is no option {name!r}", did_you_mean(name, [*also, *known]))
        try:
            normal[name] = option.parse(value)
        except OptionError as error:  # the parser has said it better
            raise OptionError(name, error.message, error.hint) from None
        except (ValueError, TypeError, AttributeError):
            raise OptionError(name, f"{name}={value!r} is out of range", f"it takes {option.takes}") from None
    _check_together(normal)
    return normal


def _check_together(options: Mapping[str, Any]) -> None:
    """Raises: OptionError: options that are right one by one contradict each other."""
    low, high = options.get("min_scale"), options.get("max_scale")
    if low is not None and high and low > high:
        raise OptionError("min_scale", f"min_scale={low} is above max_scale={high}", "lower one or raise the other")
    activation = options.get("activation_scale")
    if activation is not None and not (low or 0) <= activation <= (high or activation):
        between = f"min_scale={low or 0} and max_scale={high or 'any'}"
        raise OptionError("activation_scale", f"activation_scale={activation} is not between {between}", "change one")
    if options.get("metric") in ("cpu", "memory") and options.get("autoscaler", "hpa") == "kpa":
        raise OptionError("metric", f"the autoscaler kpa knows no {options['metric']}", "say autoscaler='hpa'")
    variables: dict[str, str] = {}
    for option in _VARIABLES:
        for variable in options.get(option, {}):
            if variable in variables:
                message = f"the variable {variable} stands in {variables[variable]} and in {option}"
                raise OptionError(option, message, "leave one out")
            variables[variable] = option


def merge(*places: Mapping[str, Any]) -> dict[str, Any]:
    """Put together what decorator, file, environment and flags gave, weakest first; mappings by key.

    Raises: OptionError: the whole is inconsistent although each place is not (min_scale above max_scale).
    """
    merged: dict[str, Any] = {}
    for place in places:
        for name, value in place.items():
            if name in _VARIABLES:
                _displace(merged, name, value)
            both_maps = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
            merged[name] = {**merged[name], **value} if both_maps else value
    return validate(merged)


def _displace(merged: dict[str, Any], name: str, variables: Mapping[str, str]) -> None:
    """A variable has its value from the strongest place, whichever of the three options that says it with."""
    for other in _VARIABLES:
        if other != name and other in merged:
            merged[other] = {key: value for key, value in merged[other].items() if key not in variables}


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """The options that `FAAS_MIN_SCALE=1` and its like set; what is empty is not set. Raises: OptionError."""
    found = {
        option.name: environment[variable]
        for option in OPTIONS.values()
        if option.environment and environment.get(variable := f"FAAS_{option.name.upper()}")
    }
    return validate(found)
