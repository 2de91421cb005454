"""httpx without its command line program, which is most of what importing it takes and has no part in a build."""

from __future__ import annotations

import sys

_PROGRAM = "httpx._main"

if "httpx" not in sys.modules:
    sys.modules[_PROGRAM] = None  # type: ignore[assignment]  # documented: makes the import raise ImportError
import httpx  # noqa: E402

if sys.modules.get(_PROGRAM) is None:
    sys.modules.pop(_PROGRAM, None)

__all__ = ["httpx"]
