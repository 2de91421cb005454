"""What our own programs are in a cluster. The engine does not serve these: it has such programs itself."""

from __future__ import annotations

from faas.resources.kinds.kind import Kind

DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments", "deployment", ("deploy",), custom=False)
CORE_SERVICE = Kind("", "v1", "Service", "services", "service", ("svc",), custom=False)
VOLUME_CLAIM = Kind(
    "", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "persistentvolumeclaim", ("pvc",), custom=False
)
