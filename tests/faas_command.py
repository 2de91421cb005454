"""The commands as a user has them: processes of their own, on one state."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class FaasCommand:
    state: Path
    said: str = field(default="", kw_only=True)

    def __call__(self, *arguments: str | Path, code: int = 0) -> str:
        """Run a command and return what it wrote to stdout; stderr is in `said`."""
        done = subprocess.run(
            [sys.executable, "-m", "faas.cli.main", *map(str, arguments)],
            env={**os.environ, "FAAS_STATE": str(self.state)},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        self.said = done.stderr
        assert done.returncode == code, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout
