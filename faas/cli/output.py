"""How results look: data as JSON or YAML, tables for people; all of it to stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from faas.cli.terminal import harmless


def print_objects(objects: Sequence[dict[str, Any]], output: str) -> None:
    """Kubernetes objects so that kubectl can apply them: YAML documents, or one List in JSON."""
    if output == "json":
        print_data({"apiVersion": "v1", "kind": "List", "items": list(objects)}, output)
    else:
        click.echo("---\n".join(to_yaml(obj) for obj in objects), nl=False)


def key_of(obj: Mapping[str, Any]) -> tuple[str, str]:
    """Namespace and name, in objects' metadata or in an entry of the engine's report."""
    found = obj.get("metadata", obj)
    return str(found.get("namespace", "")), str(found["name"])


def sorted_objects(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=key_of)


def print_data(data: Any, output: str) -> None:
    """Print `data` as `output` says: json or yaml."""
    if output == "json":
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        click.echo(to_yaml(data), nl=False)


def to_yaml(data: Any) -> str:
    import yaml

    from faas.resources.yaml_text import needs_quotes

    class Dumper(yaml.SafeDumper):
        def represent_str(self, data: str) -> yaml.ScalarNode:
            style = "'" if needs_quotes(data) else None
            return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(str, Dumper.represent_str)
    return str(yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=120))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """A table in kubectl's manner: upper-case heads, two spaces between, no lines; `empty` (stderr) for no rows."""
    body = [[harmless(cell) for cell in row] for row in rows]
    if not body:
        click.echo(empty, err=True)
        return
    heads = [column.upper() for column in columns]
    widths = [max(len(click.unstyle(line[index])) for line in [heads, *body]) for index in range(len(heads))]
    for line in [heads, *body]:
        cells = [cell + " " * (width - len(click.unstyle(cell))) for cell, width in zip(line, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def print_listing(
    objects: Sequence[Mapping[str, Any]],
    heads: Sequence[str],
    row_of: Callable[[Any], Sequence[str]],
    *,
    namespace: str,
    what: str,
    hint: str,
) -> None:
    """A row for each object; of all namespaces ("") each says its own.

    Args: what: they are, in one word. hint: what makes one, for when there is none.
    """
    rows = [row_of(obj) for obj in objects]
    if not namespace:
        heads = ["namespace", *heads]
        rows = [[obj["metadata"]["namespace"], *row] for obj, row in zip(objects, rows, strict=True)]
    where = f" in namespace {namespace}" if namespace else ""
    print_table(heads, rows, empty=f"there is no {what}{where}; {hint}")


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """`Title: value` in columns, as `faas describe` does; what is empty is left out."""
    shown = [(title, value) for title, value in facts if value]
    width = max(13, max((len(title) for title, _ in shown), default=0) + 2)
    for title, value in shown:
        click.echo(f"{title + ':':<{width}}" + harmless(value).replace("\n", "\n" + " " * width))


def print_section(title: str, lines: Sequence[str]) -> None:
    if lines:
        click.echo(f"\n{title}")
        for line in lines:
            click.echo(f"  {harmless(line)}")


def ready_text(status: str, reason: str = "") -> str:
    """True, or what keeps it from that, in colour."""
    if status == "True":
        return click.style("Ready", fg="green")
    colour = "red" if status == "False" else "yellow"
    return click.style(reason or ("NotReady" if status == "False" else "Pending"), fg=colour)


def age(timestamp: str, now: datetime | None = None) -> str:
    """`2026-11-23T12:00:00Z` as kubectl shows ages: 42s, 5m, 3h, 2d."""
    try:
        then = datetime.fromisoformat(timestamp)
    except ValueError:
        return "?"
    seconds = max(0, int(((now or datetime.now(UTC)) - then).total_seconds()))
    for size, unit, above in ((86400, "d", 2 * 86400), (3600, "h", 3 * 3600), (60, "m", 120)):
        if seconds >= above:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def first_line(text: str) -> str:
    """Of a message that may quote a log."""
    head, rest, _ = text.partition("\n")
    return f"{head} …" if rest else head


def note(text: str) -> None:
    """Say something beside the result, on stderr."""
    click.echo(harmless(text), err=True)


def note_hidden(hidden: Iterable[object], namespace: str) -> None:
    """Say which kinds are not shown, for lack of the right to see them. Args: namespace: "": all."""
    if names := ", ".join(sorted(map(str, hidden))):
        note(f"not shown, since you may not list them {f'in {namespace}' if namespace else 'everywhere'}: {names}")


def is_terminal() -> bool:
    return sys.stdout.isatty()
