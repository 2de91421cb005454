"""Layers of a buildpack: a folder, a toml file that says what it is for, and variables that come with it."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from faas_builders.cnb import toml


@dataclass(frozen=True, slots=True)
class LayerKind:
    """What a lifecycle does with it: put it into the image, keep it for the next build."""

    launch: bool = False
    cache: bool = False

    @property
    def types(self) -> dict[str, bool]:
        return {"launch": self.launch, "build": False, "cache": self.cache}


@dataclass(frozen=True, slots=True)
class Layer:
    root: Path  # the layers of this buildpack
    name: str
    kind: LayerKind = field(default_factory=LayerKind)

    @property
    def folder(self) -> Path:
        return self.root / self.name

    def made_once(self, key: str, fill: Callable[[Path], None]) -> bool:
        """Fill the folder, unless it was restored and is what `key` stands for. Returns whether it was.

        A lifecycle restores metadata also without content (of launch layers that are not cached).
        """
        reused = self.folder.is_dir() and self._metadata().get("key") == key
        if not reused:
            self.clear()
            self.folder.mkdir(parents=True)
            fill(self.folder)
        self.declare(key)
        return reused

    def declare(self, key: str = "") -> None:
        """Write the toml file. A lifecycle leaves `types` out of what it restores: without them a layer is dropped."""
        table: toml.Table = {"types": self.kind.types, "metadata": {"key": key}} if key else {"types": self.kind.types}
        self._toml.write_text(toml.dumps(table), encoding="utf-8")

    def set_env(self, name: str, value: str, how: str, process: str = "") -> None:
        """A variable at launch. Args: how: override, default, prepend, append or delim; process: only for that type."""
        folder = self.folder / "env.launch" / process
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.{how}").write_text(value, encoding="utf-8")

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._toml.unlink(missing_ok=True)
        for bill in self.root.glob(f"{self.name}.sbom.*"):
            bill.unlink()

    def write_sbom(self, document: bytes) -> None:
        (self.root / f"{self.name}.sbom.cdx.json").write_bytes(document)

    @property
    def _toml(self) -> Path:
        return self.root / f"{self.name}.toml"

    def _metadata(self) -> Mapping[str, object]:
        try:
            metadata = tomllib.loads(self._toml.read_text(encoding="utf-8")).get("metadata", {})
        except (FileNotFoundError, tomllib.TOMLDecodeError):
            return {}
        return metadata if isinstance(metadata, dict) else {}
