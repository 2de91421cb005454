"""What keeps an image from being made or found.

BuilderError
├── BuildError
│   ├── ProjectFileError    a file of the project that cannot go into an image
│   ├── DependencyError     the dependencies do not resolve or do not install
│   ├── InterpreterError    this is not a Python that can be used
│   ├── BaseImageError      a base image that functions cannot run on, or that cannot be had
│   ├── ToolMissing         a program or a service that a builder works through is not there
│   └── StepFailed          a step of a build that somebody else carries out (Docker, a lifecycle)
├── ImageMissing            a reference that names no image of this store
├── InvalidImage            data that is no image: documents or blobs that are not what they say
│   └── ArchiveError        an entry of an archive that leaves its folder, or is nothing that a layer holds
├── NoSpace                 a disk is full
├── ImageNameError          not a reference to an image of a registry
├── CredentialsError        what keeps this user's credentials cannot be read
└── RegistryError           a registry, or what is between here and there
    ├── RegistryUnreachable it cannot be reached, does not answer, or fails; trying later may help
    ├── RegistryDenied      it wants other credentials, or more rights
    ├── NotInRegistry       it has no such manifest or blob
    └── DigestMismatch      it sent other bytes than those that were asked for
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


class BaseImageError(BuildError):
    """A base image cannot be used: it is not there, cannot be read, or has no Python that will do."""


class ToolMissing(BuildError):
    """`tool` is what to install or to start."""

    def __init__(self, tool: str, reason: str, hint: str = "") -> None:
        super().__init__(reason, hint)
        self.tool = tool


class StepFailed(BuildError):
    """`step` as its builder names it; `output` has the last lines that were printed."""

    def __init__(self, step: str, reason: str, output: str = "", hint: str = "") -> None:
        super().__init__(f"{step}: {reason}", hint)
        self.step, self.reason, self.output = step, reason, output


class ImageMissing(BuilderError):
    def __init__(self, reference: str, reason: str) -> None:
        hint = "See what there is:  faas image list     or make it again:  faas deploy"
        super().__init__(f"image {reference}: {reason}", hint)
        self.reference, self.reason = reference, reason


class InvalidImage(BuilderError):
    """Data that came from outside, or was damaged here, and is no image."""


class ArchiveError(InvalidImage):
    """An archive or a layer that would write outside its folder, or hold what none of ours holds."""


class NoSpace(BuilderError):
    def __init__(self, folder: Path | str) -> None:
        super().__init__(f"no space left on the disk that holds {folder}", "Free some, and try again")
        self.folder = folder


class ImageNameError(BuilderError):
    def __init__(self, text: str, reason: str, hint: str = "") -> None:
        super().__init__(f"{text!r} is not the name of an image: {reason}", hint)
        self.text, self.reason = text, reason


class CredentialsError(BuilderError):
    """`source` is a file or a program; nothing that is secret is in any of these."""

    def __init__(self, source: Path | str, reason: str, hint: str = "") -> None:
        super().__init__(f"{source}: {reason}", hint)
        self.source, self.reason = source, reason


class RegistryError(BuilderError):
    """`registry` as users call it: docker.io, localhost:5000."""

    def __init__(self, registry: str, reason: str, hint: str = "") -> None:
        super().__init__(f"{registry} {reason}", hint)
        self.registry, self.reason = registry, reason


class RegistryUnreachable(RegistryError):
    """`silent`: it took the request, and a timeout to find out that nothing comes."""

    def __init__(self, registry: str, reason: str, hint: str = "", *, silent: bool = False) -> None:
        super().__init__(registry, reason, hint)
        self.silent = silent


class RegistryDenied(RegistryError):
    """401 and 403, or a token server's no."""


class NotInRegistry(RegistryError):
    """Registries also say this of what one may not see."""


class DigestMismatch(RegistryError):
    """Nothing of it was kept."""
