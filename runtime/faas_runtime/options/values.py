"""From what a user writes as an option's value to its normal form: numbers, durations, sizes, words, tables of them.

Each raises ValueError for a value that it does not take; who asks knows the option, and what it takes in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?\Z")
DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\Z")
ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?\Z")
QUANTITY = re.compile(r"\d+(\.\d+)?(m|[kMGTPE]|[KMGTPE]i)?\Z")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?\Z")
_SCALE = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_BINARY = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
RESERVED_ENVIRONMENT = frozenset({"PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION"})  # Knative's own


def parse_seconds(value: Any) -> float:
    """Seconds from 90, 1.5, "90s", "250ms", "5m", "1h". Raises: ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    if isinstance(value, str):
        match = _DURATION.match(value.strip())
        if match is None:
            raise ValueError
        return float(match[1]) * _SCALE[match[2]]
    return float(value)


def parse_size(value: Any) -> int:
    """Bytes from 1048576, "32Mi", "10M". Raises: ValueError."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = re.match(r"(\d+)([kMG]|[KMG]i)?\Z", value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError
    return int(match[1]) * _BINARY[match[2] or ""]


def integer(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        if isinstance(value, str) and value.strip().isdigit():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError
        return value

    return parse


def seconds(low: float, high: float) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        seconds = parse_seconds(value)
        if not low <= seconds <= high:
            raise ValueError
        return seconds

    return parse


def whole_seconds(low: int, high: int) -> Callable[[Any], int]:
    """Knative takes no fraction of a second here."""

    def parse_whole(value: Any) -> int:
        seconds = parse_seconds(value)
        if seconds != int(seconds) or not low <= seconds <= high:
            raise ValueError
        return int(seconds)

    return parse_whole


def parse_burst(value: Any) -> int:
    """-1, or a whole number from 0. Raises: ValueError."""
    number = int(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int) or number < -1:
        raise ValueError
    return number


def number(low: float) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        number = float(value)
        if not low <= number < float("inf"):
            raise ValueError
        return number

    return parse


def boolean(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "1", "yes", "false", "0", "no"):
        return value.lower() in ("true", "1", "yes")
    if not isinstance(value, bool):
        raise ValueError
    return value


def one_of(*choices: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in choices:
            raise ValueError
        return str(value)

    return parse


def matching(pattern: re.Pattern[str]) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if not isinstance(value, str) or not pattern.match(value):
            raise ValueError
        return value

    return parse


def parse_quantity(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    text = str(value).strip()
    if not QUANTITY.match(text) or text.rstrip("mkMGTPEi").strip("0.") == "":
        raise ValueError
    return text


def parse_names(value: Any) -> list[str]:
    names = [part.strip() for part in value.split(",")] if isinstance(value, str) else list(value)
    if not all(isinstance(name, str) and DNS_SUBDOMAIN.match(name) for name in names):
        raise ValueError
    return names


def parse_environment(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError
    for key, item in value.items():
        if not (isinstance(key, str) and ENV_NAME.match(key) and isinstance(item, str)) or key in RESERVED_ENVIRONMENT:
            raise ValueError
    return dict(value)


def parse_labels(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(
        isinstance(key, str) and _LABEL_KEY.match(key) and isinstance(item, str) and _LABEL_VALUE.match(item)
        for key, item in value.items()
    ):
        raise ValueError
    return dict(value)
