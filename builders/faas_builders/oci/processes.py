"""Which images run as processes of a machine: those that were built for its own Python."""

from __future__ import annotations

from faas_builders.builder import HOST_BASE
from faas_builders.errors import BuilderError
from faas_builders.oci import references
from faas_builders.oci.model import BASE
from faas_builders.oci.store import ImageStore, StoredImage


def has_host_base(image: StoredImage) -> bool:
    return image.config.config.labels.get(BASE) == HOST_BASE


def runs_as_process(store: ImageStore, reference: str) -> bool | None:
    """Whether an engine runs an image as a process, rather than as a container; None: the store does not have it."""
    parsed = references.parse(reference)
    if parsed is None:
        return False
    if parsed.registry == references.DEV:
        return bool(parsed.digest)  # a project folder; others put images of their own under this name, with a tag
    try:
        return has_host_base(store.platform_image(reference))
    except BuilderError:
        return None
