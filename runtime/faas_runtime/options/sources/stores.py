"""What `@function.bucket`, `.redis` and `.files` take: places where something new turns up."""

from __future__ import annotations

import re
from typing import Any

from faas_runtime.errors import OptionError
from faas_runtime.options.option import Option, table
from faas_runtime.options.sources.words import duration, secret, text, texts, url, words
from faas_runtime.options.values import boolean, integer, matching

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]\Z")
_ENTRY = re.compile(r"\d{1,20}(-\d{1,20})?\Z")
_STARTS = {"latest": "$", "$": "$", "earliest": "0"}
_FILE_CHANGES = ("created", "modified", "removed")


def _start(value: Any) -> str:
    found = _STARTS.get(str(value), str(value))
    if found != "$" and not _ENTRY.match(found):
        raise ValueError
    return found


def _folder(value: Any) -> str:
    found = text(value)
    if ".." in found.split("/"):
        raise ValueError
    return found


BUCKET = table(
    Option("bucket", "which", "3 to 63 lower-case letters, digits, '.', '_' and '-'", matching(_BUCKET), False),
    Option("on", "which changes", "'created', 'removed', or both", words("created", "removed"), False),
    Option("prefix", "what a key begins with", "text", text, False),
    Option("suffix", "what a key ends with", "text, or several: ('.jpg', '.png')", texts, False),
    Option("endpoint", "of a store that is not AWS", "http://HOST:PORT, or https://…",
           url("endpoint", "https", "http"), False),
    Option("region", "of the bucket", "its name, 'eu-central-1'", text, False),
    duration("interval", "how often the bucket is listed", 1, 86400),
    Option("notifications", "the store sends its notifications here; the bucket is not listed", "True or False",
           boolean, False),
    Option("path_style", "the bucket is in the path, not in the host's name", "True or False", boolean, False),
    secret("accessKey and secretKey; with notifications token"),
)  # fmt: skip

REDIS = table(
    Option("stream", "which", "its key", text, False),
    Option("url", "the server", "redis://HOST:6379, or rediss://…",
           url("url", "redis", "rediss", default="redis"), False),
    Option("group", "the consumer group; the function's own without it", "a name", text, False),
    Option("start", "where a new group begins", "'latest', 'earliest' or the id of an entry", _start, False),
    Option("batch", "entries that are read at once", "a whole number from 1 to 10000", integer(1, 10000), False),
    secret("password; ca.crt, tls.crt and tls.key"),
)  # fmt: skip

FILES = table(
    Option("path", "the folder", "a path without '..'", _folder, False),
    Option("patterns", "which files", "a pattern as '*.csv', or several", texts, False),
    Option("on", "which changes", "one or more of created, modified, removed", words(*_FILE_CHANGES), False),
    Option("recursive", "also in folders below", "True or False", boolean, False),
    duration("settle", "how long a file has to stay as it is before it is told", 0, 3600),
)  # fmt: skip


def complete_bucket(options: dict[str, Any]) -> dict[str, Any]:
    if options.get("notifications") and "interval" in options:
        raise OptionError("interval", "a bucket that sends notifications is not listed",
                          "leave interval or notifications out")  # fmt: skip
    if options.get("notifications") and "secret" not in options:
        raise OptionError("secret", "anybody could send notifications",
                          'put a token into a Secret with the key token, say secret="NAME", and tell it to the '
                          "store")  # fmt: skip
    return options
