"""Who may come in: the token, no browser from another site, bodies of a bounded size."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from starlette.requests import Request

from faas.client.errors import ApiError, Forbidden

# As kube-apiserver: 3 MiB, twice what etcd would keep.
MAX_BODY_BYTES = 3 * 1024 * 1024

# What says nothing about the state and is asked before a client has credentials.
OPEN_PATHS = frozenset({"/healthz", "/livez", "/readyz", "/version"})


def check_access(headers: Mapping[str, str], path: str, token: str) -> None:
    """Raises Forbidden (401 or 403)."""
    if "origin" in headers or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise Forbidden("requests from web pages are refused: this API is for kubectl, kn and faas")
    if path.rstrip("/") in OPEN_PATHS or path.startswith(("/livez/", "/readyz/", "/healthz/")):
        return
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise Forbidden(
            "Unauthorized: present the token of this engine's kubeconfig (faas kubeconfig prints its path)",
            code=401,
            reason="Unauthorized",
        )


async def read_body(request: Request) -> bytes:
    """The whole body. Raises ApiError 413 as soon as it is known to be too large."""
    parts, size = [], 0
    if int(request.headers.get("content-length") or 0) > MAX_BODY_BYTES:
        raise _too_large()
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise _too_large()
        parts.append(part)
    return b"".join(parts)


def _too_large() -> ApiError:
    return ApiError(
        f"Request entity too large: limit is {MAX_BODY_BYTES} bytes", code=413, reason="RequestEntityTooLarge"
    )
