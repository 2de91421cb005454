"""What keeps an image from being made or found.

BuilderError
├── BuildError
│   ├── ProjectFileError    a file of the project that cannot go into an image
│   ├── DependencyError     the dependencies do not resolve or do not install
│   └── InterpreterError    this is not a Python that can be used
└── ImageMissing            a reference that names no image of this store
"""

from __future__ import annotations

from pathlib import Path


class BuilderError(Exception):
    """Anything this distribution refuses; `hint` says what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class BuildError(BuilderError):
    """An image could not be made."""


class ProjectFileError(BuildError):
    def __init__(self, path: Path | str, reason: str, hint: str = "") -> None:
        super().__init__(f"{path}: {reason}", hint)
        self.path, self.reason = path, reason


class DependencyError(BuildError):
    """`output` is what uv said, as it said it."""

    def __init__(self, message: str, output: str = "", hint: str = "") -> None:
        super().__init__(message, hint)
        self.output = output


class InterpreterError(BuildError):
    def __init__(self, python: Path | str, reason: str, hint: str = "") -> None:
        super().__init__(f"{python} cannot be used as the Python of functions: {reason}", hint)
        self.python, self.reason = python, reason


class ImageMissing(BuilderError):
    def __init__(self, reference: str, reason: str) -> None:
        super().__init__(f"image {reference}: {reason}", "Deploy the project again: faas deploy")
        self.reference, self.reason = reference, reason
