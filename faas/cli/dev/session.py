"""One run of `faas run`: the engine, the project's Services, the logs and the reloads, until somebody says stop."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import signal
import time
from pathlib import Path

from faas.cli.dev.changes import changes
from faas.cli.dev.deployer import Deployer, Engine
from faas.cli.dev.logtail import follow
from faas.cli.dev.options import SessionOptions
from faas.cli.dev.project_state import load_project
from faas.cli.dev.rollout import configure
from faas.cli.dev.screen import Screen
from faas.client.http.client import HttpClient
from faas.client.places.state import State, engine_of
from faas.engine.supervisor.processes import age_s
from faas.engine.supervisor.start import Running


class EngineEnded(Exception):
    """The supervisor is gone, though nobody asked it to go."""


class Session:
    """`running` is the engine that was started for it, and that its caller ends."""

    def __init__(self, options: SessionOptions, state: State, running: Running, screen: Screen) -> None:
        self.options, self.state, self.running, self.screen = options, state, running, screen
        self._began_s = time.monotonic() - age_s(os.getpid())  # the user counts from the Enter key

    async def run(self) -> None:
        """Until it is cancelled, or a signal says stop.

        Raises: EngineEnded; StartError; ProjectError, BuilderError: there is no project to begin with; these and
            NotReady, ApiError when the first deploy failed and without reloads nothing can mend it.
        """
        _cancel_on_signals()
        try:
            async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as group:
                starting = group.create_task(asyncio.to_thread(self.running.wait_ready))
                project = await asyncio.to_thread(load_project, self.options.path, self.options.python)
                self.screen.starting(project)
                deployer = Deployer(
                    project, self.options, images=self.state.images, began_s=self._began_s, screen=self.screen
                )
                stack.callback(deployer.close)
                saves: asyncio.Queue[set[Path]] = asyncio.Queue()
                if self.options.reload:
                    group.create_task(_watch(project.settings.root, saves))
                await asyncio.to_thread(_import_ahead)
                started = await starting
                client = await stack.enter_async_context(HttpClient(engine_of(self.state)))
                group.create_task(self._watch_engine())
                group.create_task(self._show_logs())
                group.create_task(self._work(deployer, Engine(client, started.public_url, self.state.path), saves))
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        finally:
            self.running.end()  # also so that the thread that waits for it ends

    async def _work(self, deployer: Deployer, engine: Engine, saves: asyncio.Queue[set[Path]]) -> None:
        await configure(engine.client, debugging=bool(self.options.debug_port))
        if not self.options.reload:
            await deployer.deploy(engine)
            return
        async with asyncio.TaskGroup() as group:
            deploying = group.create_task(deployer.deploy_or_tell(engine))
            while True:
                saved = deployer.saved_of(await saves.get())
                if not saved:
                    continue
                deploying.cancel()  # what it was about is out of date
                await asyncio.wait({deploying})
                deploying = group.create_task(deployer.deploy_or_tell(engine, saved))

    async def _show_logs(self) -> None:
        async for lines in follow(self.state.logs):
            self.screen.logs(lines)

    async def _watch_engine(self) -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        fd = os.pidfd_open(self.running.process.pid)
        loop.add_reader(fd, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(fd)
            os.close(fd)
        raise EngineEnded(f"the engine has ended by itself; its log is {self.running.log}")


async def _watch(root: Path, saves: asyncio.Queue[set[Path]]) -> None:
    """From before the project is first looked at, so that no save is missed."""
    async for saved in changes(root):
        saves.put_nowait(saved)


def _import_ahead() -> None:
    """What the first request would import, while the engine starts."""
    for name in ("yaml", "httpcore", "anyio._backends._asyncio"):
        importlib.import_module(name)


def _cancel_on_signals() -> None:
    """A closed terminal and a polite kill end it as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong first; the rest was cancelled because of it."""
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
