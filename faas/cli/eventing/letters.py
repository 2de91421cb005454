"""A dead letter as a row of a table, and with all that is known of it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from faas.cli.output import print_facts, print_section, print_table
from faas.cli.texts import counted, reason_text, size_text

Letter = dict[str, Any]
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_REASON = 60  # characters of a row
HEADS = ("seq", "time", "trigger", "type", "id", "code", "error")


def row(letter: Letter) -> list[str]:
    event, error = letter["event"], letter["error"]
    return [
        str(letter["sequence"]),
        _time(letter["storedTime"]),
        letter["trigger"].partition("/")[2],
        str(event["type"]),
        str(event["id"]),
        str(error["code"] or ""),
        _cut(reason_text(error["data"])),
    ]


def troubles_of(head: Mapping[str, Any], namespace: str, flags: str) -> list[str]:
    """What a store of letters says of its own state: none can be stored now, some may be lost. Pure."""
    from faas.client.services.store import NAME

    said = []
    if head.get("trouble"):
        said.append(
            f"the store takes no letters now, brokers come again for a while: {head['trouble']}\n"
            f"  Has its volume room, and may it be written?  kubectl -n {namespace} logs deploy/{NAME}"
        )
    for each in head.get("setAside") or ():
        when = f" on {_time(each['time'])}" if each["time"] else ""
        why = f" ({each['reason']})" if each["reason"] else ""
        rest = f"the rest is in {each['file']} ({size_text(each['sizeBytes'])})"
        remove = f"kubectl -n {namespace} exec deploy/{NAME} -- rm {shlex.quote(each['file'])}"
        said.append(
            f"the file of letters was found damaged{when}{why}: {counted(each['saved'], 'letter')} could be read and "
            f"went on; {rest}\n  When nobody needs it any more:  {remove}"
        )
    return said


def print_letter(letter: Letter, flags: str) -> None:
    """Args: flags: what names the place on a command line."""
    event, error = letter["event"], letter["error"]
    print_facts(
        [
            ("Sequence", str(letter["sequence"]) + (f" of stream {letter['stream']}" if letter["stream"] else "")),
            ("Failed", _time(letter["storedTime"])),
            ("Stored", _origin(letter["origin"])),
            ("Trigger", letter["trigger"].partition("/")[2]),
            ("Destination", str(error["destination"])),
            ("Code", str(error["code"] or "")),
        ]
    )
    print_section("Answer", error["data"].splitlines())
    print_section("Its log", _log_command(str(error["destination"]), error["data"], flags))
    attributes = {name: value for name, value in event.items() if not name.startswith(("data", "knativeerror"))}
    attributes |= {name: event[name] for name in ("datacontenttype", "dataschema") if name in event}
    print_section("Event", [f"{name}: {value}" for name, value in attributes.items()])
    if "data_base64" in event:
        print_section("Data (base64)", [event["data_base64"]])
    elif "data" in event:
        data = event["data"]
        text = data if isinstance(data, str) else json.dumps(data, indent=2, ensure_ascii=False)
        print_section("Data", text.splitlines())


def print_failures(failures: Sequence[Mapping[str, Any]]) -> None:
    """What failed in a replay, and why."""
    rows = [
        [
            str(each["sequence"]), str(each["trigger"]).partition("/")[2], str(each["id"]),
            str(each["code"] or ""), _cut(reason_text(str(each["reason"]))),
        ]
        for each in failures
    ]  # fmt: skip
    print_table(("seq", "trigger", "id", "code", "reason"), rows, empty="")


def _origin(origin: Mapping[str, Any] | None) -> str:
    """When its Broker stored it; no cluster's Broker says so."""
    return f"{_time(origin['storedTime'])} as event {origin['sequence']}" if origin else ""


def _cut(text: str, room: int = _REASON) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _time(text: str) -> str:
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _log_command(destination: str, data: str, flags: str) -> list[str]:
    """How to read what a function logged about the request that failed; [] where it is none of ours."""
    try:
        problem = json.loads(data)
    except ValueError:
        return []
    number = problem.get("request_id") if isinstance(problem, dict) else None
    host = _host_of(destination)
    if not _WORD.fullmatch(str(number)) or not _WORD.fullmatch(host) or not host.endswith(".svc.cluster.local"):
        return []  # both come from elsewhere, and this is a command that somebody will paste
    return [f"faas logs {host.partition('.')[0]}{flags} -o json | jq 'select(.record.request_id == \"{number}\")'"]
