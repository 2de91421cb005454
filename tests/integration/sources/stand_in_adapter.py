"""Stands in for `python -m faas.sources ADAPTER`: does what the adapter's name says and tells what it was given."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path

STATE = Path(os.environ["FAAS_SOURCE_STATE"])


def report(state: str, reason: str = "", message: str = "", events: int = 0) -> None:
    line = json.dumps({"state": state, "reason": reason, "message": message, "events": events})
    os.write(int(os.environ["FAAS_SOURCE_REPORT"]), line.encode() + b"\n")


def run_forever() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.pause()


def main(adapter: str) -> None:
    if sys.argv[2:] == ["--retire"]:
        (STATE.parent.parent / "retired").write_text(json.dumps(dict(os.environ)))
        return
    runs = STATE / "runs"
    count = int(runs.read_text()) + 1 if runs.exists() else 1
    runs.write_text(str(count))
    seen = {"env": dict(os.environ), "argv": sys.argv[1:], "pid": os.getpid()}
    (STATE / "seen.new").write_text(json.dumps(seen))
    (STATE / "seen.new").rename(STATE / "seen.json")
    if adapter == "crashes-first" and count == 1:
        print("the first time it falls over")
        sys.exit(1)
    if adapter == "misconfigured":
        print("no topic is named in FAAS_SOURCE")
        sys.exit(2)
    if adapter == "away":
        report("failing", "ConnectionRefused", "nobody listens at 127.0.0.1:1")
    if adapter == "listens":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.environ["FAAS_SOURCE_LISTEN"].removeprefix("unix:"))
        listener.listen()
    if adapter != "away":
        report("connecting")
        report("running", events=3)
    print("ready", "x" * 20_000)
    run_forever()


main(sys.argv[1])
