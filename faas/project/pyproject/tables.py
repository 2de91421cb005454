"""A table of pyproject.toml, which knows what it is called when something in it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faas_runtime.errors import OptionError
from faas_runtime.options.checking import validate
from faas_runtime.options.option import Option, did_you_mean

from faas.project.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Table:
    pyproject: Path
    key: str  # dotted: tool.faas.environments.staging
    content: Mapping[str, Any]

    def refused(self, reason: str, hint: str = "", *, at: str = "") -> SettingsError:
        """What to raise for the table, or for the setting `at` in it."""
        return SettingsError(self.pyproject, f"{self.key}.{at}" if at else self.key, reason, hint)

    def inner(self, name: str) -> Table:
        """The table in it, empty where there is none. Raises: SettingsError: it is none."""
        key, content = f"{self.key}.{name}", self.content.get(name, {})
        if not isinstance(content, dict):
            raise self.refused("this is a table", f"Write [{key}]", at=name)
        return Table(self.pyproject, key, content)

    def tables(self, name: str) -> dict[str, Table]:
        """Those of a table of tables, by name. Raises: SettingsError: it is none."""
        key, content = f"{self.key}.{name}", self.content.get(name, {})
        if not isinstance(content, dict) or not all(isinstance(each, dict) for each in content.values()):
            raise self.refused("this is a table of tables", f"Write [{key}.NAME]", at=name)
        return {inner: Table(self.pyproject, f"{key}.{inner}", each) for inner, each in content.items()}

    def settings(self, known: Mapping[str, Option]) -> dict[str, Any]:
        """All that is in it, in its normal form. Raises: SettingsError: there is no such setting, or not so."""
        for word in self.content:
            if word not in known:
                raise self.refused("there is no such setting", did_you_mean(word, tuple(known)), at=word)
        return self.options(known)

    def options(self, known: Mapping[str, Option]) -> dict[str, Any]:
        """`settings` of a function, which says it as a decorator would."""
        try:
            return validate(self.content, known=known)
        except OptionError as error:
            raise self.refused(error.message, error.hint, at=error.option) from error
