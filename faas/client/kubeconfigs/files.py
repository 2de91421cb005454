"""Kubeconfig files, read and merged as kubectl does: of what several say, the first counts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_MOST_VALUES = 200_000  # a fleet of a thousand clusters has a tenth of it
_HINT = "Repair it; this shows what kubectl makes of it:  kubectl config view"


class KubeconfigError(Exception):
    """A kubeconfig that cannot be used: `path` and `reason` say what is wrong with which file, `hint` what to do."""

    def __init__(self, path: Path, reason: str, hint: str = "") -> None:
        super().__init__(f"kubeconfig {path}: {reason}")
        self.path, self.reason, self.hint = path, reason, hint


@dataclass(frozen=True, slots=True)
class Entry:
    """A named cluster, user or context, and the file that says it."""

    path: Path
    name: str
    content: Mapping[str, Any] = field(repr=False)

    def beside(self, value: object) -> Path | None:
        """Relative paths in a kubeconfig are relative to its folder."""
        return Path(os.path.join(self.path.parent, str(value))) if value else None


@dataclass(slots=True)
class Kubeconfigs:
    hint: str = _HINT  # how to repair one of them
    current: str = ""
    clusters: dict[str, Entry] = field(default_factory=dict)
    users: dict[str, Entry] = field(default_factory=dict)
    contexts: dict[str, Entry] = field(default_factory=dict)


def kubeconfig_paths(variables: Mapping[str, str]) -> list[Path]:
    """Those of KUBECONFIG, else the one in the home folder."""
    if named := variables.get("KUBECONFIG"):
        return [Path(os.path.abspath(part)) for part in named.split(os.pathsep) if part]
    home = variables.get("HOME") or os.path.expanduser("~")
    return [Path(home) / ".kube" / "config"]


def read_kubeconfigs(paths: Sequence[Path], *, hint: str = _HINT, required: bool = False) -> Kubeconfigs:
    """Raises: KubeconfigError. Args: required: a file that is not there is an error, not an empty one."""
    found = Kubeconfigs(hint)
    for path in paths:
        if not required and not path.exists():
            continue
        document = _read(path, hint)
        found.current = found.current or str(document.get("current-context") or "")
        for entries, section, key in (
            (found.clusters, "clusters", "cluster"),
            (found.users, "users", "user"),
            (found.contexts, "contexts", "context"),
        ):
            for entry in _entries(path, document, section, key, hint):
                entries.setdefault(entry.name, entry)
    return found


def _read(path: Path, hint: str) -> Mapping[str, Any]:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KubeconfigError(path, "there is no such file", "Start the engine, which writes it:  faas up") from None
    except (OSError, UnicodeDecodeError) as error:
        raise KubeconfigError(path, f"it cannot be read: {error}", "It has to be yours, mode 0600") from error
    try:
        # The C parser where it is built in: ten times as fast, and this is on every command's way.
        document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date that no calendar has
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        # Not chained: what the parser says quotes the line, and lines of kubeconfigs are credentials.
        raise KubeconfigError(path, f"it is not valid YAML{where}", hint) from None
    if _is_too_much(document):
        raise KubeconfigError(path, f"it stands for more than {_MOST_VALUES} values: aliases of aliases", hint)
    if document is None:
        return {}  # as `touch` leaves it
    if not isinstance(document, dict):
        raise KubeconfigError(path, "it holds no mapping", hint)
    return document


def _is_too_much(document: Any) -> bool:
    """Whether aliases, which cost nothing to read, stand for more than anybody could print or send."""
    count, waiting = 0, [document]
    while waiting and count <= _MOST_VALUES:
        value = waiting.pop()
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        count += 1 + len(children)
        if count <= _MOST_VALUES:
            waiting += children
    return count > _MOST_VALUES


def _entries(path: Path, document: Mapping[str, Any], section: str, key: str, hint: str) -> list[Entry]:
    listed = document.get(section) or []
    if not isinstance(listed, list):
        raise KubeconfigError(path, f"{section} is not a list", hint)
    entries = []
    for entry in listed:
        if not isinstance(entry, dict) or not entry.get("name"):
            raise KubeconfigError(path, f"an entry of {section} has no name", hint)
        content = entry.get(key)
        if not isinstance(content, dict):
            if content is not None:
                raise KubeconfigError(path, f"{key} {entry['name']!r} is not a mapping", hint)
            content = {}
        entries.append(Entry(path, str(entry["name"]), content))
    return entries
