"""The small part of Go templates that config maps use: text with {{.Name}} in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")


@dataclass(frozen=True, slots=True)
class Template:
    """Text with fields in double braces. Raises ValueError for anything but the fields that are allowed."""

    text: str
    fields: tuple[str, ...]

    def __post_init__(self) -> None:
        allowed = ", ".join("{{." + field + "}}" for field in self.fields)
        for action in _ACTION.findall(self.text):
            if action.removeprefix(".") not in self.fields or not action.startswith("."):
                raise ValueError(f"the template {self.text!r} has {action!r}, which is not one of {allowed}")
        rest = _ACTION.sub("", self.text)
        if "{{" in rest or "}}" in rest:
            raise ValueError(f"the template {self.text!r} has braces without a partner; write one of {allowed}")

    def render(self, **values: str) -> str:
        return _ACTION.sub(lambda match: values.get(match[1].removeprefix("."), ""), self.text)

    def uses(self, field: str) -> bool:
        return f".{field}" in _ACTION.findall(self.text)
