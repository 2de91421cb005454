"""Values that options of several sources have: each parser gives the normal form, or says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from faas_runtime.errors import OptionError
from faas_runtime.options.option import Option, did_you_mean
from faas_runtime.options.values import matching, seconds

SECRET_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\Z")
_PASSWORD = re.compile(r"://[^/@\s]*:(?P<password>[^/@\s]+)@")


def secret(keys: str) -> Option:
    """The option `secret`; `keys`: the keys that are read from the Secret."""
    return Option("secret", f"the Secret that holds {keys}", "the name of a Secret", matching(SECRET_NAME), False)


def duration(name: str, doc: str, low: float, high: float) -> Option:
    return Option(name, doc, f"seconds from {low:g} to {high:g}, or '30s', '5m'", seconds(low, high), False)


def text(value: Any) -> str:
    """Any text that is not empty and holds no control characters."""
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError
    return value


def texts(value: Any) -> list[str]:
    """One text or several."""
    found = [value] if isinstance(value, str) else list(value)
    if not found:
        raise ValueError
    return [text(item) for item in found]


def words(*known: str) -> Callable[[Any], list[str]]:
    """One or several of `known`, without repetition."""

    def parse(value: Any) -> list[str]:
        found = texts(value)
        for word in found:
            if word not in known:
                raise OptionError("", f"{word!r} is not known", did_you_mean(word, known))
        return list(dict.fromkeys(found))

    return parse


def url(option: str, *schemes: str, default: str = "") -> Callable[[Any], str]:
    """An address without a password: objects can be read by more people than Secrets.

    `${NAME}` in it is left for the deploy, which fills it from its environment and checks the whole again.
    """

    def parse(value: Any) -> str:
        found = text(value)
        if default and "://" not in found:
            found = f"{default}://{found}"
        check_url(option, found, schemes)
        return found

    return parse


def check_url(option: str, value: str, schemes: Sequence[str]) -> None:
    """Raises: OptionError."""
    secret = _PASSWORD.search(value)
    if secret is not None and not secret["password"].startswith("${"):
        raise OptionError(option, f"{option}: the address holds a password, which everybody could read",
                          'put it into a Secret: kubectl create secret generic NAME --from-literal=username=… '
                          '--from-literal=password=…, and say secret="NAME"')  # fmt: skip
    if secret is not None:
        raise OptionError(option, f"{option}: a password from the environment would still stand in the object",
                          'put it into a Secret, and say secret="NAME"')  # fmt: skip
    if "${" in value:
        return
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise OptionError(option, f"{option}={value!r} is no address: {error}", f"write {schemes[0]}://HOST") from None
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        raise OptionError(option, f"{option}={value!r} is no address", f"write {schemes[0]}://HOST:PORT")
