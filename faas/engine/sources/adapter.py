"""Keeps one adapter's process running: secrets read at each start, restarts with backoff, its endpoint on the board."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from pathlib import Path

from faas.client.errors import ApiError
from faas.client.protocol import Client
from faas.engine.contract.board import Board
from faas.engine.contract.clock import Clock
from faas.engine.contract.revision import Endpoint
from faas.engine.contract.settings import EngineSettings, RunAs
from faas.engine.contract.sources import AdapterReport, SourcePlan, endpoint_key
from faas.engine.sources.environment import Places, make_environment, read_references
from faas.engine.sources.errors import ConfigurationError
from faas.engine.sources.process import AdapterProcess
from faas.engine.sources.reporting import Reporter, State
from faas.engine.sources.restarts import Backoff
from faas.engine.sources.waiting import wait_for

_log = logging.getLogger("faas.source")
COMMAND = (sys.executable, "-P", "-m", "faas.sources")
_MISCONFIGURED = 2  # the exit code by which an adapter says that trying again does not help
_RETIRE_S = 30.0  # an adapter gives up sooner by itself
_LOOK_AGAIN_S = 60.0  # after such an end: what was missing may have been installed, and nothing tells the engine


class Adapter:
    """One replica of a source that is a process."""

    def __init__(
        self,
        plan: SourcePlan,
        replica: int,
        changed: asyncio.Event,
        report: Reporter,
        board: Board,
        client: Client,
        settings: EngineSettings,
        clock: Clock,
        command: tuple[str, ...] = COMMAND,
    ) -> None:
        """Args: changed: set by whoever knows that a Secret of this source is another now."""
        self._plan, self._replica, self._changed, self._said = plan, replica, changed, report
        self._board, self._client, self._settings, self._clock = board, client, settings, clock
        self._command = (*command, plan.adapter, *plan.args)
        self._places = Places.of(settings, plan, replica)
        self._name = str(plan.key) + (f"[{replica}]" if replica else "")
        self._reported: AdapterReport | None = None

    async def run(self) -> None:
        """Until cancelled."""
        backoff = Backoff()
        while True:
            self._changed.clear()
            self._reported = None
            started_s = self._clock.now()
            try:
                delay_s = 0.0
                code, words = await self._run_once()
                if code is None:
                    continue  # it was stopped for a new Secret
                if code == _MISCONFIGURED:
                    raise ConfigurationError(self._reason("InvalidConfiguration"), words)
                backoff, delay_s = backoff.after_failure(self._clock.now() - started_s)
                _log.warning("%s ended: %s; again in %.3g s", self._name, words, delay_s)
                self._say("failing", self._reason("AdapterEnded"), words)
            except ConfigurationError as error:
                delay_s = _LOOK_AGAIN_S
                _log.error("%s cannot run: %s", self._name, error.message)
                self._say("failing", error.reason, error.message)
            except OSError as error:
                backoff, delay_s = backoff.after_failure()
                self._say("failing", "CannotStart", f"the adapter cannot be started: {error}")
            except Exception as error:  # noqa: BLE001 - one source must not end the others
                backoff, delay_s = backoff.after_failure(self._clock.now() - started_s)
                _log.exception("%s failed; again in %.3g s", self._name, delay_s)
                self._say("failing", "Failed", f"the source failed: {error!r}; see the engine's log")
            self._said.restarted(self._replica)
            await wait_for(self._changed, self._clock, delay_s)

    async def retire(self) -> None:
        """Have the adapter undo what it has made upstream, a session or a hook: its source is deleted."""
        try:
            env = await self._environment()
            self._make_places()
            command = (*self._command, "--retire")
            process = await AdapterProcess.start(
                self._name, command, env, self._settings.run_as, self._clock, lambda report: None
            )
        except (ConfigurationError, ApiError, OSError) as error:
            _log.warning("%s leaves behind what it has made upstream: %s", self._name, error)
            return
        try:
            async with asyncio.timeout(_RETIRE_S):
                code = await process.ended()
            if code:
                words = process.last_line or f"exit code {code}"
                _log.warning("%s leaves behind what it has made upstream: %s", self._name, words)
        except TimeoutError:
            _log.warning("%s leaves behind what it has made upstream: no end within %g s", self._name, _RETIRE_S)
        finally:
            await process.stop()

    async def _run_once(self) -> tuple[int | None, str]:
        """Returns: the exit code and what it last said; None when it was stopped because something changed."""
        env = await self._environment()
        self._make_places()
        self._say("starting")
        process = await AdapterProcess.start(
            self._name, self._command, env, self._settings.run_as, self._clock, self._report
        )
        ended, changed = asyncio.ensure_future(process.ended()), asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({ended, changed}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                return None, ""
            return ended.result(), self._last_words(ended.result(), process.last_line)
        finally:
            for task in (ended, changed):
                task.cancel()
            self._withdraw()
            await process.stop()

    async def _environment(self) -> dict[str, str]:
        values = await read_references(self._client, self._plan)
        return make_environment(self._plan, self._settings, self._places, values)

    def _report(self, report: AdapterReport) -> None:
        earlier = self._reported.events if self._reported is not None else 0
        self._reported = report
        self._said.sent(max(0, report.events - earlier), replica=self._replica)
        self._say("starting" if report.state == "connecting" else report.state, report.reason, report.message)
        if self._places.socket is not None and report.state == "running":
            endpoint = Endpoint(self._plan.key.name, f"unix:{self._places.socket}")
            self._board.endpoints.put(endpoint_key(self._plan.key), (endpoint,))

    def _withdraw(self) -> None:
        """While nobody listens the gateway holds requests back instead of failing them."""
        if self._places.socket is not None:
            self._board.endpoints.delete(endpoint_key(self._plan.key))

    def _say(self, state: State, reason: str = "", message: str = "") -> None:
        self._said.say(state, reason, message, replica=self._replica)

    def _reason(self, otherwise: str) -> str:
        return (self._reported.reason if self._reported is not None else "") or otherwise

    def _last_words(self, code: int, line: str) -> str:
        if self._reported is not None and self._reported.state == "failing" and self._reported.message:
            return self._reported.message
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        return f"{line} ({how})" if line else how

    def _make_places(self) -> None:
        make_folder(self._places.state, self._settings.run_as)
        if self._places.socket is not None:
            make_folder(self._places.socket.parent, self._settings.run_as)
            with contextlib.suppress(FileNotFoundError):
                self._places.socket.unlink()  # of a run that was killed


def make_folder(path: Path, user: RunAs | None) -> None:
    """A folder that belongs to the adapters' user alone."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if user is not None:
        os.chown(path, user.uid, user.gid)
