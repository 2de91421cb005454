"""The API server: HTTPS on an inherited socket, the Kubernetes wire and the engine's own endpoints."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from faas.client.errors import ApiError, BadRequest, NotFound
from faas.engine.api.eventing import Eventing, EventingEndpoints
from faas.engine.api.guard import check_access
from faas.engine.api.kubeconfig import write_kubeconfig
from faas.engine.api.logs import ContainerLogs, History, parse_log_query
from faas.engine.api.objects.backend import Backend
from faas.engine.api.objects.bootstrap import bootstrap
from faas.engine.api.objects.collector import Collector
from faas.engine.api.resources.resources import Resources
from faas.engine.api.resources.watching import Watches
from faas.engine.api.tls import Credentials, ensure_credentials
from faas.engine.api.wire.discovery import Discovery
from faas.engine.api.wire.media import negotiate
from faas.engine.api.wire.openapi import OPENAPI_V2, OPENAPI_V2_TYPE, OpenApi
from faas.engine.api.wire.paths import parse_path
from faas.engine.contract.settings import EngineSettings
from faas.resources import keys
from faas.resources.kinds import REVISION

_log = logging.getLogger(__name__)

# client-go reads the minor version to decide what it may ask for; the features we serve are those of this release.
VERSION = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.0+faas",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}

# How long open requests get when the server stops; watches end at once.
GRACE_S = 5


class ApiServer:
    """`async with ApiServer(settings, backend) as server:` serves until the block ends.

    Args:
        settings: the listening socket (`listeners.api`), the port to write down, where TLS files and kubeconfig go.
        status: what `GET /faas/v1/status` answers.
        metrics: Prometheus' text for `GET /metrics`.
        logs: where `kubectl logs` reads.
        history: what `GET /faas/v1/logs` reads, ended instances' logs too.
        eventing: what `/faas/v1/eventing` and its like ask.
    """

    def __init__(
        self,
        settings: EngineSettings,
        backend: Backend,
        *,
        status: Callable[[], dict[str, Any]] = dict,
        metrics: Callable[[], Awaitable[str]] | None = None,
        logs: ContainerLogs | None = None,
        history: History | None = None,
        eventing: Eventing | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._backend = backend
        self._status, self._metrics, self._history = status, metrics, history
        self._eventing = EventingEndpoints(eventing) if eventing is not None else None
        self._watches = Watches()
        self._resources = Resources(backend, logs, self._watches, clock)
        self._discovery = Discovery(self._resources.served)
        self._openapi = OpenApi(self._resources.served, self._discovery)
        self._credentials: Credentials | None = None
        self._ready = asyncio.Event()

    async def ready(self) -> None:
        """Wait until requests are answered."""
        await self._ready.wait()

    async def __aenter__(self) -> ApiServer:
        self._credentials = await asyncio.to_thread(
            ensure_credentials, self._settings.certificates_dir, self._settings.state_dir / "tls" / "token"
        )
        write_kubeconfig(self._settings.state_dir / "kubeconfig", self._credentials, self._settings.api_port)
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        await bootstrap(self._backend)
        self._collecting = self._tasks.create_task(Collector(self._backend).run(), name="api-collector")
        self._server = _make_server(self._app, self._credentials, self._ready)
        listener = socket.socket(fileno=self._settings.listeners.api)
        self._serving = self._tasks.create_task(self._server.serve([listener]), name="api-server")
        await self._ready.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watches.close()
        if self._eventing is not None:
            self._eventing.close()
        self._server.should_exit = True
        self._collecting.cancel()
        await self._tasks.__aexit__(None, None, None)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ApiError as error:
            response = refusal(error)
        except Exception:  # noqa: BLE001  # a defect of ours: this request fails, and the log has it
            _log.exception("%s %s failed", request.method, request.url.path)
            response = refusal(ApiError("an internal error: the engine's log says more"))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        assert self._credentials is not None
        path = request.url.path
        check_access(request.headers, path, self._credentials.token)
        target = parse_path(path)
        if target is not None:
            return await self._resources.answer(request, target)
        return await self._answer_other(request, path.rstrip("/"))

    async def _answer_other(self, request: Request, path: str) -> Response:
        if path in ("/healthz", "/livez", "/readyz") or path.startswith(("/livez/", "/readyz/")):
            return PlainTextResponse("ok")
        match path:
            case "/version":
                return _json(VERSION)
            case "/api" | "/apis":
                return self._discover(request, core=path == "/api")
            case "/openapi/v3":
                return _json(self._openapi.index())
            case "/openapi/v2" if "protobuf" in request.headers.get("accept", ""):
                return Response(OPENAPI_V2, media_type=OPENAPI_V2_TYPE)
            case "/faas/v1/status":
                fault = self._backend.records.store.fault
                return _json({**self._status(), "readOnly": str(fault) if fault else None})
            case "/faas/v1/logs" if self._history is not None:
                return await self._read_history(request, self._history)
            case "/metrics" if self._metrics is not None:
                return PlainTextResponse(await self._metrics(), media_type="text/plain; version=0.0.4")
        if path.startswith("/openapi/v3/"):
            return self._document(request, path.removeprefix("/openapi/v3/"))
        match path.strip("/").split("/"):
            case ["api", "v1"]:
                return _json(self._discovery.resources("", "v1"))
            case ["apis", group] if any(group == known for known, _ in self._discovery.group_versions):
                return _json(self._discovery.group(group))
            case ["apis", group, version] if (group, version) in self._discovery.group_versions:
                return _json(self._discovery.resources(group, version))
        if self._eventing is not None and (answer := await self._eventing.answer(request, path)) is not None:
            return answer
        raise NotFound("the server could not find the requested resource")

    async def _read_history(self, request: Request, history: History) -> Response:
        """The names are looked up, never taken as they come: they become paths."""
        asked = request.query_params
        namespace, service, name = (asked.get(key, "") for key in ("namespace", "service", "revision"))
        if not namespace or not (service or name):
            raise BadRequest("which logs? Name a namespace, and a service or a revision")
        selector = f"{keys.SERVICE_LABEL}={service}" if service else ""
        found = (await self._backend.list(REVISION, namespace, label_selector=selector)).items
        revisions = [known for item in found if name in ("", known := str(item["metadata"]["name"]))]
        ended_only = asked.get("ended") == "true"
        lines = history.history(namespace, revisions, parse_log_query(asked), ended_only=ended_only)
        return StreamingResponse(lines, media_type="application/x-ndjson")

    def _discover(self, request: Request, *, core: bool) -> Response:
        wanted = negotiate(request.headers.get("accept", ""))
        if wanted.form == "APIGroupDiscoveryList" and wanted.version in ("v2", "v2beta1"):
            media = f"application/json;g=apidiscovery.k8s.io;v={wanted.version};as=APIGroupDiscoveryList"
            return _json(self._discovery.aggregated(core, wanted.version), media=media)
        return _json(self._discovery.core_versions() if core else self._discovery.groups())

    def _document(self, request: Request, name: str) -> Response:
        document = self._openapi.document(name)
        if document is None:
            raise NotFound("the server could not find the requested resource")
        digest = self._openapi.digest(name)
        headers = {"ETag": f'"{digest}"', "Vary": "Accept"}
        if request.query_params.get("hash") == digest:
            headers["Cache-Control"] = "public, immutable"
            headers["Expires"] = "Fri, 31 Dec 2100 00:00:00 GMT"
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(document, media_type="application/json", headers=headers)


def refusal(error: ApiError) -> Response:
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s is not None else {}
    if error.code == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="faas"'
    return Response(msgspec.json.encode(error.status), error.code, headers, media_type="application/json")


def _json(value: Any, status: int = 200, *, media: str = "application/json") -> Response:
    return Response(msgspec.json.encode(value), status, media_type=media)


class _Server(uvicorn.Server):
    """Leaves signals to the engine, and says when it has started."""

    def __init__(self, config: uvicorn.Config, ready: asyncio.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()

    def capture_signals(self) -> Any:
        return contextlib.nullcontext()


def _make_server(app: Any, credentials: Credentials, ready: asyncio.Event) -> _Server:
    config = uvicorn.Config(
        app,
        http="httptools",
        interface="asgi3",
        proxy_headers=False,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_S,
        h11_max_incomplete_event_size=64 * 1024,
    )
    config.load()
    config.ssl = credentials.server_context()
    return _Server(config, ready)
