"""Where packages are to work, and what uv has to be told so that they do."""

from __future__ import annotations

import platform as _machine
from dataclasses import dataclass
from pathlib import Path

from faas_builders.cache import cache_dir
from faas_builders.deps.interpreter import Interpreter
from faas_builders.deps.pythons import builder_python, local_python
from faas_builders.errors import DependencyError
from faas_builders.target import Target

Where = Interpreter | Target

# Go's names to uname's, which uv and environment markers use.
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "riscv64": "riscv64"}

# The manylinux_2_* that `uv pip install --python-platform` takes for both machines, and the oldest musl it assumes.
_MANYLINUX = (17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40)
_MUSL = (1, 2)
_RISCV_GLIBC = (2, 39)


@dataclass(frozen=True, slots=True)
class Destination:
    """One Python on one platform. Two with the same `key` can run the same installed packages."""

    key: str
    version: str  # 3.12.4, or 3.12 when no more is known
    text: str  # Python 3.12 on linux/arm64
    python: Interpreter  # runs what builds sdists
    arguments: tuple[str, ...]  # for uv pip
    markers: dict[str, str]  # the environment of PEP 508 markers
    target: Target | None = None  # None: for the interpreter itself
    compiler: Interpreter | None = None  # of a target: the Python of the same minor that makes its bytecode

    @property
    def minor(self) -> str:
        return ".".join(self.version.split(".")[:2])

    def folder(self, kind: str) -> Path:
        """Where what is made for it is cached; each target has its own, so that nobody waits for another's lock."""
        if self.target is None:
            return cache_dir() / kind
        place = f"{self.target.platform}-{self.target.libc}-{self.minor}".replace("/", "-")
        return cache_dir() / f"{kind}-for" / place

    @property
    def executable(self) -> str:
        return self.target.executable if self.target else ""


def destination_of(where: Where) -> Destination:
    """Raises: DependencyError: uv knows no such platform."""
    return _of_interpreter(where) if isinstance(where, Interpreter) else _of_target(where)


def uv_platform(target: Target) -> str:
    """The value for `--python-platform`: the newest that the target's C library satisfies. Raises: DependencyError."""
    machine = _MACHINES.get(target.platform.architecture)
    if target.platform.os != "linux" or machine is None:
        raise _unknown(target, "uv installs for linux/amd64, linux/arm64 and linux/riscv64")
    if target.libc == "musl":
        if machine == "riscv64":
            raise _unknown(target, "uv knows no musl on riscv64")
        if target.libc_version < _MUSL:
            raise _unknown(target, "wheels for musl need 1.2 or newer, which Alpine has since 3.13")
        return f"{machine}-unknown-linux-musl"
    if machine == "riscv64":
        if target.libc_version < _RISCV_GLIBC:
            raise _unknown(target, "wheels for riscv64 need glibc 2.39 or newer")
        return "riscv64-unknown-linux"
    fitting = [minor for minor in _MANYLINUX if (2, minor) <= target.libc_version]
    if not fitting:
        raise _unknown(target, "wheels need glibc 2.17 or newer")
    return f"{machine}-manylinux_2_{fitting[-1]}"


def _of_interpreter(interpreter: Interpreter) -> Destination:
    return Destination(
        key=interpreter.abi,
        version=interpreter.version,
        text=f"Python {interpreter.minor} on this machine",
        python=interpreter,
        arguments=("--python", interpreter.base),
        markers=_markers(interpreter.version, _machine.machine(), _machine.system()),
    )


def _of_target(target: Target) -> Destination:
    name = uv_platform(target)
    same_minor = local_python(target.minor)
    python = same_minor or builder_python()
    libc = target.libc + ".".join(str(part) for part in target.libc_version)
    return Destination(
        # The version and not only the minor: markers may ask for it.
        key="-".join((str(target.platform), target.python, libc, same_minor.version if same_minor else "")),
        version=target.python,
        text=f"Python {target.minor} on {target.platform}" + (" with musl" if target.libc == "musl" else ""),
        python=python,
        arguments=("--python", python.base, "--python-platform", name, "--python-version", target.python),
        markers=_markers(target.python, _MACHINES[target.platform.architecture], "Linux"),
        target=target,
        compiler=same_minor,
    )


def _markers(version: str, machine: str, system: str) -> dict[str, str]:
    full = version if version.count(".") > 1 else f"{version}.0"
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": system,
        "platform_version": "",
        "python_full_version": full,
        "python_version": ".".join(full.split(".")[:2]),
        "sys_platform": system.lower(),
    }


def _unknown(target: Target, why: str) -> DependencyError:
    libc = f"{target.libc} {'.'.join(str(part) for part in target.libc_version)}"
    return DependencyError(
        f"dependencies cannot be installed for {target.platform} with {libc} on another machine: {why}",
        hint="Use another base or --platform, or let the base install them itself: --builder docker",
    )
