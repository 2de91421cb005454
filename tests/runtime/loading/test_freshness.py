"""Two saves within one second and of the same size: the second one counts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from pathlib import Path
from faas_runtime.loading.freshness import read_sources
project = Path(sys.argv[1])
read_sources(project)
sys.path.insert(0, str(project))
import version
print(version.NAME)
"""


def imported(project: Path) -> str:
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(project)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def save(project: Path, name: str) -> None:
    source = project / "version.py"
    source.write_text(f"NAME = {name!r}\n")
    os.utime(source, (1_700_000_000, 1_700_000_000))


def test_bytecode_of_the_save_before_is_not_taken(tmp_path: Path) -> None:
    save(tmp_path, "a")
    writing = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([sys.executable, "-c", "import version"], cwd=tmp_path, env=writing, check=True)
    assert list(tmp_path.glob("__pycache__/version.*.pyc"))

    save(tmp_path, "b")

    assert imported(tmp_path) == "b"


def test_the_users_folder_stays_clean(tmp_path: Path) -> None:
    save(tmp_path, "a")

    assert imported(tmp_path) == "a"
    assert [path.name for path in tmp_path.iterdir()] == ["version.py"]
