"""`python -m faas.engine.supervisor PLAN [REPORT_FD]`; started by `faas up`, `faas run` and the systemd unit."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from typing import Any

from faas.engine.supervisor.children import Children, make_children, nats_dir
from faas.engine.supervisor.errors import Died, StartError
from faas.engine.supervisor.identity import open_way, resolve_user
from faas.engine.supervisor.listening import Sockets, check_free, choose_nats_port, open_sockets
from faas.engine.supervisor.ownership import claim_runtime_dir, lock_state
from faas.engine.supervisor.plan import Plan
from faas.engine.supervisor.processes import become_subreaper, die_with_parent
from faas.engine.supervisor.report import Report, describe, notify_systemd, write_atomically
from faas.engine.supervisor.supervise import SIGNALS, Supervisor


def main(arguments: list[str]) -> int:
    plan = Plan.load(arguments[0])
    plan = plan._replace(nats_url=plan.nats_url or os.environ.get("FAAS_NATS_URL", ""))  # not among the arguments
    report = Report(int(arguments[1]) if len(arguments) > 1 else None, f"{plan.state_dir}/logs/engine.log")
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    if plan.foreground:
        die_with_parent(signal.SIGTERM, os.getppid())
    become_subreaper()
    lock = None
    try:
        lock = lock_state(plan.state_dir, os.getpid())
        claim_runtime_dir(plan.runtime_dir)
        sockets = open_sockets(
            host=plan.host,
            port=plan.port,
            api_port=plan.api_port,
            state_dir=plan.state_dir,
            runtime_dir=plan.runtime_dir,
        )
        user = resolve_user(plan.run_as, plan.runtime_dir) if plan.run_as else None
        if plan.mqtt_port:
            check_free(plan.mqtt_host, plan.mqtt_port)
        nats_port = 0 if plan.nats_url else choose_nats_port(nats_dir(plan))
    except StartError as error:
        if lock is not None:  # else both folders are another engine's, which may have only just made them
            with contextlib.suppress(OSError):
                os.rmdir(plan.runtime_dir)
            if plan.ephemeral:
                shutil.rmtree(plan.state_dir, ignore_errors=True)
        return _refuse(report, error)
    settings = f"{plan.runtime_dir}/settings.json"
    write_atomically(settings, _engine_settings(plan, sockets, user, nats_port))
    if user is not None:
        open_way(user, plan.state_dir, plan.runtime_dir)
    children = make_children(plan, settings, sockets.fds(), lock, nats_port)
    return _supervise(plan, sockets, children, report, describe(plan, sockets, nats_port))


def _supervise(plan: Plan, sockets: Sockets, children: Children, report: Report, description: dict[str, Any]) -> int:

    def on_ready() -> None:
        report.write(f"{plan.state_dir}/engine.json", description)
        notify_systemd("READY=1")
        report.log("ready")
        report.tell({"event": "ready", **description})

    supervisor = Supervisor(children, plan.runtime_dir, report, on_ready)
    code = 0
    try:
        supervisor.run()
    except Died as error:
        code = _refuse(report, error)
    notify_systemd("STOPPING=1")
    sockets.close()
    supervisor.stop(stop_s=plan.stop_s)
    _clean_up(plan)
    report.log("ended")
    return code


def _refuse(report: Report, error: StartError) -> int:
    report.log(str(error))
    report.tell(error.wire())
    return 1


def _engine_settings(plan: Plan, sockets: Sockets, user: dict[str, Any] | None, nats_port: int) -> dict[str, object]:
    """`faas.engine.contract.settings.EngineSettings` as JSON, without importing it here."""
    return {
        "state_dir": plan.state_dir,
        "runtime_dir": plan.runtime_dir,
        "listeners": sockets.fds(),
        "public_host": plan.host,
        "public_port": sockets.public_port,
        "api_port": sockets.api_port,
        "foreground": plan.foreground,
        "zygote_budget_bytes": plan.zygote_budget_bytes,
        "tls_cert": plan.tls_cert or None,
        "tls_key": plan.tls_key or None,
        "run_as": user,
        "nats": {
            "url": plan.nats_url,
            "port": nats_port,
            "durability": plan.durability,
            "mqtt_port": plan.mqtt_port,
            "mqtt_host": plan.mqtt_host,
            "mqtt_users": plan.mqtt_users or None,
        },
        "shared_certificates_dir": plan.shared_certificates_dir or None,
    }


def _clean_up(plan: Plan) -> None:
    shutil.rmtree(plan.runtime_dir, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{plan.state_dir}/engine.json")
    if plan.ephemeral:
        shutil.rmtree(plan.state_dir, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
