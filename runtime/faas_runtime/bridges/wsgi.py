"""Serves a WSGI application: in a thread, with the body streamed in and the answer streamed out (PEP 3333)."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from faas_runtime.calls.answer import Headers, encode_headers
from faas_runtime.calls.call import Call, current

Send = Callable[[dict[str, Any]], Any]


def make_environ(scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> dict[str, Any]:
    """The environ of a request, without `wsgi.input`."""
    server = scope.get("server") or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": scope.get("root_path", ""),
        "PATH_INFO": scope["path"].encode("utf-8").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "RAW_URI": (scope.get("raw_path") or b"").decode("latin-1"),
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1] or 80),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": headers.get(b"x-forwarded-proto", b"").decode("latin-1") or scope.get("scheme", "http"),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.get("client"):
        environ["REMOTE_ADDR"] = str(scope["client"][0])
    for name, value in headers.items():
        key = name.decode("latin-1").upper().replace("-", "_")
        if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            environ[key] = value.decode("latin-1")
        else:
            environ["HTTP_" + key] = value.decode("latin-1")
    return environ


class _BodyInput(io.RawIOBase):
    """The request body as a file, read in a thread while the loop receives it."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._rest = b""
        self._done = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest and not self._done:
            message = asyncio.run_coroutine_threadsafe(self._call.receive(), self._call.instance.loop).result()  # type: ignore[misc]
            if message["type"] == "http.disconnect":
                self._call.gone = True
                raise ConnectionResetError("the client left before its request body was complete")
            self._rest = message.get("body", b"")
            self._done = not message.get("more_body", False)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def run_wsgi(call: Call) -> int:
    """Run the application for one request, in a thread. Returns: the status it answered with."""
    current.set(call)
    environ = make_environ(call.scope, call.headers)
    environ["wsgi.input"] = io.BufferedReader(_BodyInput(call), 64 * 1024)
    environ["wsgi.input_terminated"] = True  # werkzeug: chunked bodies end by themselves
    answer = _WSGIAnswer(call)
    body: Iterable[bytes] = call.endpoint.handler(environ, answer.start_response)
    try:
        answer.write_all(body)
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()
    return answer.status


class _WSGIAnswer:
    """Collects what start_response says and sends the pieces; a single piece goes out with its length."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._headers: Headers = []
        self._sent = False
        self.status = 500

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        if exc_info is not None and self._sent:
            raise exc_info[1].with_traceback(exc_info[2])
        self.status = int(status.split(" ", 1)[0])
        self._headers = [
            pair for pair in encode_headers(headers) if pair[0] not in (b"connection", b"transfer-encoding")
        ]
        return self._write

    def write_all(self, body: Iterable[bytes]) -> None:
        held: bytes | None = None  # one piece back, so that the only one is known to be the last
        for piece in body:
            if held is not None:
                self._write(held)
            held = piece
            if self._call.gone:
                return
        has_length = any(name == b"content-length" for name, _ in self._headers)
        if not self._sent and not has_length and self.status not in (204, 304):
            self._headers.append((b"content-length", b"%d" % len(held or b"")))
        self._write(held or b"", last=True)

    def _write(self, piece: bytes, *, last: bool = False) -> None:
        asyncio.run_coroutine_threadsafe(self._send(piece, last), self._call.instance.loop).result()

    async def _send(self, piece: bytes, last: bool) -> None:
        send = self._call.send
        assert send is not None
        if not self._sent:
            self._sent = True
            await send({"type": "http.response.start", "status": self.status, "headers": self._headers})
        if piece or last:
            await send({"type": "http.response.body", "body": piece, "more_body": not last})
