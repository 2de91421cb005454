"""Services of a cluster, reached through its API server: no port-forward, no ingress, only the right to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit

from faas.client.errors import ApiError, Forbidden, Unavailable
from faas.client.http.client import HttpClient
from faas.client.protocol import Object


class ProxyForbidden(Forbidden):
    """The user may not reach Services of that namespace through the API server (services/proxy)."""

    def __init__(self, namespace: str, service: str) -> None:
        super().__init__(f"you may not reach Service {service} of namespace {namespace} through the API server")
        self.namespace, self.service = namespace, service


class NothingBehind(Unavailable):
    """The Service has no Pod that is ready."""

    def __init__(self, namespace: str, service: str) -> None:
        super().__init__(f"Service {service} of namespace {namespace} has no Pod that is ready")
        self.namespace, self.service = namespace, service


class ServiceProxy:
    """One Service. `headers` go along with every request; the API server takes its own credentials away."""

    def __init__(
        self, client: HttpClient, namespace: str, service: str, port: str, headers: Mapping[str, str] = {}
    ) -> None:
        self._client, self._namespace, self._service, self._headers = client, namespace, service, dict(headers)
        self._root = f"/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy"

    @classmethod
    def of_url(cls, client: HttpClient, url: str) -> tuple[ServiceProxy, str]:
        """The Service that a URL within the cluster names, and the path on it. Raises: ValueError: it names none."""
        parts = urlsplit(url)
        name, _, rest = (parts.hostname or "").partition(".")
        namespace, _, suffix = rest.partition(".")
        if not namespace or suffix.partition(".")[0] != "svc":
            raise ValueError(f"{url} is no address of a Service")
        is_tls = parts.scheme == "https"
        port = str(parts.port or (443 if is_tls else 80))
        return cls(client, namespace, f"https:{name}" if is_tls else name, port), parts.path or "/"

    async def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] = {},
        *,
        content: bytes | None = None,
        content_type: str = "application/json",
        idempotent: bool = False,
    ) -> Object:
        """Raises: ProxyForbidden, NothingBehind; ApiError."""
        try:
            return await self._client.ask(
                method, self._root + path, query, content=content, content_type=content_type,
                headers=self._headers, idempotent=idempotent, relayed=True,
            )  # fmt: skip
        except ApiError as error:
            raise self._told(error) from error

    async def lines(
        self, method: str, path: str, query: Mapping[str, str] = {}, *, content: bytes | None = None
    ) -> AsyncIterator[Object]:
        """Raises: ProxyForbidden; ApiError."""
        try:
            async for line in self._client.lines(
                method, self._root + path, query, patient=True, content=content, headers=self._headers
            ):
                yield line
        except ApiError as error:
            raise self._told(error) from error

    def _told(self, error: ApiError) -> ApiError:
        """What the API server itself says, told from what the Service says."""
        if error.reason == "Forbidden" and error.code == 403:
            return ProxyForbidden(self._namespace, self._service)
        if error.code == 503 and "no endpoints available" in error.message:
            return NothingBehind(self._namespace, self._service)
        return error
