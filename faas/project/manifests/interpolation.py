"""`${NAME}` and `${NAME:-otherwise}` in what a source's decorator says, filled from the deploy's environment.

For addresses that differ from place to place. Passwords do not belong here: what is filled in stands in an object that
others may read, so an address that gets one this way is refused; a Secret is for that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from faas_runtime.errors import OptionError
from faas_runtime.options import sources as source_options
from faas_runtime.options.checking import validate

from faas.project.errors import ProjectError

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<otherwise>[^}]*))?\}")
_AS_IT_IS = ("data", "content_type")


def filled(kind: str, options: Mapping[str, Any], variables: Mapping[str, str], *, where: str) -> dict[str, Any]:
    """A source's options with every variable filled in, and checked again.

    Args:
        where: the function, for the error. Raises: ProjectError: a variable is not set, or the result cannot be.
    """
    known = source_options.OPTIONS[kind]
    made: dict[str, Any] = {}
    for name, value in options.items():
        if name not in known or name in _AS_IT_IS or not _has_variable(value):
            made[name] = value
            continue
        try:
            made |= validate({name: _fill(value, variables)}, known=known)
        except KeyError as error:
            raise ProjectError(
                f"{where}: @function.{kind} has {name}={value!r}, and {error.args[0]} is not set",
                f"Set it:  export {error.args[0]}=…, or write ${{{error.args[0]}:-otherwise}}",
            ) from None
        except OptionError as error:
            raise ProjectError(f"{where}: @function.{kind}: {error.message}", error.hint) from error
    return made


def _has_variable(value: object) -> bool:
    if isinstance(value, list):
        return any(_has_variable(item) for item in value)
    return isinstance(value, str) and _VARIABLE.search(value) is not None


def _fill(value: Any, variables: Mapping[str, str]) -> Any:
    """Raises: KeyError: the variable that is not set."""
    if isinstance(value, list):
        return [_fill(item, variables) for item in value]

    def replace(match: re.Match[str]) -> str:
        found = variables.get(match["name"]) or match["otherwise"]
        if found is None:
            raise KeyError(match["name"])
        return found

    return _VARIABLE.sub(replace, value)
