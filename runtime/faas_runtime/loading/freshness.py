"""Imports a project's own modules from their source, never from bytecode.

Python takes cached bytecode for current when the source has the same size and the same modification time in whole
seconds. Two saves within a second can look so, and `faas run` would serve the one before. It also leaves no
`__pycache__` in the user's folder.
"""

from __future__ import annotations

import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from types import CodeType


class _FromSource(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def read_sources(project: Path) -> None:
    """From now on modules below `project` are compiled when they are imported; what is installed there is not."""
    root = project.resolve()

    def hook(path: str) -> FileFinder:
        folder = Path(path).resolve()
        if not folder.is_relative_to(root) or "site-packages" in folder.parts or not folder.is_dir():
            raise ImportError(path)
        return FileFinder(
            path,
            (ExtensionFileLoader, EXTENSION_SUFFIXES),
            (_FromSource, SOURCE_SUFFIXES),
            (SourcelessFileLoader, BYTECODE_SUFFIXES),
        )

    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.clear()
