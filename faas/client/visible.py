"""What this user may see of a namespace: the rest is missing, and named."""

from __future__ import annotations

from faas.client.errors import Forbidden, NotFound, Unauthorized
from faas.client.protocol import Client, Object
from faas.resources.kinds import Kind


async def list_visible(
    client: Client, kind: Kind, namespace: str, hidden: set[Kind], *, label_selector: str = ""
) -> list[Object]:
    """Objects of a kind; none of a kind that the server does not have, or that this user may not list.

    Args: hidden: is given the kind in the latter case.
    Raises: ApiError: Unauthorized too, since whose credentials have ended sees nothing of anything.
    """
    try:
        return (await client.list(kind, namespace, label_selector=label_selector)).items
    except NotFound:
        return []
    except Unauthorized:
        raise
    except Forbidden:
        hidden.add(kind)
        return []
