"""What a registry tells clients that are not ours of those that refer to an image."""

from __future__ import annotations

import httpx
from faas_builders.oci import model
from faas_builders.oci.model import Descriptor
from faas_builders.registry.referrers import tag_of


def list_referrers(host: str, repository: str, digest: str) -> list[Descriptor]:
    """As the registry lists them, page by page; of one that lists none, the tag that clients keep."""
    with httpx.Client(base_url=f"http://{host}/v2/{repository}/", trust_env=False) as client:
        answer = client.get(f"referrers/{digest}")
        if answer.status_code == 404:
            answer = client.get(f"manifests/{tag_of(digest)}", headers={"Accept": model.INDEX})
        found = [*model.decode_index(answer.raise_for_status().content).manifests]
        while following := answer.links.get("next"):
            answer = client.get(answer.url.join(following["url"])).raise_for_status()
            found += model.decode_index(answer.content).manifests
    return found
