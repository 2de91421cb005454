"""`build` for bin/build; `package DIR [--platform linux/arm64]` writes the complete buildpack."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from faas_builders.errors import BuilderError, DependencyError, StepFailed


def main(arguments: list[str]) -> int:
    """Exit codes: 0 done, 1 the project or the build cannot be served, 2 misused."""
    if arguments[:1] == ["build"]:
        return _said(lambda: _build(arguments[1:]))
    parser = argparse.ArgumentParser(prog="python -m faas_builders.cnb")
    commands = parser.add_subparsers(required=True)
    package = commands.add_parser("package", help="write the complete buildpack into a folder")
    package.add_argument("folder", type=Path)
    package.add_argument("--platform", default="", help="linux/amd64 or linux/arm64; this machine's when left out")
    package.add_argument("--python", action="append", help="a minor to have it for (3.12), repeated; all when left out")
    options = parser.parse_args(arguments)
    return _said(lambda: _package(options))


def _build(arguments: list[str]) -> None:
    from faas_builders.cnb.bindings import read_bindings
    from faas_builders.cnb.environment import read_environment
    from faas_builders.cnb.layers import Layer, LayerKind

    given = read_environment(os.environ, arguments, Path.cwd())
    # What is resolved and downloaded is kept from build to build, in a layer that no image gets.
    cache = Layer(given.layers, "cache", LayerKind(cache=True))
    cache.folder.mkdir(parents=True, exist_ok=True)
    cache.declare()
    os.environ["XDG_CACHE_HOME"] = str(cache.folder)
    os.environ["UV_CACHE_DIR"] = str(cache.folder / "uv")
    os.environ |= read_bindings(given.bindings, _log)

    from faas_builders.cnb.building import build

    build(given, _log)


def _package(options: argparse.Namespace) -> None:
    from faas_builders.cnb.package import MINORS, package
    from faas_builders.target import Platform

    platform = Platform.parse(options.platform) if options.platform else Platform.of_this_machine()
    package(options.folder, platform, tuple(options.python or MINORS), _log)
    print(
        f"\n{options.folder} is the buildpack for {platform}:\n"
        f"  pack build NAME --path PROJECT --builder BUILDER --buildpack {options.folder}\n"
        f"  pack buildpack package NAME --path {options.folder}   (or REGISTRY/NAME ... --publish)"
    )


def _said(work: object) -> int:
    assert callable(work)
    try:
        work()
    except BuilderError as error:
        output = error.output if isinstance(error, (DependencyError, StepFailed)) else ""
        for text in (output, error.message, f"  {error.hint}" if error.hint else ""):
            if text:
                print(text, file=sys.stderr)
        return 1
    return 0


def _log(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
