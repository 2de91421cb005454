"""Finds the declared functions that a target names, importing their modules."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from faas_runtime.declaring.registry import REGISTRY, Declared
from faas_runtime.errors import LoadError


def find_functions(target: str) -> list[Declared]:
    """The functions of `module:name[,module:other]`, or of all of `module`; they serve as one.

    Raises: LoadError: it names nothing that is declared. Whatever importing the module raises.
    """
    found: dict[str, Declared] = {}
    for part in filter(None, (part.strip() for part in target.split(","))):
        module, _, name = part.partition(":")
        importlib.import_module(module)
        declared = REGISTRY.in_modules([module])
        for function in _named(declared, module, name) if name else declared:
            found[function.target] = function
        if not found:
            raise LoadError(f"{module} declares no function\n  Decorate one: from faas import function; @function")
    if not found:
        raise LoadError("no function is named\n  Say which: FAAS_FUNCTION=main:hello")
    return list(found.values())


def _named(declared: Sequence[Declared], module: str, name: str) -> list[Declared]:
    by_python = [function for function in declared if function.target == f"{module}:{name}"]
    wanted = by_python or [function for function in declared if function.name == name]
    if wanted:
        return wanted
    from difflib import get_close_matches  # here: nothing that is right needs it

    names = [function.target.partition(":")[2] for function in declared]
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        advice = f"did you mean {module}:{close[0]}?"
    elif names:
        advice = f"it declares: {', '.join(names)}"
    else:
        advice = "it declares none: decorate one with @function from faas"
    raise LoadError(f"{module} declares no function {name!r}\n  {advice}")
