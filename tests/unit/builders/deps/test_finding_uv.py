"""uv is found by several threads of a young process at once."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import threading
from faas_builders.deps.uv import run_uv

def ask():
    barrier.wait()
    answers.append(run_uv(["--version"]).split()[0])

barrier, answers = threading.Barrier(8), []
threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(answers.count("uv"))
"""


def test_threads_that_all_need_uv_first_all_find_it() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("8\n", "")
