"""What a run of `faas run` was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from faas.project.manifests.podspec import Overrides


@dataclass(frozen=True, slots=True)
class SessionOptions:
    path: Path
    python: Path | None = None
    namespace: str = "default"
    reload: bool = True
    container: bool | None = None  # how all functions run, over what each says
    debug_port: int = 0  # 0: no debugger; else the first function's, the next one's is one more
    overrides: Overrides = field(default_factory=Overrides)
