"""The values of Secrets and ConfigMaps: read when they are deployed, and held so that nothing prints a secret."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from faas.project.errors import ProjectError
from faas.project.pyproject.secrets import Declared, FromCommand, FromFile, FromVariable, Origin, Text

TIMEOUT_S: Final = 60.0  # a command may ask for a passphrase first
MAX_BYTES: Final = 1024 * 1024  # of all keys of an object together: what Kubernetes takes


class SecretValue:
    """Bytes that do not show: not in a repr, a format, a traceback or a log."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """The value; for the request that writes it, and nothing else."""
        return self._value

    def __repr__(self) -> str:
        return "SecretValue(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretValue) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __len__(self) -> int:
        return len(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret value is not written anywhere")


Values = Mapping[str, SecretValue]


class SecretData(dict[str, str]):
    """`data` of a Secret as it is sent: JSON has the values, a repr or YAML never."""

    def __repr__(self) -> str:
        return f"{{{', '.join(self)}: …}}" if self else "{}"

    __str__ = __repr__


def read_secrets(
    declared: Mapping[str, Declared], *, root: Path, variables: Mapping[str, str], timeout_s: float = TIMEOUT_S
) -> dict[str, dict[str, SecretValue]]:
    """The values of all Secrets that a project declares, by name; see `read_secret`."""
    return {
        name: read_secret(each, root=root, variables=variables, timeout_s=timeout_s) for name, each in declared.items()
    }


def read_secret(
    declared: Declared, *, root: Path, variables: Mapping[str, str], timeout_s: float = TIMEOUT_S
) -> dict[str, SecretValue]:
    """The values of a Secret's keys, each read from where the project says.

    Args: root: what files are relative to, and where commands run. variables: the deploy's environment.
    Raises: ProjectError: a value is not to be had; it names the key and the place, never a value.
    """
    found: dict[str, SecretValue] = {}
    for key, origin in declared.keys.items():
        where = f"secret {declared.name}, key {key}"
        found[key] = SecretValue(_read(origin, root, variables, timeout_s, where))
    _check_size(f"secret {declared.name}", sum(map(len, found.values())))
    return found


def read_config(
    declared: Mapping[str, Declared], *, root: Path, variables: Mapping[str, str]
) -> dict[str, dict[str, bytes]]:
    """The values of all ConfigMaps, by name. Raises: ProjectError: a value is not to be had."""
    found = {
        name: {
            key: _read(origin, root, variables, TIMEOUT_S, f"config {name}, key {key}")
            for key, origin in each.keys.items()
        }
        for name, each in declared.items()
    }
    for name, values in found.items():
        _check_size(f"config {name}", sum(map(len, values.values())))
    return found


def _read(origin: Origin, root: Path, variables: Mapping[str, str], timeout_s: float, where: str) -> bytes:
    match origin:
        case Text(text):
            return text.encode()
        case FromVariable(variable):
            if variable not in variables:
                raise ProjectError(f"{where}: the variable {variable} is not set", f"Set it:  export {variable}=…")
            return variables[variable].encode("utf-8", "surrogateescape")
        case FromFile(path):
            return _read_file(root / Path(path).expanduser(), where)
        case FromCommand(command):
            return _run(command, root, variables, timeout_s, where)


def _read_file(path: Path, where: str) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ProjectError(f"{where}: {path} is larger than {MAX_BYTES} bytes", "No Secret or ConfigMap may be")
        return path.read_bytes()
    except OSError as error:
        raise ProjectError(f"{where}: {path}: {error.strerror}", "Files are relative to the project") from error


def _run(command: tuple[str, ...], root: Path, variables: Mapping[str, str], timeout_s: float, where: str) -> bytes:
    """What the program prints; what it says on stderr goes to the terminal, where a passphrase may be asked for."""
    try:
        done = subprocess.run(
            command, cwd=root, env=dict(variables), stdout=subprocess.PIPE, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise ProjectError(
            f"{where}: {command[0]} has not ended after {timeout_s:g} s", "Run it by hand: it may wait for something"
        ) from None  # the exception holds what was printed so far
    except OSError as error:
        raise ProjectError(f"{where}: {command[0]}: {error.strerror}", "Install it, or name it with its path") from None
    if done.returncode:
        raise ProjectError(
            f"{where}: {command[0]} failed with exit code {done.returncode}", "Its own words are above; run it by hand"
        )
    value = done.stdout.removesuffix(b"\n").removesuffix(b"\r")
    if not value:
        raise ProjectError(f"{where}: {command[0]} printed nothing", "Run it by hand")
    return value


def _check_size(where: str, size: int) -> None:
    if size > MAX_BYTES:
        raise ProjectError(f"{where}: {size} bytes together, and {MAX_BYTES} is what Kubernetes takes", "Split it")
