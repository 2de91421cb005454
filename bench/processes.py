"""Start a server as a process, wait for its first answer, end it; and count what processes cost."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

START_DEADLINE_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def try_request(address: str | tuple[str, int], request: bytes, timeout_s: float = 10.0) -> int:
    """The status of one answer; 0 while nobody answers."""
    try:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        with socket.socket(family) as connection:
            connection.settimeout(timeout_s)
            connection.connect(address)
            connection.sendall(request)
            answer = b""
            while len(answer) < 12:
                part = connection.recv(4096)
                if not part:
                    return 0
                answer += part
            return int(answer[9:12])
    except OSError:
        return 0


def wait_answer(
    address: str | tuple[str, int],
    request: bytes,
    *,
    process: subprocess.Popen[bytes] | None = None,
    every_s: float = 0.001,
) -> float:
    """Seconds until the first answer below 500. Raises RuntimeError when the process ends or time runs out."""
    begun = time.perf_counter()
    while True:
        if 0 < try_request(address, request) < 500:
            return time.perf_counter() - begun
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode} before it answered")
        if time.perf_counter() - begun > START_DEADLINE_S:
            raise RuntimeError(f"no answer from {address} within {START_DEADLINE_S:.0f} s")
        time.sleep(every_s)


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    cpu: int | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in its own group, pinned to `cpu` when given; ended with the block."""
    pin = ["taskset", "-c", str(cpu)] if cpu is not None else []
    process = subprocess.Popen(
        [*pin, *map(str, command)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, stop)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextlib.contextmanager
def away_from(cpu: int) -> Iterator[None]:
    """Keep this process off a CPU, where there is another one."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before - {cpu} or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def descendants(pid: int) -> set[int]:
    """The process and everything below it now."""
    found = {pid}
    for entry in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in entry.read_text().split():
                found |= descendants(int(child))
    return found


def cpu_s(pids: set[int]) -> float:
    """CPU seconds that the processes have used, in user mode and in the kernel."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])  # utime, stime: proc(5)
    return ticks / os.sysconf("SC_CLK_TCK")


def command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""


def pss_bytes(pids: set[int]) -> int:
    """Proportional set size of the processes together."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total
