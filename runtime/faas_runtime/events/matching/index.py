"""Which of many triggers want an event, without asking each."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

from faas_runtime.events.attributes import Attributes, text_of
from faas_runtime.events.matching.compiling import Matcher, Matches

Key = TypeVar("Key", bound=Hashable)


class TriggerIndex(Generic[Key]):
    """Matchers by key, found by what they require.

    Each matcher that requires anything is filed under the values of one attribute, that which fewest others are filed
    under with; so triggers of other types, sources or names cost an event nothing. Not for use by several threads.
    """

    def __init__(self) -> None:
        self._filed: dict[str, dict[str, dict[Key, Matches]]] = {}
        self._others: dict[Key, Matches] = {}
        self._places: dict[Key, tuple[str, frozenset[str]]] = {}  # the attribute, and its values; "": not filed

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[Key]:
        return iter(self._places)

    def add(self, key: Key, matcher: Matcher) -> None:
        """Raises: KeyError: the key is there; see `replace`."""
        if key in self._places:
            raise KeyError(key)
        name = min(matcher.required, key=lambda name: self._neighbours(name, matcher.required[name]), default="")
        values = matcher.required[name] if name else frozenset()
        self._places[key] = (name, values)
        if not name:
            self._others[key] = matcher.matches
        for value in values:
            self._filed.setdefault(name, {}).setdefault(value, {})[key] = matcher.matches

    def remove(self, key: Key) -> None:
        """Raises: KeyError."""
        name, values = self._places.pop(key)
        if not name:
            del self._others[key]
        for value in values:
            by_value = self._filed[name]
            del by_value[value][key]
            if not by_value[value]:
                del by_value[value]
            if not by_value:
                del self._filed[name]

    def replace(self, key: Key, matcher: Matcher) -> None:
        """Add it, or put this one in its place."""
        if key in self._places:
            self.remove(key)
        self.add(key, matcher)

    def wanting(self, attributes: Attributes) -> list[Key]:
        """The keys of the matchers that an event passes, in no particular order."""
        found = [key for key, matches in self._others.items() if matches(attributes)]
        for name, by_value in self._filed.items():
            value = attributes.get(name)
            if value is not None:
                filed = by_value.get(value if value.__class__ is str else text_of(value))
                if filed is not None:
                    found += [key for key, matches in filed.items() if matches(attributes)]
        return found

    def _neighbours(self, name: str, values: frozenset[str]) -> int:
        by_value = self._filed.get(name, {})
        return sum(len(by_value.get(value, ())) for value in values)
