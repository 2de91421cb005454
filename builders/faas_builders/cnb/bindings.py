"""Secrets of a build, from service bindings: what uv needs to reach indexes that want to know who asks.

A binding is a folder with a file `type` and a file for each secret. Type `faas` (what our CLI mounts) and type `pypi`
are ours. Source: Service Binding for Kubernetes, "Workload Projection".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

_TYPES = ("faas", "pypi")
# Files to variables: those that name a file, and those that hold a value.
_FILES = {"netrc": "NETRC", "uv.toml": "UV_CONFIG_FILE", "ca.pem": "SSL_CERT_FILE"}
_VALUES = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "find-links": "UV_FIND_LINKS"}
VARIABLES = frozenset({*_FILES.values(), *_VALUES.values()})


def read_bindings(root: Path | None, log: Callable[[str], None]) -> dict[str, str]:
    """Variables for uv, and only for uv. What is read is never shown, only where it came from."""
    found: dict[str, str] = {}
    for folder in _ours(root) if root else ():
        names = [name for name in (*_FILES, *_VALUES) if (folder / name).is_file()]
        for name in names:
            if name in _FILES:
                found[_FILES[name]] = str(folder / name)
            else:
                found[_VALUES[name]] = (folder / name).read_text(encoding="utf-8").strip()
        log(f"binding {folder.name}: {', '.join(names) or 'nothing in it that is known here'}")
    return found


def _ours(root: Path) -> Iterator[Path]:
    for folder in sorted(root.iterdir()):
        kind = folder / "type"
        if kind.is_file() and kind.read_text(encoding="utf-8").strip().lower() in _TYPES:
            yield folder
