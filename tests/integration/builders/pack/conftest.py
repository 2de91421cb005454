"""A small project, and what stands in for pack."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.containers_world import MadeImage
from tests.unit.builders.conftest import cache, project, shared_cache

__all__ = ["cache", "project", "shared_cache"]


@pytest.fixture
def asked(
    tmp_path: Path, docker: Any, busybox: MadeImage, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], dict[str, Any]]:
    """Put the stand-in where pack is looked for; call it for what pack was asked."""
    program = tmp_path / "bin" / "pack"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("recorded_pack.py")} "$@"\n')
    program.chmod(0o755)
    busybox.load(docker, "faas-test-shell:1")
    monkeypatch.setenv("PACK", str(program))
    monkeypatch.setenv("RECORDED_PACK_ASKED", str(tmp_path / "asked.json"))
    monkeypatch.setenv("RECORDED_PACK_IMAGE", "faas-test-shell:1")
    return lambda: dict(json.loads((tmp_path / "asked.json").read_text()))
