"""The seam between what a fleet wants and what runs it: processes of this machine, or containers.

A Pod's containers are runs of their own. The serving one starts first; the others start once it has, beside it: they
share its network and the volumes of the Pod, and end when it ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from faas.engine.contract.revision import ContainerPlan, RevisionKey, RevisionPlan

Stream = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a run ended. `code` is 128 + N after signal N, as a shell has it; None: nobody could tell."""

    code: int | None
    signal: int = 0
    oom_killed: bool = False
    start_error: str = ""  # why it never ran: its program does not exist, its user is not allowed, ...

    @property
    def reason(self) -> str:
        """As a Revision's ContainerHealthy condition has it."""
        if self.oom_killed:
            return "OOMKilled"
        if self.start_error:
            return "StartError"
        return "ExitCodeUnknown" if self.code is None else f"ExitCode{self.code}"


@dataclass(frozen=True, slots=True)
class Image:
    """What a fleet has to know of a resolved image."""

    digest: str  # in its repository, for `imageDigest`; the image's own id where it has no repository
    env: tuple[tuple[str, str], ...]
    handle: object = field(compare=False)  # the driver's own
    in_container: bool = False  # else it is run by a process of this machine
    has_our_runtime: bool = True  # it serves functions: FAAS_* variables mean something to it, /_faas/live answers


@dataclass(frozen=True, slots=True)
class Pull:
    """How to get an image that is not here."""

    policy: Literal["Always", "IfNotPresent", "Never", ""] = (
        ""  # "": Always for `:latest` and no tag, else IfNotPresent
    )
    credentials: tuple[str, ...] = ()  # docker configs, {"auths": {...}}, of the Revision's imagePullSecrets, in order


@dataclass(frozen=True, slots=True)
class File:
    path: str  # relative to its volume
    content: bytes = field(repr=False)
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Mount:
    """A volume at a path of a container; what a Secret or ConfigMap holds has been read."""

    path: str
    volume: str  # its name in the Pod: containers that mount the same emptyDir share it
    files: tuple[File, ...] | None  # None: an empty directory that lives as long as the Pod
    read_only: bool = True
    sub_path: str = ""  # only this folder or file of it
    in_memory: bool = False
    size_limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """One run of one container of an instance: all that a driver needs, resolved."""

    plan: RevisionPlan
    container: ContainerPlan  # of the plan; $(NAME) in its command and arguments is replaced, and `env` is what counts
    pod: str
    run: int  # 0 for the first, the restart count after that
    image: Image  # what the driver's own `resolve` gave
    env: dict[str, str]  # of a container: what comes on top of the image's own
    mounts: tuple[Mount, ...] = ()
    beside: Run | None = None  # of a sidecar: the serving container's run, which has started

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

    async def execute(self, command: tuple[str, ...], env: dict[str, str], timeout_s: float) -> str:
        """Run a command beside it, for an exec probe; `env` is its own, which a container knows.

        Returns: why that failed, "" when it did not.
        """
        ...

    def reach(self, port: int) -> str:
        """The address of another port than the one for requests, for probes; 0: that one."""
        ...

    def stop(self) -> None:
        """SIGTERM, or what the image asks for: finish what runs, then exit."""
        ...

    def kill(self, *, oom: bool = False) -> None:
        """SIGKILL, also for what never started."""
        ...


class ImageUnavailable(Exception):
    """The image cannot be run here; the message says why.

    `retry_after_s`: when trying again may help, as with a registry that was down; None: only another plan does.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class AdoptedRun:
    """A run that a previous engine started and that still serves."""

    key: RevisionKey
    pod: str
    run_number: int
    created_s: float  # seconds since the epoch
    attach: Callable[[RunEvents], Run]
    container: str = ""  # its name; "": the serving one


class Driver(Protocol):
    """Starts containers of instances. Opened once, closed after every run was stopped or let go."""

    async def resolve(self, reference: str, pull: Pull) -> Image:
        """May take as long as a registry does. Raises: ImageUnavailable."""
        ...

    def start(self, launch: Launch, events: RunEvents) -> Run:
        """Begin to start a container; returns at once. Raises: OSError when the machine has no room for it."""
        ...

    def pod_ended(self, key: RevisionKey, pod: str) -> None:
        """No container of this Pod is there or will be: what they shared goes."""
        ...

    def warm(self, plan: RevisionPlan, image: Image, env: dict[str, str]) -> None:
        """Have this Revision ready for a fast start, if there is such a thing."""
        ...

    def cool(self, key: RevisionKey) -> None:
        """It need not be ready for one any more."""
        ...

    def forget(self, key: RevisionKey) -> None:
        """It is gone, and what was learnt of it says nothing of another one of its name. Its runs end apart."""
        ...

    def notes(self, key: RevisionKey) -> tuple[tuple[str, str], ...]:
        """(reason, message) of what is different from what the Revision asks for."""
        ...

    def adopt(self) -> list[AdoptedRun]:
        """What a previous engine left running."""
        ...

    async def __aenter__(self) -> Driver: ...

    async def __aexit__(self, *exc: object) -> None: ...
