"""The options that say what a deploy makes, which `deploy` and `diff` share, and what they mean together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from faas.deploy.prepare import Wanted

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("path", type=click.Path(exists=True, path_type=Path), default="."),
    click.option("--service", "only", metavar="NAME", multiple=True, help="Only this service of the project."),
    click.option(
        "--python", metavar="PATH", type=click.Path(path_type=Path), help="The Python that runs the functions."
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
    python: Path | None,
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
    from faas.deploy.prepare import Wanted
    from faas.project.manifests import Overrides
    from faas.resources import durations

    given = {
        "min_scale": scale_min,
        "max_scale": scale_max,
        "initial_scale": scale_init,
        "target": scale_target,
        "concurrency": concurrency_limit,
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
    return Wanted(
        namespace=namespace,
        python=python,
        only=tuple(only),
        options={name: value for name, value in given.items() if value is not None},
        overrides=Overrides(added, removed, seconds),
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
