"""From a Python project to an OCI image, without a daemon and byte for byte reproducible.

- `builder`: the seam (`Builder`, `BuildRequest`, `BuildResult`); `oci.host` is the builder for this machine's Python
- `oci.store`: where images live on this machine; `bundle`: what of an image a process instance needs
- `runtime_layer`: faas_runtime and what it needs, as one folder

Knows nothing of the toolkit, of Kubernetes, or of what is inside a user's functions; user code never runs in here.
"""

from faas_builders.runtime import runtime_layer

__all__ = ["runtime_layer"]
