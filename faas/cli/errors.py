"""From what the library raises to what a person reads: what happened, why, what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from faas.cli.explanation import Explanation
from faas.cli.placed import placed

if TYPE_CHECKING:  # each costs an import that most commands end without
    from faas.deploy.errors import NotReady
    from faas.project.errors import DiscoveryError

_SHOWN = 3  # problems of a project: a folder that is none has as many as it has modules


class CommandError(Exception):
    """A command cannot do what was asked; `hint` is what to do, `details` is printed between."""

    def __init__(self, message: str, hint: str = "", details: str = "") -> None:
        super().__init__(message)
        self.message, self.hint, self.details = message, hint, details
        self.flags = ""  # of the place that it was asked of


class CodedFailure(Exception):
    """What a command failed with (its cause), and the code that scripts know it by."""

    def __init__(self, exit_code: int, flags: str) -> None:
        super().__init__(f"exit code {exit_code}")
        self.exit_code, self.flags = exit_code, flags


@contextmanager
def deploy_exit_codes(flags: str) -> Iterator[None]:
    """The codes that `faas deploy --help` lists, for what fails in the block.

    Args: flags: what names the place on a command line, for hints. Raises: CodedFailure.
    """
    try:
        yield
    except Exception as error:
        code = _deploy_exit_code(error)
        if code is None:
            raise
        raise CodedFailure(code, flags) from error


def _deploy_exit_code(error: BaseException) -> int | None:
    from faas.client.errors import Forbidden
    from faas.deploy import errors

    match error:
        case ExceptionGroup() if len(error.exceptions) == 1:
            return _deploy_exit_code(error.exceptions[0])
        case errors.NotReady() | errors.DomainsNotReady() | errors.EventsNotReady():
            return 3
        case errors.FieldConflicts():
            return 4
        case Forbidden() | errors.NoRights():
            return 5
    return None


def explain(error: BaseException) -> Explanation:
    """Words for any exception; one that nobody expected is named and says how to see where it came from."""
    from faas_builders.errors import BuilderError, DependencyError, StepFailed

    from faas.client.errors import ApiError
    from faas.client.kubeconfigs.files import KubeconfigError
    from faas.client.places.contexts import UnknownContext
    from faas.client.places.state import EngineNotRunning
    from faas.deploy.errors import DeployError, NoRights, NotReady
    from faas.project.errors import DiscoveryError, ProjectError

    match error:
        case CodedFailure() if isinstance(error.__cause__, NotReady):
            return _not_ready(error.__cause__, error.flags)
        case CodedFailure() if isinstance(error.__cause__, NoRights) and error.__cause__.of_project:
            from faas.cli.refusals import granting

            return Explanation(error.__cause__.message, granting(error.__cause__.namespace, error.flags))
        case CodedFailure() if error.__cause__ is not None:
            found = explain(error.__cause__)
            return replace(found, hint=placed(found.hint, error.flags))
        case CommandError():
            return Explanation(error.message, placed(error.hint, error.flags), error.details)
        case click.ClickException():
            return Explanation(error.format_message())
        case DiscoveryError():
            return _discovery(error)
        case ProjectError():
            return Explanation(error.message, error.hint)
        case DependencyError() | StepFailed():
            return Explanation(error.message, error.hint, error.output)
        case BuilderError():
            return Explanation(error.message, error.hint)
        case EngineNotRunning():
            hint = "Start it:  faas up     (another one: --state DIR, as `faas run` prints its own)"
            return Explanation(str(error), hint)
        case UnknownContext():
            meant = f"Did you mean {error.close!r}? " if error.close else ""
            return Explanation(str(error), f"{meant}See which there are:  faas context list")
        case KubeconfigError():
            return Explanation(str(error), error.hint)
        case NotReady():
            return _not_ready(error)
        case DeployError():
            return Explanation(error.message, placed(error.hint, error.flags))
        case ApiError():
            from faas.cli.refusals import explain_refusal

            return explain_refusal(error)
        case ExceptionGroup() if len(error.exceptions) == 1:
            return explain(error.exceptions[0])
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            where = f" ({error.filename})" if error.filename else ""
            return Explanation(f"the disk is full{where}", "Free some space and run this again.")
        case OSError() if error.filename:
            return Explanation(f"{error.filename}: {error.strerror}")
    message, hint = getattr(error, "message", ""), getattr(error, "hint", "")
    if isinstance(message, str) and message and isinstance(hint, str):
        return Explanation(message, hint)  # facts of other parts have the same two words
    return Explanation(
        f"{type(error).__name__}: {error}", "This should not happen. Show where it comes from:  faas --verbose …"
    )


def _discovery(error: DiscoveryError) -> Explanation:
    first, *others = error.problems
    where = f"{first.file}:{first.line}: " if first.file and not first.message.startswith(first.file) else ""
    details = [first.traceback.rstrip()] if first.traceback else []
    for other in others[: _SHOWN - 1]:
        place = f"{other.file}:{other.line}: " if other.file else ""
        details += ["", f"{place}{other.message}", *([other.traceback.rstrip()] if other.traceback else [])]
        details += [other.hint] if other.hint else []
    if more := len(others[_SHOWN - 1 :]):
        details += ["", f"… and {more} more; is PATH the right folder?"]
    return Explanation(f"{where}{first.message}", first.hint, "\n".join(details))


def _not_ready(error: NotReady, flags: str = "") -> Explanation:
    details: list[str] = []
    for failure in error.failures:
        reason = f" ({failure.reason})" if failure.reason else ""
        message = failure.message.partition("\n")[0] if failure.logs else failure.message  # it quotes the same lines
        details.append(f"{failure.revision or failure.service}{reason}: {message}")
        details += [f"  | {line}" for text in failure.logs for line in text.splitlines()]
        details += [f"  {line}" for line in placed(failure.advice, flags).splitlines()]
    if error.kept:
        details.append(f"traffic stays where it was: {', '.join(map(str, error.kept))}")
    names = ", ".join(failure.service for failure in error.failures)
    first = error.failures[0].service
    return Explanation(f"not ready: {names}", f"See more:  faas describe {first}{flags}", "\n".join(details))
