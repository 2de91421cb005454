"""`python -m faas_runtime.describe [PROJECT] [--module M ...]`: what a project declares, as `spec.Description` in JSON.

Runs in the project's own Python, since it imports the user's code; whoever deploys reads the JSON. All that the user's
code prints goes to stderr. Problems are part of the answer; the exit code is 0 whenever there is one.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from faas_runtime.declaring.paths import assign_paths
from faas_runtime.declaring.registry import REGISTRY, Declaration, Declared
from faas_runtime.declaring.spec import Description, FunctionSpec, Problem, Trigger
from faas_runtime.declaring.triggers import trigger_names
from faas_runtime.endpoints.endpoint import is_async, make_endpoint
from faas_runtime.endpoints.metrics import Stats
from faas_runtime.errors import DeclarationError, FaasError
from faas_runtime.frames import OURS
from faas_runtime.loading.discovery import add_to_path, find_modules
from faas_runtime.loading.freshness import read_sources
from faas_runtime.settings import Settings


def describe(project: Path, modules: Sequence[str] = ()) -> Description:
    """Import the project's modules and say what they declare, or what is wrong. Changes sys.path and the registry."""
    problems: list[Problem] = []
    project = project.resolve()
    python = platform.python_version()
    add_to_path(project)
    try:
        names = list(modules) or find_modules(project)
    except FaasError as error:
        return Description(errors=(_from_text(str(error)),), python=python)
    if not names:
        hint = "decorate a function: from faas import function; @function" \
               if any(project.glob("*.py")) else "start one with: faas new NAME"  # fmt: skip
        return Description(errors=(Problem(message=f"no module in {project} imports faas", hint=hint),), python=python)
    for name in names:
        problems += _import(name, project)
    functions: list[FunctionSpec] = []
    if not problems:
        functions, problems = _describe_declared(names, project)
    return Description(functions=tuple(functions), errors=tuple(problems), modules=tuple(names), python=python)


def _import(name: str, project: Path) -> list[Problem]:
    try:
        importlib.import_module(name)
    except DeclarationError as error:
        return [_from_declaration(error, project)]
    except BaseException as error:  # noqa: BLE001  # also SystemExit and KeyboardInterrupt: it is the user's module
        return [_from_import(name, error, project)]
    return []


def _describe_declared(names: Sequence[str], project: Path) -> tuple[list[FunctionSpec], list[Problem]]:
    declared = REGISTRY.in_modules(names)
    problems = [
        Problem(message=f"{lost.target} is defined again further down, so this one is never served",
                hint="give one of them another name", file=_relative(lost.place.file, project), line=lost.place.line)
        for lost in REGISTRY.shadowed if lost.module in names
    ]  # fmt: skip
    if not declared and not problems:
        message = f"{', '.join(names)} import{'s' if len(names) == 1 else ''} faas but declare no function"
        return [], [Problem(message=message, hint="decorate one with @function")]
    services: dict[str, list[Declared]] = {}
    for function in declared:
        try:
            services.setdefault(function.service, []).append(function)
        except DeclarationError as error:
            problems.append(_from_declaration(error, project))
    problems += _collisions(declared, services, project)
    specs: list[FunctionSpec] = []
    for functions in services.values():
        try:
            specs += _specs(functions, project)
        except DeclarationError as error:
            problems.append(_from_declaration(error, project))
    order = {function.target: index for index, function in enumerate(declared)}
    return sorted(specs, key=lambda spec: order[spec.target]), problems


def _specs(functions: list[Declared], project: Path) -> list[FunctionSpec]:
    """The specs of one service's functions. Raises: DeclarationError."""
    triggers: dict[str, list[Trigger]] = {function.target: [] for function in functions}
    names = {
        function.target: trigger_names(function.name, [each.kind for each in function.declarations])
        for function in functions
    }
    settings = Settings()
    for function, declaration, path in assign_paths(functions):
        if function.kind == "function" and "<locals>" in function.target:
            raise DeclarationError(f"{function.target} is defined inside a function, so no other process can import it",
                                   hint="move it to the module's top level", file=function.place.file,
                                   line=function.place.line)  # fmt: skip
        make_endpoint(function, declaration, path, settings, Stats())  # its signature has to hold
        name = names[function.target].pop(0)
        triggers[function.target].append(_trigger(declaration, path, function, name))
    return [
        FunctionSpec(
            name=function.name, target=function.target, service=function.service,
            triggers=tuple(triggers[function.target]),
            options={k: v for k, v in function.options.items() if k not in ("name", "service")},
            is_async=is_async(function), kind=function.kind, file=_relative(function.place.file, project),
            line=function.place.line, doc=_first_line(function),
            checks=tuple(kind for kind in ("ready", "live") if REGISTRY.hooks_of(kind)),
        )
        for function in functions
    ]  # fmt: skip


def _trigger(declaration: Declaration, path: str, function: Declared, name: str) -> Trigger:
    try:
        msgspec.json.encode(declaration.options)
    except TypeError as error:
        raise DeclarationError(f"an option of {function.target} has no JSON form: {error}", file=declaration.place.file,
                               line=declaration.place.line) from None  # fmt: skip
    return Trigger(
        kind=declaration.kind, path=path, methods=declaration.methods, options=declaration.options, name=name
    )


def _collisions(declared: Sequence[Declared], services: Iterable[str], project: Path) -> list[Problem]:
    """Two functions of one name, which would be one Service."""
    problems, first = [], dict[str, Declared]()
    for function in declared:
        try:
            name = function.name
        except DeclarationError:
            continue  # it is in the list already
        other = first.setdefault(name, function)
        if other is not function:
            problems.append(Problem(
                message=f"{function.target} and {other.target} are both called {name!r}",
                hint=f"name one: @function(name='{name}-2')", file=_relative(function.place.file, project),
                line=function.place.line,
            ))  # fmt: skip
    return problems


def _first_line(function: Declared) -> str:
    doc = getattr(function.handler, "__doc__", None) if function.kind == "function" else None
    return doc.strip().splitlines()[0] if doc and doc.strip() else ""


def _from_declaration(error: DeclarationError, project: Path) -> Problem:
    return Problem(message=error.message, hint=error.hint, file=_relative(error.file, project), line=error.line)


def _from_import(name: str, error: BaseException, project: Path) -> Problem:
    """The user's own traceback: without our frames and the import machinery's, pointing at the innermost own line."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((OURS, "<frozen importlib")) and "importlib" not in frame.filename
    ]  # fmt: skip
    own = [frame for frame in frames if frame.filename.startswith(str(project))]
    file, line = (own[-1].filename, own[-1].lineno or 0) if own else ("", 0)
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno or 0
    text = "Traceback (most recent call last):\n" if frames else ""
    text += "".join(traceback.format_list(frames)) + "".join(traceback.format_exception_only(error))
    return Problem(message=f"{name} does not import: {type(error).__name__}: {error}", hint=_import_hint(name, error),
                   file=_relative(file, project), line=line, traceback=text)  # fmt: skip


def _import_hint(name: str, error: BaseException) -> str:
    if isinstance(error, ImportError) and error.name in ("faas", "faas_runtime"):
        from difflib import get_close_matches

        import faas_runtime

        wanted = getattr(error, "name_from", None) or str(error).partition("name '")[2].partition("'")[0]
        close = get_close_matches(wanted, faas_runtime.__all__, n=1)
        if close:
            return f"did you mean: from faas import {close[0]}"
    if isinstance(error, ModuleNotFoundError) and error.name == name.partition(".")[0]:
        return "check [tool.faas] modules in pyproject.toml"
    if isinstance(error, ModuleNotFoundError):
        return f"install {error.name} into the project's environment, or add it to its dependencies"
    if isinstance(error, SystemExit):
        return "the module ends the process while it is imported: guard that with if __name__ == '__main__'"
    return ""


def _from_text(text: str) -> Problem:
    message, _, hint = text.partition("\n")
    return Problem(message=message, hint=hint.strip())


def _relative(file: str, project: Path) -> str:
    try:
        return str(Path(file).relative_to(project)) if file else ""
    except ValueError:
        return file


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m faas_runtime.describe", description="Print what a project declares."
    )
    parser.add_argument("project", nargs="?", default=".", type=Path)
    parser.add_argument("--module", action="append", default=[], help="import this module instead of looking for some")
    options = parser.parse_args(arguments)
    answer = os.fdopen(os.dup(1), "wb")
    sys.stdout.flush()
    os.dup2(2, 1)  # whatever the user's code prints, also from C or a child process, must not mix with the JSON
    read_sources(options.project)
    description: Any = describe(options.project, options.module)
    with answer:
        answer.write(msgspec.json.encode(description) + b"\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # not held up by threads that the user's import has started
