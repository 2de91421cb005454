"""`ctx.secrets` and `ctx.config`: values of Secrets and ConfigMaps, from mounted files or from variables.

A key of the Secret `db` is the file `$FAAS_SECRETS_DIR/db/KEY`, else the variable `FAAS_SECRET_DB_KEY` (the name in
upper case, `-` and `.` as `_`; the key as it is, or in upper case). ConfigMaps: `$FAAS_CONFIG_DIR` and `FAAS_CONFIG_…`.
Files are read when asked for, so a rotated Secret is seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from faas_runtime.errors import NotConfigured


class Values(Mapping[str, str]):
    """The keys of one Secret or ConfigMap."""

    __slots__ = ("environment", "folder", "kind", "name", "prefix")

    def __init__(self, kind: str, name: str, folder: Path, prefix: str, environment: Mapping[str, str]) -> None:
        self.kind, self.name = kind, name
        self.folder, self.prefix, self.environment = folder, prefix, environment

    def __getitem__(self, key: str) -> str:
        path = self.folder / key
        if path.parent == self.folder and path.is_file():
            return path.read_text()
        for variable in (self.prefix + key, self.prefix + _variable(key)):
            if variable in self.environment:
                return self.environment[variable]
        raise KeyError(f"the {self.kind} {self.name!r} has no key {key!r}; its keys are: {', '.join(self) or 'none'}")

    def bytes(self, key: str) -> bytes:
        """The value as bytes, for what is no text."""
        path = self.folder / key
        return path.read_bytes() if path.parent == self.folder and path.is_file() else self[key].encode()

    def __iter__(self) -> Iterator[str]:
        found: dict[str, None] = {}
        if self.folder.is_dir():
            found.update((path.name, None) for path in sorted(self.folder.iterdir())
                         if path.is_file() and not path.name.startswith(".."))  # fmt: skip
        found.update((name[len(self.prefix) :], None) for name in self.environment if name.startswith(self.prefix))
        yield from found

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}: {', '.join(self)}>"  # never the values: this ends up in logs


class Mounted(msgspec.Struct, frozen=True):
    """All Secrets (or ConfigMaps) that the function named in `secrets=` (`config=`); by name."""

    kind: str  # Secret, ConfigMap
    option: str  # secrets, config
    folder: Path
    prefix: str  # FAAS_SECRET_, FAAS_CONFIG_
    environment: Mapping[str, str]

    def __getitem__(self, name: str) -> Values:
        """Raises: NotConfigured: this instance was given no such Secret or ConfigMap."""
        values = Values(self.kind, name, self.folder / name, f"{self.prefix}{_variable(name)}_", self.environment)
        if not values:
            raise NotConfigured(
                f"there is no {self.kind} {name!r} here: neither {values.folder} nor {values.prefix}*\n"
                f"  Declare it: @function({self.option}=[{name!r}]), and create it: kubectl create "
                f"{self.kind.lower() if self.kind == 'ConfigMap' else 'secret generic'} {name} --from-literal=KEY=VALUE"
            )
        return values

    def __contains__(self, name: str) -> bool:
        return bool(Values(self.kind, name, self.folder / name, f"{self.prefix}{_variable(name)}_", self.environment))


def _variable(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())
