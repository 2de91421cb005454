"""What is wrong with a user's project.

ProjectError
├── NotAProject       the folder has nothing that could be one
├── SettingsError     `[tool.faas]` says something that it cannot say
├── PythonNotFound    no Python can be found that fits
└── DiscoveryError    the code does not import, or declares nothing that can be served
"""

from __future__ import annotations

from pathlib import Path

from faas_runtime.declaring.spec import Problem


class ProjectError(Exception):
    """`message` says what happened and why, `hint` what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class NotAProject(ProjectError):
    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is not a project: {reason}", "Make one:  faas new NAME")


class SettingsError(ProjectError):
    """A setting of pyproject.toml; `where` is its dotted key."""

    def __init__(self, path: Path, where: str, reason: str, hint: str = "") -> None:
        super().__init__(f"{path}: {where}: {reason}", hint)
        self.path, self.where = path, where


class PythonNotFound(ProjectError):
    """No interpreter fits the project."""


class DiscoveryError(ProjectError):
    """The user's code is at fault; each problem has the user's own traceback."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(first.message + more, first.hint)
        self.problems: tuple[Problem, ...] = problems
