"""How this engine names what it serves: hosts and URLs."""

from __future__ import annotations

from dataclasses import dataclass

from faas.engine.contract.settings import LOCAL_DOMAIN, EngineSettings
from faas.resources.config import NetworkConfig
from faas.resources.keys import CLUSTER_LOCAL, VISIBILITY_LABEL
from faas.resources.serving import Route


@dataclass(frozen=True, slots=True)
class Naming:
    """Made anew for each use: config-network may change."""

    network: NetworkConfig
    domain: str
    port: int
    tls: bool

    @classmethod
    def of(cls, settings: EngineSettings, network: NetworkConfig) -> Naming:
        return cls(network, settings.domain, settings.public_port, settings.tls_cert is not None)

    def url(self, route: Route, tag: str = "") -> str:
        """A URL that can be used as it is: with the port, unless it is the scheme's own."""
        host = self._public_host(route, tag)
        if not is_public(route, self):
            return f"http://{host}"
        return self.origin(host)

    def origin(self, host: str) -> str:
        """The URL of a host that the public listener answers for."""
        scheme, usual = ("https", 443) if self.tls else ("http", 80)
        return f"{scheme}://{host}" if self.port == usual else f"{scheme}://{host}:{self.port}"

    def local_url(self, route: Route) -> str:
        return f"http://{route.metadata.name}.{route.metadata.namespace}.{LOCAL_DOMAIN}"

    def label(self, route: Route, tag: str = "") -> str:
        return self.network.label(route.metadata.name, tag)

    def hosts(self, route: Route, tag: str = "") -> tuple[str, ...]:
        """The public host, and the names by which Kubernetes' DNS has a service."""
        label, namespace = self.label(route, tag), route.metadata.namespace
        local = (f"{label}.{namespace}.{LOCAL_DOMAIN}", f"{label}.{namespace}.svc", f"{label}.{namespace}")
        return tuple(dict.fromkeys((self._public_host(route, tag).lower(), *local)))

    def _public_host(self, route: Route, tag: str) -> str:
        domain = self.domain if is_public(route, self) else LOCAL_DOMAIN
        if domain == LOCAL_DOMAIN:
            return f"{self.label(route, tag)}.{route.metadata.namespace}.{LOCAL_DOMAIN}"
        return self.network.host(route.metadata.name, route.metadata.namespace, domain, tag)


def is_public(route: Route, naming: Naming) -> bool:
    return route.metadata.labels.get(VISIBILITY_LABEL) != CLUSTER_LOCAL and naming.domain != LOCAL_DOMAIN
