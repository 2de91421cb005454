"""The programs that distributions install, made to start inside the image."""

from __future__ import annotations

import re
from pathlib import Path

from faas_builders.target import Target

# What installers write: the interpreter itself, or a shell's way to it when its path is too long or has spaces.
_DIRECT = re.compile(rb"\A#![^\n]*python[^\n]*\n")
_THROUGH_SHELL = re.compile(rb"\A#!/bin/sh\n'''exec' [^\n]*\n' '''\n")


def rewrite_scripts(folder: Path, target: Target) -> None:
    """Let each Python script in bin/ name the image's interpreter; files are replaced, they may be links elsewhere."""
    for script in sorted((folder / "bin").glob("*")):
        if not script.is_file() or script.is_symlink():
            continue
        data = script.read_bytes()
        rest = _THROUGH_SHELL.sub(b"", data) if _THROUGH_SHELL.match(data) else _DIRECT.sub(b"", data)
        if len(rest) != len(data):
            script.unlink()
            script.write_bytes(f"#!{_interpreter(target)}\n".encode() + rest)
            script.chmod(0o755)


def _interpreter(target: Target) -> str:
    return target.executable or f"/usr/bin/env python{target.minor}"
