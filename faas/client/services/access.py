"""Whether one may do something: a SelfSubjectAccessReview."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faas.client.http.client import HttpClient

_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True, slots=True)
class Access:
    """One verb on one resource of a namespace, or on the one of that name."""

    group: str
    resource: str  # PLURAL or PLURAL/SUBRESOURCE
    verb: str
    name: str = ""

    @property
    def what(self) -> str:
        """As kubectl writes it: `services.serving.knative.dev`, `pods/log`, `secrets "db"`."""
        plural, slash, sub = self.resource.partition("/")
        text = f"{plural}{f'.{self.group}' if self.group else ''}{slash}{sub}"
        return f'{text} "{self.name}"' if self.name else text


async def is_allowed(client: HttpClient, access: Access, namespace: str) -> bool:
    """Raises: ApiError: it may not even be asked."""
    import msgspec

    plural, _, sub = access.resource.partition("/")
    attributes = {
        "namespace": namespace,
        "verb": access.verb,
        "group": access.group,
        "resource": plural,
        "subresource": sub,
        "name": access.name,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
    }
    answer = await client.ask("POST", _PATH, content=msgspec.json.encode(review), idempotent=True)
    return bool((answer.get("status") or {}).get("allowed"))
