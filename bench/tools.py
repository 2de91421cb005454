"""Where our own command is."""

import sys
from pathlib import Path

FAAS = Path(sys.executable).with_name("faas")
EXAMPLES = Path(__file__).parents[1] / "examples"
