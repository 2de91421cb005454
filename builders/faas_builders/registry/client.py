"""What one registry can do: manifests and blobs; `uploads` and `referrers` have what takes several requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from faas_builders.errors import DigestMismatch, InvalidImage, NotInRegistry, RegistryError
from faas_builders.oci import model
from faas_builders.oci.model import Descriptor, Index, Manifest
from faas_builders.registry.connections import Answer, Connections
from faas_builders.registry.credentials import Keychain, UserCredentials
from faas_builders.registry.names import ImageName
from faas_builders.registry.refusals import reason_of
from faas_builders.registry.retries import RetryPolicy
from faas_builders.registry.tokens import Scopes
from faas_builders.registry.transport import Transport

_ACCEPT = {"Accept": ", ".join((model.INDEX, model.MANIFEST, model.DOCKER_INDEX, model.DOCKER_MANIFEST))}


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or an index, as its registry keeps it."""

    digest: str
    data: bytes
    content: Manifest | Index


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
        """Args:
        registry: as in `ImageName.registry`.
        credentials: this user's without it.
        timeout_s: of silence in the middle of a request.
        """
        connections = Connections(
            insecure=insecure, retry=retry, timeout_s=timeout_s, connect_timeout_s=connect_timeout_s, wait=wait
        )
        keychain = UserCredentials() if credentials is None else credentials
        self.name = registry
        self.transport = Transport(
            ImageName(registry, "").host, insecure=insecure, keychain=keychain, connections=connections
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.transport.connections.close()

    def manifest(self, repository: str, reference: str) -> Document:
        """A manifest or index, by tag or digest, verified. Raises: NotInRegistry, DigestMismatch."""
        answer = self._found("GET", repository, reference)
        digest = model.digest_of(answer.body)
        for asked in (reference, answer.headers.get("Docker-Content-Digest", "")):
            if asked.startswith("sha256:") and asked != digest:
                raise DigestMismatch(self.name, f"sent the manifest {digest} instead of {repository}@{asked}")
        try:
            return Document(digest, answer.body, model.decode(answer.body))
        except InvalidImage as error:
            reason = f"has no image under {named(repository, reference)}: {error}"
            raise RegistryError(self.name, reason, error.hint) from error

    def resolve(self, repository: str, reference: str) -> Descriptor:
        """What a tag means now, at the smallest price. Raises: NotInRegistry."""
        headers = self._found("HEAD", repository, reference).headers
        digest, size = headers.get("Docker-Content-Digest", ""), headers.get("Content-Length", "")
        if digest.startswith("sha256:") and size.isdigit():
            return Descriptor(media_type=headers.get("Content-Type", ""), digest=digest, size=int(size))
        document = self.manifest(repository, reference)  # both headers are optional
        return Descriptor(media_type=document.content.media_type, digest=document.digest, size=len(document.data))

    def put_manifest(self, repository: str, reference: str, data: bytes, media_type: str) -> bool:
        """Store a manifest or index; all that it names must be there.

        Returns: whether the registry has noticed its `subject`: if not, who lists referrers will not find it.
        """
        place, headers = f"{repository}/manifests/{reference}", {"Content-Type": media_type}
        answer = self.transport.request("PUT", place, push_scopes(repository), headers=headers, content=data)
        if answer.status not in (200, 201, 202):
            raise self.refused(answer, f"does not take the manifest {named(repository, reference)}")
        return "OCI-Subject" in answer.headers

    def has_blob(self, repository: str, digest: str, scopes: Scopes = ()) -> bool:
        answer = self.transport.request("HEAD", f"{repository}/blobs/{digest}", scopes or pull_scopes(repository))
        if answer.status in (200, 404):
            return answer.status == 200
        raise self.refused(answer, f"does not say whether it has {named(repository, digest)}")

    def open_blob(self, repository: str, digest: str, *, start: int = 0) -> Answer:
        """A blob's bytes from `start` on (206), or all of them (200); the caller closes `stream`.

        Raises: NotInRegistry. A status of 416 says that it has no such byte.
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        place = f"{repository}/blobs/{digest}"
        answer = self.transport.request("GET", place, pull_scopes(repository), headers=headers, streamed=True)
        if answer.stream is not None or answer.status == 416:
            return answer
        raise self.refused(answer, f"does not give {named(repository, digest)}")

    def refused(self, answer: Answer, what: str) -> RegistryError:
        """The error for an answer that is not what was asked for. Args: what: as in `does not take …`."""
        if answer.status in (404, 410):
            hint = "Check the name and the tag; of what one may not see, registries say this too"
            return NotInRegistry(self.name, f"{what}: {reason_of(answer)}", hint)
        return self.transport.refusal(answer, what)

    def _found(self, method: str, repository: str, reference: str) -> Answer:
        place = f"{repository}/manifests/{reference}"
        answer = self.transport.request(method, place, pull_scopes(repository), headers=_ACCEPT)
        if answer.status != 200:
            raise self.refused(answer, f"does not have {named(repository, reference)}")
        return answer


def named(repository: str, reference: str) -> str:
    return f"{repository}{'@' if ':' in reference else ':'}{reference}"


def pull_scopes(repository: str) -> Scopes:
    return (f"repository:{repository}:pull",)


def push_scopes(repository: str, *sources: str) -> Scopes:
    """To push to a repository, and to mount what the others have."""
    return (f"repository:{repository}:pull,push", *(f"repository:{source}:pull" for source in sources))
