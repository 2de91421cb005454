"""Why the engine cannot start, as facts; the command that started it turns them into advice.

StartError
├── StateInUse       another engine runs on the same state directory
├── PortInUse        somebody listens on the port already
├── AddressRefused   the address is not ours, or the port is privileged
├── UnsafeRuntime    the folder for sockets belongs to somebody else
├── UnknownUser      functions should run as somebody whom this machine does not know
├── ProgramMissing   a program that the engine needs is not installed
├── InvalidUsers     the file of MQTT users cannot be understood
└── Died             engine or gateway ended again and again before they were ready
"""

from __future__ import annotations

from typing import Any


class StartError(Exception):
    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.facts = facts

    def wire(self) -> dict[str, Any]:
        return {"event": "failed", "error": type(self).__name__, "message": str(self), **self.facts}


class StateInUse(StartError):
    def __init__(self, state_dir: str, pid: int) -> None:
        super().__init__(f"an engine runs on {state_dir} already, pid {pid}", state_dir=state_dir, pid=pid)


class PortInUse(StartError):
    def __init__(self, host: str, port: int, pid: int, process: str) -> None:
        by = f"pid {pid} ({process})" if pid else "a process of another user"
        super().__init__(f"{host}:{port} is in use by {by}", host=host, port=port, pid=pid, process=process)


class AddressRefused(StartError):
    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(f"cannot listen on {host}:{port}: {why}", host=host, port=port)


class UnsafeRuntime(StartError):
    pass


class UnknownUser(StartError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no user {name!r} on this machine", name=name)


class ProgramMissing(StartError):
    def __init__(self, program: str, package: str) -> None:
        super().__init__(f"{program} is not installed: it comes with the package {package}", program=program)


class InvalidUsers(StartError):
    def __init__(self, path: str, line: int, why: str) -> None:
        super().__init__(f"{path}{f' line {line}' if line else ''}: {why}", path=path, line=line)


class Died(StartError):
    def __init__(self, name: str, status: str, log: str) -> None:
        super().__init__(f"the {name} ended with {status} before it was ready", name=name, log=log)


ERRORS: dict[str, type[StartError]] = {
    kind.__name__: kind
    for kind in (
        StateInUse,
        PortInUse,
        AddressRefused,
        UnsafeRuntime,
        UnknownUser,
        ProgramMissing,
        InvalidUsers,
        Died,
    )
}


def from_wire(document: dict[str, Any]) -> StartError:
    """The error that `wire` wrote, in the process that started the supervisor."""
    kind = ERRORS.get(str(document.get("error")), StartError)
    error = kind.__new__(kind)
    facts = {key: value for key, value in document.items() if key not in ("event", "error", "message")}
    StartError.__init__(error, str(document.get("message")), **facts)
    return error
