"""Waiting for a debugger before the user's module is imported; `faas run --debug` asks for it."""

from __future__ import annotations

import os
import sys

PORT = "FAAS_DEBUG_PORT"
PATH = "FAAS_DEBUG_PATH"  # the folder that holds debugpy: the toolkit's, so that no project has to require it


def wait_for_debugger() -> None:
    """Listen for a client of the debug adapter protocol and go on when it is there; nothing without FAAS_DEBUG_PORT."""
    port = os.environ.get(PORT)
    if not port:
        return
    if path := os.environ.get(PATH):
        sys.path.append(path)
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # frozen modules are the interpreter's own: no worry
    import debugpy

    if path:
        sys.path.remove(path)
    debugpy.listen(("127.0.0.1", int(port)))
    print(f"faas-runtime: waiting for a debugger on 127.0.0.1:{port}", file=sys.stderr, flush=True)
    debugpy.wait_for_client()
