from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest
from faas_builders.registry.parallel import AT_A_TIME, Stopped, Tally, each

DEADLINE_S = 30


def test_results_are_in_the_order_of_what_was_asked() -> None:
    assert each(range(20), lambda number: number * 2, lambda: None) == [number * 2 for number in range(20)]
    assert each([], lambda number: number, lambda: None) == []


def test_as_many_as_allowed_are_under_way_at_once() -> None:
    together = threading.Barrier(AT_A_TIME)
    each(range(AT_A_TIME), lambda _: together.wait(DEADLINE_S), lambda: None)


def test_the_first_failure_ends_the_others_and_what_has_not_begun_does_not_begin() -> None:
    stopped, begun = threading.Event(), []

    def work(number: int) -> None:
        begun.append(number)
        if number == 1:
            raise ValueError("no")
        assert stopped.wait(DEADLINE_S)

    with pytest.raises(ValueError, match="no"):
        each(range(AT_A_TIME + 5), work, stopped.set)
    assert len(begun) <= AT_A_TIME


def test_a_tally_adds_up_and_ends_transfers() -> None:
    seen: list[tuple[int, int]] = []
    tally = Tally(30, lambda *at: seen.append(at))
    first, second = tally.reporter("first"), tally.reporter("second")
    first(10)
    second(5)
    first(0)  # it starts anew
    assert seen == [(10, 30), (15, 30), (5, 30)]
    tally.stop()
    with pytest.raises(Stopped):
        first(1)


def test_after_ctrl_c_nobody_waits_for_what_hangs() -> None:
    program = (
        "import os, signal, sys, threading\n"
        "from faas_builders.registry.parallel import each\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background job is born ignoring it
        "def hang(_):\n"
        "    os.write(1, b'hanging\\n')\n"  # print takes a lock, and an interpreter that ends aborts over it
        "    threading.Event().wait()\n"
        "try:\n"
        "    each([1], hang, lambda: None)\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(7)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"hanging\n"
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(DEADLINE_S) == 7
        finally:
            process.kill()
