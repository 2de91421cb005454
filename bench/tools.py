"""Where our own command is, and whether those of others are there."""

import shutil
import subprocess
import sys
from pathlib import Path

FAAS = Path(sys.executable).with_name("faas")
EXAMPLES = Path(__file__).parents[1] / "examples"


def needs_docker() -> None:
    """Raises: RuntimeError: no Docker engine answers."""
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        raise RuntimeError("no Docker engine answers, or its command is missing")
