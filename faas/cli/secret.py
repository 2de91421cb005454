"""`faas secret`: Secrets that functions and sources read. Their values go one way: in."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from faas.cli.connection import with_client
from faas.cli.options import (
    all_namespaces_option,
    dry_run_option,
    namespace_option,
    output_option,
    target_option,
    yes_option,
)
from faas.cli.output import age, note, print_data, print_listing, sorted_objects

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient
    from faas.client.places.targets import Target
    from faas.client.protocol import Object
    from faas.project.pyproject.secrets import Origin
    from faas.project.secret_values import Values


@click.group(short_help="Secrets: what functions read and nobody is shown.")
def command() -> None:
    """Secrets of a namespace. A project may declare its own in [tool.faas.secrets.NAME], which its deploys make.

    \b
    Examples:
      faas secret create db --from-env PASSWORD=DB_PASSWORD
      faas secret list
    """


@command.command("create", short_help="Make a Secret.")
@click.argument("name")
@click.option("--from-env", metavar="KEY[=VAR]", multiple=True, help="From a variable of this shell's environment.")
@click.option("--from-file", metavar="[KEY=]PATH", multiple=True, help="A file's bytes; the key is its name.")
@click.option("--from-command", metavar="KEY=COMMAND", multiple=True, help="What a program prints; no shell reads it.")
@click.option("--from-stdin", metavar="KEY", help="Read from stdin; on a terminal it is asked for, and not shown.")
@click.option("--update", is_flag=True, help="Set these keys of a Secret that is there, and keep its others.")
@namespace_option
@dry_run_option
@target_option
def create(
    name: str,
    from_env: Sequence[str],
    from_file: Sequence[str],
    from_command: Sequence[str],
    from_stdin: str | None,
    update: bool,
    namespace: str,
    dry_run: bool,
    target: Target,
) -> None:
    """Make Secret NAME. No option takes a value itself: it would stay in the shell's history.

    \b
    Examples:
      faas secret create db --from-env PASSWORD=DB_PASSWORD
      faas secret create tls --from-file tls.crt=cert.pem --from-file tls.key=key.pem
      faas secret create github --from-command 'accessToken=pass show github'
      faas secret create mail --from-stdin PASSWORD
      faas secret create pull --from-file .dockerconfigjson=$HOME/.docker/config.json
    """
    from faas.cli.pull_login import registries_in

    origins = _origins(from_env, from_file, from_command)
    values = _read(name, origins, from_stdin)
    registries = registries_in(values)
    keys = ", ".join(values) + (f", with logins for {', '.join(registries)}" if registries else "")
    if dry_run:
        click.echo(f"{name} would get {keys} in namespace {namespace}")
        return
    done = with_client(target, lambda client: _write(client, name, values, namespace, update=update))
    use = f"read it in a function:  @function(secrets=[{name!r}]), ctx.secrets[{name!r}]"
    if registries:
        use = f'have images pulled with it:  image_pull_secrets = ["{name}"] in the stage, or of one function'
    click.echo(f"{name} {done}: {keys}\n{use}")


@command.command("list", short_help="List Secrets.")
@namespace_option
@all_namespaces_option
@output_option
@target_option
def list_(namespace: str, all_namespaces: bool, output: str | None, target: Target) -> None:
    """List Secrets with their keys. A value is never shown.

    \b
    Examples:
      faas secret list
      faas secret list -o json
    """
    from faas.resources.kinds import SECRET

    where = "" if all_namespaces else namespace

    async def work(client: HttpClient) -> list[Object]:
        return [_without_values(item) for item in (await client.list(SECRET, where)).items]

    found = sorted_objects(with_client(target, work))
    if output:
        print_data(found, output)
        return
    heads = ["name", "type", "keys", "project", "age"]
    print_listing(
        found, heads, _row, namespace=where, what="Secret", hint=f"make one:  faas secret create NAME{target.flags}"
    )


@command.command("delete", short_help="Delete a Secret.")
@click.argument("name")
@namespace_option
@yes_option
@target_option
def delete(name: str, namespace: str, yes: bool, target: Target) -> None:
    """Delete Secret NAME. Functions that read it start no more.

    \b
    Examples:
      faas secret delete db
    """
    from faas.cli.required import require
    from faas.resources.kinds import SECRET

    async def work(client: HttpClient) -> list[str]:
        await require(client, SECRET, name, namespace)
        return await _readers(client, name, namespace)

    readers = with_client(target, work)
    if not yes:
        of = f", which {', '.join(readers)} read{'s' * (len(readers) == 1)}" if readers else ""
        click.confirm(f"Delete Secret {name}{of}?", abort=True, err=True)
    with_client(target, lambda client: client.delete(SECRET, name, namespace))
    click.echo(f"{name} deleted")
    if readers:
        note(f"{', '.join(readers)} cannot start without it; make it again:  faas secret create {name}{target.flags}")


def _origins(from_env: Sequence[str], from_file: Sequence[str], from_command: Sequence[str]) -> dict[str, Origin]:
    """By key. Raises: click.BadParameter: an option that says nothing valid, or a key that is given twice."""
    from faas.project.pyproject.secrets import FromCommand, FromFile, FromVariable

    found: list[tuple[str, Origin]] = []
    for text in from_env:
        key, _, variable = text.partition("=")
        found.append((key, FromVariable(variable or key)))
    for text in from_file:
        key, equals, path = text.partition("=")
        found.append((key, FromFile(path)) if equals else (Path(text).name, FromFile(text)))
    for text in from_command:
        key, equals, said = text.partition("=")
        try:
            words = shlex.split(said)
        except ValueError as error:
            raise click.BadParameter(f"{said!r}: {error}", param_hint="--from-command") from error
        if not equals or not words:
            raise click.BadParameter(f"{text!r} is not KEY=COMMAND", param_hint="--from-command")
        found.append((key, FromCommand(tuple(words))))
    keys = [key for key, _ in found]
    for key in keys:
        _check_key(key)
        if keys.count(key) > 1:
            raise click.UsageError(f"key {key!r} is given twice")
    return dict(found)


def _check_key(key: str) -> None:
    from faas.project.pyproject.secrets import is_key

    if not is_key(key):
        raise click.UsageError(f"{key!r} is no key of a Secret: use letters, digits, '-', '_' and '.'")


def _read(name: str, origins: Mapping[str, Origin], from_stdin: str | None) -> Values:
    from faas.project.pyproject.secrets import Declared
    from faas.project.secret_values import SecretValue, read_secret

    values = read_secret(Declared(name, origins), root=Path.cwd(), variables=os.environ)
    if from_stdin:
        _check_key(from_stdin)
        if from_stdin in values:
            raise click.UsageError(f"key {from_stdin!r} is given twice")
        values[from_stdin] = SecretValue(_from_stdin(from_stdin))
    if not values:
        raise click.UsageError("no key is given: --from-env, --from-file, --from-command or --from-stdin")
    return values


def _from_stdin(key: str) -> bytes:
    """As it is sent, without the last line's end."""
    if sys.stdin.isatty():
        text: str = click.prompt(key, hide_input=True, err=True)
        return text.encode()
    value = sys.stdin.buffer.read().removesuffix(b"\n").removesuffix(b"\r")
    if not value:
        raise click.UsageError("--from-stdin: there is nothing on stdin")
    return value


async def _write(client: HttpClient, name: str, values: Values, namespace: str, *, update: bool) -> str:
    """What was done. Raises: CommandError: it is there already."""
    from faas.cli.errors import CommandError
    from faas.client.errors import AlreadyExists, NotFound
    from faas.project.manifests.labels import MANAGED_BY_LABEL, MANAGER
    from faas.project.manifests.secrets import data_of, type_of
    from faas.resources.kinds import SECRET

    if update:
        try:
            await client.patch(SECRET, name, {"data": data_of(values)}, namespace, type="merge")
        except NotFound:
            pass  # made below
        else:
            return "changed"
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": {MANAGED_BY_LABEL: MANAGER}},
        "type": type_of(values),
        "data": data_of(values),
    }
    try:
        await client.create(SECRET, secret)
    except AlreadyExists as error:
        message = f"there is a Secret {name!r} in namespace {namespace} already"
        raise CommandError(message, "Set these keys of it:  --update") from error
    return "created"


def _without_values(secret: Object) -> Object:
    """What may be shown: no value, and no annotation in which another tool keeps a copy of them."""
    metadata = secret["metadata"]
    shown = ("name", "namespace", "labels", "creationTimestamp")
    return {
        "metadata": {word: metadata[word] for word in shown if word in metadata},
        "type": secret.get("type", "Opaque"),
        "keys": sorted(secret.get("data") or {}),
    }


def _row(secret: Object) -> list[str]:
    from faas.project.manifests.labels import PROJECT_LABEL

    metadata = secret["metadata"]
    project = (metadata.get("labels") or {}).get(PROJECT_LABEL, "")
    return [
        metadata["name"], secret["type"], ", ".join(secret["keys"]) or "-", project or "-",
        age(metadata.get("creationTimestamp", "")),
    ]  # fmt: skip


async def _readers(client: HttpClient, name: str, namespace: str) -> list[str]:
    """Names of the Services that read it, as far as this user may see them."""
    from faas.client.errors import Forbidden, NotFound
    from faas.project.manifests.references import names_read
    from faas.resources.kinds import SERVICE

    try:
        services = (await client.list(SERVICE, namespace)).items
    except (Forbidden, NotFound):  # without Knative there are none
        return []
    return sorted(each["metadata"]["name"] for each in services if name in names_read([each]))
