"""What has to happen when our own nats-server cannot write any more: it is started anew, once there is room."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from time import monotonic

from faas.engine.broker.jetstream import JetStreamLogs
from faas.engine.broker.keeping.brokers import Brokers
from faas.engine.broker.seams.log import LogUnavailable
from faas.engine.contract.settings import EngineSettings

_log = logging.getLogger("faas.broker")
LOOK_S = 2.0
_AGAIN_S = 10.0  # a server that was started anew and has failed again may have had no better luck with its disk
ROOM_BYTES = 16 << 20  # two blocks of a stream; with less it would fail at once
_SUPERVISOR = "FAAS_SUPERVISOR_PID"


async def keep_storing(logs: JetStreamLogs, brokers: Brokers, settings: EngineSettings) -> None:
    """Look, say, and ask the supervisor, until cancelled."""
    asked_s = -_AGAIN_S
    while True:
        await asyncio.sleep(LOOK_S)
        await logs.connection.connected()
        try:
            failure = await logs.write_failure()
        except LogUnavailable:
            continue
        brokers.fail(failure)
        if failure and monotonic() - asked_s >= _AGAIN_S and has_room(settings):
            asked_s = monotonic()
            _log.warning("the NATS server has to start anew: %s", failure)
            ask_to_start_anew(settings)


def has_room(settings: EngineSettings) -> bool:
    try:
        disk = os.statvfs(settings.nats_dir)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize >= ROOM_BYTES


def ask_to_start_anew(settings: EngineSettings) -> None:
    supervisor = int(os.environ.get(_SUPERVISOR, "0"))
    try:
        settings.start_anew_mark.touch()
    except OSError as error:
        _log.warning("the NATS server cannot be started anew yet: %s", error)
        return
    if supervisor and supervisor == os.getppid():
        os.kill(supervisor, signal.SIGUSR2)
