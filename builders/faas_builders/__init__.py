"""From a Python project to an OCI image, without a daemon and byte for byte reproducible.

- `builder`: the seam (`Builder`, `BuildRequest`, `BuildResult`), implemented by `oci`, `docker` and `pack`; `target`
- `oci.store`: where images live on this machine; `bundle`: what of an image a process instance needs
- `registry`: pulls from registries into folders of blobs, pushes to them out of the store; `delivery`: anywhere else
- `deps`: from what a project and faas_runtime say they need to folders of installed packages
- `cnb`: our buildpack, for platforms that build themselves
- `cache`, `disk`, `exported`, `files`, `programs`, `elf`, `processors`: what these stand on; `errors`: how they fail
- `runtime_layer`: faas_runtime and what it needs, as one folder

Knows nothing of the toolkit, of Kubernetes, or of what is inside a user's functions; user code never runs in here.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faas_builders.deps.runtime import runtime_layer

__all__ = ["runtime_layer"]


def __getattr__(name: str) -> Any:
    """Imported when asked for: the engine only reads images, and starts sooner without what resolves requirements."""
    if name == "runtime_layer":
        from faas_builders.deps.runtime import runtime_layer

        return runtime_layer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
