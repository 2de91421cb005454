"""Responses as the API server gives them."""

from __future__ import annotations

from starlette.responses import Response

from faas.client.errors import ApiError, NotFound


def json_response(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")


def warn(response: Response, warning: str) -> None:
    quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
    response.headers.append("Warning", f'299 - "{quoted}"')


def no_such_path() -> ApiError:
    return NotFound("the server could not find the requested resource")
