"""What is sent to a function, from what was typed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click


def read_body(data: str | None, json_text: str | None) -> tuple[bytes | None, bool]:
    if data is not None and json_text is not None:
        raise click.UsageError("--data and --json are two ways to give the same body; use one")
    if json_text is not None:
        try:
            json.loads(json_text)
        except ValueError as error:
            raise click.BadParameter(f"this is not JSON: {error}", param_hint="--json") from error
        return json_text.encode(), True
    if data is None:
        return None, False
    if data == "-":
        return sys.stdin.buffer.read(), False
    if data.startswith("@"):
        try:
            return Path(data[1:]).read_bytes(), data.endswith(".json")
        except OSError as error:
            raise click.BadParameter(f"{data[1:]}: {error.strerror}", param_hint="--data") from error
    return data.encode(), False


def looks_like_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict | list)
    except ValueError:
        return False


def parse_header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise click.BadParameter(f"{text!r} is not NAME: VALUE", param_hint="--header")
    return name.strip(), value.strip()


def parse_pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint=option)
    return name.lower(), value
