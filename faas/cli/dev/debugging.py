"""What `faas run --debug` changes: one instance a function, which waits for a debugger and is never given up."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Sequence
from pathlib import Path

from faas.cli.errors import CommandError
from faas.client.protocol import Object
from faas.resources import keys

TIMEOUT_S = 3600  # an hour at a breakpoint: the most that a function takes
CONFIG_DEFAULTS = {"max-revision-timeout-seconds": str(TIMEOUT_S)}


def debugpy_folder() -> Path:
    """Where the toolkit's debugpy is. Raises: CommandError: it is not installed."""
    spec = importlib.util.find_spec("debugpy")
    if spec is None or spec.origin is None:
        raise CommandError("--debug needs debugpy, which is not installed", "Install it:  pip install 'faas[debug]'")
    return Path(spec.origin).parent.parent


def debuggable(manifests: Sequence[Object], first_port: int) -> tuple[Object, ...]:
    """The same Services, each with a port of its own for a debugger, counted up from `first_port`."""
    folder = debugpy_folder()
    return tuple(_debuggable(manifest, first_port + index, folder) for index, manifest in enumerate(manifests))


def _debuggable(manifest: Object, port: int, folder: Path) -> Object:
    changed = copy.deepcopy(manifest)
    template = changed["spec"]["template"]
    annotations = template.setdefault("metadata", {}).setdefault("annotations", {})
    annotations |= {
        keys.SNAPSHOT: "false",
        keys.MIN_SCALE[0]: "1",
        keys.MAX_SCALE[0]: "1",
        keys.PROGRESS_DEADLINE: f"{TIMEOUT_S}s",
    }
    template["spec"]["timeoutSeconds"] = TIMEOUT_S
    variables = template["spec"]["containers"][0].setdefault("env", [])
    variables += [
        {"name": "FAAS_DEBUG_PORT", "value": str(port)},
        {"name": "FAAS_DEBUG_PATH", "value": str(folder)},
    ]
    return changed
