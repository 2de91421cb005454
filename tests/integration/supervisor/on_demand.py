"""`python on_demand.py PLAN`: a supervisor with a real nats-server; engine, gateway and broker are stand-ins."""

from __future__ import annotations

import os
import signal
import sys

from faas.engine.supervisor.children import make_children, nats_dir
from faas.engine.supervisor.listening import choose_nats_port
from faas.engine.supervisor.ownership import lock_state
from faas.engine.supervisor.plan import Plan
from faas.engine.supervisor.report import Report
from faas.engine.supervisor.supervise import SIGNALS, Supervisor

_WAITS = "import signal; signal.sigwait({signal.SIGTERM})"


def main() -> None:
    plan = Plan.load(sys.argv[1])
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    lock = lock_state(plan.state_dir, os.getpid())
    os.makedirs(f"{plan.state_dir}/logs", exist_ok=True)
    fds = dict.fromkeys(("public", "internal", "control", "api", "broker", "broker_control"), lock)
    children = make_children(plan, "settings.json", fds, lock, choose_nats_port(nats_dir(plan)))
    for child in (children.broker, children.gateway, children.engine):
        child.command = lambda name=child.name: [sys.executable, "-c", _WAITS, name]
    supervisor = Supervisor(children, plan.runtime_dir, Report(None, "/dev/null"), lambda: None)
    supervisor.run()
    supervisor.stop(stop_s=plan.stop_s)


main()
