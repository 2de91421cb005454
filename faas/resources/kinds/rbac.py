"""Rights within a namespace. The engine does not serve these: whoever has its kubeconfig may do everything there."""

from __future__ import annotations

from faas.resources.kinds.kind import Kind

GROUP = "rbac.authorization.k8s.io"

ROLE = Kind(GROUP, "v1", "Role", "roles", "role", custom=False)
ROLE_BINDING = Kind(GROUP, "v1", "RoleBinding", "rolebindings", "rolebinding", custom=False)
