"""Python names to the names of Services: `get_order` becomes `get-order`."""

from __future__ import annotations

import re

MAX_LABEL = 63
_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")


def dns_label(python_name: str) -> str:
    """The DNS label of a Python name.

    Raises: ValueError: it has no such form (too long, or nothing but underscores); the text says so.
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", python_name)
    label = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
    if len(label) > MAX_LABEL:
        raise ValueError(f"the name {label!r} has {len(label)} characters; a service's name has at most {MAX_LABEL}")
    if not _LABEL.match(label):
        raise ValueError(f"{python_name!r} makes no service name: it has to start with a letter")
    return label
