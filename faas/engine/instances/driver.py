"""The seam between what a fleet wants and what runs it: processes of this machine, or containers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from faas.engine.contract.revision import RevisionKey, RevisionPlan

Stream = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a run ended. `code` is 128 + N after signal N, as a shell has it; None: nobody could tell."""

    code: int | None
    signal: int = 0
    oom_killed: bool = False

    @property
    def reason(self) -> str:
        """As a Revision's ContainerHealthy condition has it."""
        if self.oom_killed:
            return "OOMKilled"
        return "ExitCodeUnknown" if self.code is None else f"ExitCode{self.code}"


@dataclass(frozen=True, slots=True)
class Launch:
    """One run of an instance: all that a driver needs, resolved."""

    plan: RevisionPlan
    pod: str
    run: int  # 0 for the first, the restart count after that
    image: object  # what the driver's own `resolve` gave for plan.container.image
    env: dict[str, str]

    @property
    def key(self) -> RevisionKey:
        return self.plan.key


@dataclass(frozen=True, slots=True)
class RunEvents:
    """What a driver tells the owner of a run, on the engine's loop; after `exited` nothing follows."""

    started: Callable[[int], None]  # its process id
    ready: Callable[[], None]  # it accepts requests; not called for adopted runs
    exited: Callable[[ExitStatus], None]
    line: Callable[[Stream, bytes], None]  # without the line's end


class Run(Protocol):
    """A started instance. All methods return at once; what comes of them arrives as events."""

    @property
    def address(self) -> str:
        """unix:/path or tcp:host:port."""
        ...

    @property
    def pid(self) -> int | None: ...

    @property
    def announces_ready(self) -> bool:
        """Whether `ready` means that it accepts requests; else only that it runs, and a TCP probe has to be made."""
        ...

    async def execute(self, command: tuple[str, ...], timeout_s: float) -> str:
        """Run a command beside it, for an exec probe. Returns: why that failed, "" when it did not."""
        ...

    def stop(self) -> None:
        """SIGTERM: finish what runs, then exit."""
        ...

    def kill(self, *, oom: bool = False) -> None:
        """SIGKILL, also for what never started."""
        ...


class ImageUnavailable(Exception):
    """The image cannot be run here; the message says why. Trying again is pointless until something is deployed."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a fleet has to know of a resolved image."""

    digest: str
    env: tuple[tuple[str, str], ...]
    handle: object = field(compare=False)  # the driver's own


@dataclass(frozen=True, slots=True)
class AdoptedRun:
    """A run that a previous engine started and that still serves."""

    key: RevisionKey
    pod: str
    run_number: int
    created_s: float  # seconds since the epoch
    attach: Callable[[RunEvents], Run]


class Driver(Protocol):
    """Starts instances. Owned by the fleet manager: opened once, closed after every run was stopped or let go."""

    def resolve(self, reference: str) -> Image:
        """Blocking. Raises: ImageUnavailable."""
        ...

    def start(self, launch: Launch, events: RunEvents) -> Run:
        """Begin to start an instance; returns at once. Raises: OSError when the machine has no room for it."""
        ...

    def warm(self, plan: RevisionPlan, image: Image, env: dict[str, str]) -> None:
        """Have this Revision ready for a fast start, if there is such a thing."""
        ...

    def cool(self, key: RevisionKey) -> None:
        """It need not be ready for one any more."""
        ...

    def notes(self, key: RevisionKey) -> tuple[tuple[str, str], ...]:
        """(reason, message) of what is different from what the Revision asks for."""
        ...

    def adopt(self) -> list[AdoptedRun]:
        """What a previous engine left running."""
        ...

    async def __aenter__(self) -> Driver: ...

    async def __aexit__(self, *exc: object) -> None: ...
