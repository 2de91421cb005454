"""`faas new`: a project to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from faas.project.scaffold import Template

_TEMPLATES = ("http", "api", "flask")  # faas.project.scaffold.TEMPLATES, without its import; a test compares them


@click.command(short_help="Make a project from a template.")
@click.argument("path", metavar="NAME", type=click.Path(path_type=Path))
@click.option(
    "--template", "-t", type=click.Choice(_TEMPLATES), default="http", show_default=True,
    help="http: one function; api: several routes of one service; flask: a Flask application.",
)  # fmt: skip
def command(path: Path, template: Template) -> None:
    """Make a project in a new folder NAME: code, a test, a README.

    \b
    Examples:
      faas new hello
      faas new notes --template api
    """
    from faas.project.scaffold import make_project

    for written in make_project(path, template):
        click.echo(f"{path / written.name}")
    click.echo(f"\nNext:  cd {path} && faas run", err=True)
