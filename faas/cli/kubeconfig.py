"""`faas kubeconfig`: how kubectl, kn and Kubernetes libraries reach the engine."""

from __future__ import annotations

from pathlib import Path

import click

from faas.cli.connection import find_state
from faas.cli.options import state_option
from faas.cli.output import is_terminal, note


@click.command(short_help="Print the path of the kubeconfig, for kubectl and kn.")
@state_option
def command(state: Path | None) -> None:
    """Print the path of the engine's kubeconfig.

    \b
    Examples:
      export KUBECONFIG=$(faas kubeconfig)
      kubectl --kubeconfig $(faas kubeconfig) get ksvc
    """
    from faas.client.kubeconfigs.loading import load

    path = find_state(state).kubeconfig
    load(path)  # a damaged one is said here, not by kubectl
    click.echo(path)
    if is_terminal():
        note("Use it:  export KUBECONFIG=$(faas kubeconfig)")
