"""`faas`: the group of commands. Their modules are imported when they are called, so that help costs nothing."""

from __future__ import annotations

import importlib
import os
import sys
from typing import NoReturn

import click

_SECTIONS: dict[str, dict[str, str]] = {
    "Write": {
        "new": "Make a project from a template.",
        "run": "Serve a project's functions here and now, with hot reload.",
    },
    "Deploy": {
        "up": "Start the engine in the background.",
        "down": "Stop the engine; what is deployed comes back with it.",
        "status": "Show the engine and its parts.",
        "build": "Make an image of a project, for anywhere.",
        "deploy": "Build a project's images and deploy its functions.",
        "promote": "Give one stage the very images that run in another.",
        "diff": "Show what a deploy would change.",
        "export": "Print what is deployed, or a project, as files for others.",
        "delete": "Delete functions.",
        "image": "Images of this machine: list, load, save, push, remove.",
    },
    "Operate": {
        "list": "List what is deployed.",
        "describe": "Show a function: URL, traffic, revisions, conditions.",
        "invoke": "Send a function a request or an event.",
        "logs": "Print what a function's instances write.",
        "revisions": "List the revisions of functions.",
        "traffic": "Show or change how requests are split among revisions.",
        "rollback": "Send all traffic back to an earlier revision.",
        "secret": "Secrets: what functions read and nobody is shown.",
    },
    "Events": {
        "events": "Send events, watch them, deliver them again.",
        "broker": "Brokers: where events are sent to and kept.",
        "trigger": "Triggers: who gets which events.",
        "source": "Sources: what brings events from the outside.",
        "dlq": "Dead letters: events that could not be delivered.",
    },
    "Look after": {
        "context": "Where commands work: this machine's engine, or a cluster.",
        "kubeconfig": "Print the path of the kubeconfig, for kubectl and kn.",
        "doctor": "Check this machine and say how to repair what is wrong.",
    },
}
_HELP = {name: text for section in _SECTIONS.values() for name, text in section.items()}


class LazyGroup(click.Group):
    """A group whose commands live in modules of their names: `faas.cli.NAME`, attribute `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_HELP)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _HELP:
            return None
        command = importlib.import_module(f"faas.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            close = get_close_matches(args[0], _HELP, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"{error.format_message()}{hint}", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, text in commands.items()], col_max=12)


EXAMPLES = """\b
Examples:
  faas new hello && cd hello
  faas run                      write code, save, reload
  faas up && faas deploy        keep it running on this machine
  faas invoke hello --path '/?name=Ada'
"""


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "FAAS", "max_content_width": 100},
    help=f"Python functions, from a decorated handler to an autoscaled service.\n\n{EXAMPLES}",
)
@click.option("--verbose", "-v", is_flag=True, help="Show the traceback of what fails.")
@click.version_option(None, "--version", package_name="faas", message="faas %(version)s")
@click.pass_context
def group(ctx: click.Context, verbose: bool) -> None:
    ctx.obj = {"verbose": verbose}


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and exit: 0 done, 1 failed, 2 misused, 130 interrupted; a deploy has further ones."""
    verbose = bool(os.environ.get("FAAS_VERBOSE")) or _asks_verbose(sys.argv[1:] if arguments is None else arguments)
    try:
        code = group.main(args=arguments, prog_name="faas", standalone_mode=False)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.UsageError as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("aborted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output (head, less) has seen enough; nothing may be written to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  # the one place where what is left becomes a message
        _fail(error, verbose)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(error: Exception, verbose: bool) -> NoReturn:
    from faas.cli.errors import explain

    if verbose:
        import traceback

        traceback.print_exception(error)
    click.echo(explain(error).render(color=sys.stderr.isatty()), err=True)
    sys.exit(getattr(error, "exit_code", 1))


def _asks_verbose(arguments: list[str]) -> bool:
    """Whether the group's own flag is there: before the command's name."""
    for argument in arguments:
        if not argument.startswith("-"):
            return False
        if argument in ("-v", "--verbose"):
            return True
    return False


if __name__ == "__main__":
    main()
