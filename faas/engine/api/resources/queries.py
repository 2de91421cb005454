"""What a request's query and body say about how a write is to be done."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from faas.client.errors import BadRequest
from faas.engine.api.guard import read_body
from faas.engine.api.objects.options import DeleteOptions, FieldValidation, Propagation, WriteOptions
from faas.engine.api.resources.reviews import USER
from faas.engine.api.wire.media import parse_body

_VALIDATIONS: Mapping[str, FieldValidation] = {"Strict": "Strict", "Warn": "Warn", "Ignore": "Ignore"}
_PROPAGATIONS: Mapping[str, Propagation] = {
    "Background": "Background",
    "Foreground": "Foreground",
    "Orphan": "Orphan",
}


def number(query: Mapping[str, str], name: str) -> int:
    text = query.get(name) or "0"
    if not text.isascii() or not text.isdigit():
        raise BadRequest(f"{name} must be a whole number, not {text!r}")
    return int(text)


def write_options(request: Request) -> WriteOptions:
    query = request.query_params
    validation = _VALIDATIONS.get(query.get("fieldValidation") or "Warn")
    if validation is None:
        raise BadRequest(f"fieldValidation is Strict, Warn or Ignore, not {query['fieldValidation']!r}")
    if (dry_run := query.get("dryRun")) not in (None, "", "All"):
        raise BadRequest(f"dryRun is All or nothing, not {dry_run!r}")
    agent = request.headers.get("user-agent", "unknown").partition("/")[0]
    return WriteOptions(
        dry_run=dry_run == "All",
        field_manager=query.get("fieldManager") or agent,
        field_validation=validation,
        user=USER,
    )


def with_duplicates(options: WriteOptions, doubled: tuple[str, ...]) -> WriteOptions:
    return dataclasses.replace(options, duplicates=doubled) if doubled else options


async def delete_options(request: Request) -> DeleteOptions:
    body = await read_body(request)
    sent: Any = parse_body(request.headers.get("content-type", ""), body)[0] if body.strip() else {}
    if not isinstance(sent, dict):
        raise BadRequest("the body is not a DeleteOptions object")
    query = request.query_params
    policy = sent.get("propagationPolicy") or query.get("propagationPolicy")
    if policy is None:
        orphan = sent.get("orphanDependents", query.get("orphanDependents") == "true")
        policy = "Orphan" if orphan else "Background"
    propagation = _PROPAGATIONS.get(policy)
    if propagation is None:
        raise BadRequest(f"propagationPolicy is Background, Foreground or Orphan, not {policy!r}")
    conditions = sent.get("preconditions") or {}
    return DeleteOptions(
        propagation=propagation,
        dry_run="All" in (sent.get("dryRun") or []) or query.get("dryRun") == "All",
        uid=conditions.get("uid"),
        resource_version=conditions.get("resourceVersion"),
    )
