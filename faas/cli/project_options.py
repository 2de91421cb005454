"""The options that say what a deploy makes, which `deploy` and `diff` share, and what they mean together."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from faas.deploy.prepare import Wanted
    from faas.project.pyproject.build_settings import BuilderName

F = TypeVar("F", bound=Callable[..., Any])

# faas.project.build_settings.BUILDERS, without its import; a test compares them.
BUILDERS = ("oci", "docker", "pack")


def python_option(function: F) -> F:
    return click.option(
        "--python", metavar="3.12|PATH", default="", help="The Python of the functions: a version, or an interpreter."
    )(function)


def split_python(text: str) -> tuple[str, Path | None]:
    """The version, or the interpreter's path, of --python."""
    return (text, None) if re.fullmatch(r"\d+\.\d+", text) else ("", Path(text) if text else None)


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("path", type=click.Path(exists=True, path_type=Path), default="."),
    click.option("--service", "only", metavar="NAME", multiple=True, help="Only this service of the project."),
    python_option,
    click.option("--builder", type=click.Choice(BUILDERS), help="Make an image for containers with this builder."),
    click.option("--base", metavar="REF|host", default="", help="The image below; host: this machine's Python."),
    click.option(
        "--container/--no-container", default=None, help="Functions run as containers, or as processes; all of them."
    ),
    click.option("--env", "-e", "env", metavar="K=V|K-", multiple=True, help="Set or remove an environment variable."),
    click.option("--scale-min", type=click.IntRange(0), metavar="N", help="Instances that always run."),
    click.option("--scale-max", type=click.IntRange(0), metavar="N", help="Instances at most; 0: no bound."),
    click.option("--scale-init", type=click.IntRange(0), metavar="N", help="Instances a new revision starts with."),
    click.option(
        "--scale-target", type=click.FloatRange(0.01), metavar="N", help="Load that an instance should carry."
    ),
    click.option("--concurrency-limit", type=click.IntRange(1, 1000), metavar="N", help="Requests an instance takes."),
    click.option("--rollout-duration", metavar="TIME", help="Move traffic gradually: 90s, 5m."),
)


def project_options(function: F) -> F:
    """PATH and what overrides the project's own options."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def make_wanted(
    *,
    namespace: str,
    python: str,
    builder: BuilderName | None,
    base: str,
    container: bool | None,
    only: Sequence[str],
    env: Sequence[str],
    scale_min: int | None,
    scale_max: int | None,
    scale_init: int | None,
    scale_target: float | None,
    concurrency_limit: int | None,
    rollout_duration: str | None,
) -> Wanted:
    """Raises: click.UsageError: an option that says nothing valid."""
    from faas.deploy.images.requests import BuildFlags
    from faas.deploy.prepare import Wanted
    from faas.project.manifests.podspec import Overrides
    from faas.project.pyproject.build_settings import BuildSettings
    from faas.resources import durations

    given = {
        "min_scale": scale_min,
        "max_scale": scale_max,
        "initial_scale": scale_init,
        "target": scale_target,
        "concurrency": concurrency_limit,
        "container": container,
    }
    seconds: int | None = None
    if rollout_duration is not None:
        try:
            parsed = durations.parse(rollout_duration)
        except ValueError:
            parsed = -1.0
        if parsed < 0 or parsed != int(parsed):
            raise click.BadParameter("whole seconds, as 90s or 5m", param_hint="--rollout-duration")
        seconds = int(parsed)
    added, removed = _env(env)
    version, interpreter = split_python(python)
    return Wanted(
        namespace=namespace,
        only=tuple(only),
        options={name: value for name, value in given.items() if value is not None},
        overrides=Overrides(added, removed, seconds),
        flags=BuildFlags(BuildSettings(builder=builder, base=base, python=version), interpreter, attest=False),
    )


def _env(texts: Sequence[str]) -> tuple[dict[str, str], frozenset[str]]:
    added: dict[str, str] = {}
    removed: set[str] = set()
    for text in texts:
        name, equals, value = text.partition("=")
        if equals and name:
            added[name] = value
        elif text.endswith("-") and len(text) > 1:
            removed.add(text[:-1])
        else:
            raise click.BadParameter(f"{text!r} is neither K=V nor K-", param_hint="--env")
    return added, frozenset(removed)
