"""What one registry can do: manifests, blobs, referrers."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from faas_builders.errors import DigestMismatch, NotInRegistry, RegistryError
from faas_builders.registry.connections import Answer, Connections
from faas_builders.registry.credentials import Keychain, UserCredentials
from faas_builders.registry.manifests import ACCEPTED, Document, UnusableManifest, parse_document
from faas_builders.registry.names import DOCKER_HUB, ImageName
from faas_builders.registry.refusals import reason_of
from faas_builders.registry.retries import RetryPolicy
from faas_builders.registry.tokens import Scopes
from faas_builders.registry.transport import Transport

_ACCEPT = {"Accept": ", ".join(ACCEPTED)}


@dataclass(frozen=True, slots=True)
class Known:
    """That a registry has a manifest, without its content."""

    digest: str
    media_type: str
    size: int


class Registry:
    """One registry, for any of its repositories; owns its connections. Safe to use from several threads.

    HTTPS; `localhost` and 127.0.0.0/8 may be plain HTTP or have any certificate, others with `insecure`. What a request
    needs besides (tokens, redirects, another try) happens below. All methods raise RegistryError and CredentialsError.
    """

    def __init__(
        self,
        registry: str,
        *,
        insecure: bool = False,
        credentials: Keychain | None = None,
        retry: RetryPolicy = RetryPolicy(),
        timeout_s: float = 60.0,
        connect_timeout_s: float = 10.0,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """Args: registry: as in `ImageName.registry`. timeout_s: of silence in the middle of a request."""
        connections = Connections(
            insecure=insecure, retry=retry, timeout_s=timeout_s, connect_timeout_s=connect_timeout_s, wait=wait
        )
        keychain = UserCredentials() if credentials is None else credentials
        host = ImageName(registry, "").host
        self.name = DOCKER_HUB if registry == DOCKER_HUB else registry
        self.transport = Transport(host, insecure=insecure, keychain=keychain, connections=connections)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.transport.connections.close()

    def manifest(self, repository: str, reference: str) -> Document:
        """A manifest or index, by tag or digest, verified. Raises: NotInRegistry, DigestMismatch."""
        answer = self._found("GET", repository, f"manifests/{reference}", f"{repository}:{reference}")
        asked = reference if ":" in reference else answer.headers.get("Docker-Content-Digest", "")
        algorithm = asked.partition(":")[0] if asked else "sha256"
        digest = digest_of(answer.body, algorithm)
        if asked and digest != asked:
            raise DigestMismatch(self.name, f"sent {digest} for the manifest {repository}@{asked}")
        try:
            return parse_document(answer.body, answer.headers.get("Content-Type", ""), digest)
        except UnusableManifest as error:
            raise RegistryError(self.name, f"has something else under {repository}:{reference}: {error}") from None

    def resolve(self, repository: str, reference: str) -> Known:
        """What a tag means now, at the smallest price. Raises: NotInRegistry."""
        answer = self._found("HEAD", repository, f"manifests/{reference}", f"{repository}:{reference}")
        digest, size = answer.headers.get("Docker-Content-Digest", ""), answer.headers.get("Content-Length", "")
        if not digest or not size.isdigit():  # both are optional
            document = self.manifest(repository, reference)
            return Known(document.digest, document.media_type, len(document.data))
        return Known(digest, answer.headers.get("Content-Type", ""), int(size))

    def put_manifest(self, repository: str, reference: str, data: bytes, media_type: str, scopes: Scopes = ()) -> bool:
        """Store a manifest or index; all that it names must be there.

        Returns: whether the registry has noticed its `subject`: if not, who lists referrers will not find it.
        """
        answer = self.transport.request(
            "PUT",
            f"{repository}/manifests/{reference}",
            scopes or push_scopes(repository),
            headers={"Content-Type": media_type},
            content=data,
        )
        if answer.status not in (200, 201, 202):
            raise self.transport.refusal(answer, f"does not take the manifest {repository}:{reference}")
        return "OCI-Subject" in answer.headers

    def has_blob(self, repository: str, digest: str, scopes: Scopes = ()) -> bool:
        answer = self.transport.request("HEAD", f"{repository}/blobs/{digest}", scopes or pull_scopes(repository))
        if answer.status in (200, 404):
            return answer.status == 200
        raise self.transport.refusal(answer, f"does not say whether it has {repository}@{digest}")

    def open_blob(self, repository: str, digest: str, *, start: int = 0) -> Answer:
        """A blob's bytes from `start` on (206), or all of them (200); the caller closes `stream`.

        Raises: NotInRegistry. A status of 416 says that it has no such byte.
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        place = f"{repository}/blobs/{digest}"
        answer = self.transport.request("GET", place, pull_scopes(repository), headers=headers, streamed=True)
        if answer.stream is not None or answer.status == 416:
            return answer
        raise self._refused(answer, f"{repository}@{digest}")

    def _found(self, method: str, repository: str, place: str, name: str) -> Answer:
        answer = self.transport.request(method, f"{repository}/{place}", pull_scopes(repository), headers=_ACCEPT)
        if answer.status != 200:
            raise self._refused(answer, name)
        return answer

    def _refused(self, answer: Answer, name: str) -> RegistryError:
        if answer.status in (404, 410):
            return NotInRegistry(self.name, f"has no {name}: {reason_of(answer)}")
        return self.transport.refusal(answer, f"does not give {name}")


def pull_scopes(repository: str) -> Scopes:
    return (f"repository:{repository}:pull",)


def push_scopes(repository: str, *sources: str) -> Scopes:
    """To push to a repository, and to mount what the others have."""
    return (f"repository:{repository}:pull,push", *(f"repository:{source}:pull" for source in sources))


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
