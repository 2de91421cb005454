"""What a cluster has around functions, and what is only looked at. The engine does not serve these."""

from __future__ import annotations

from faas.resources.kinds.kind import Kind

NODE = Kind("", "v1", "Node", "nodes", "node", namespaced=False, custom=False)
QUOTA = Kind("", "v1", "ResourceQuota", "resourcequotas", "resourcequota", custom=False)
STORAGE_CLASS = Kind(
    "storage.k8s.io", "v1", "StorageClass", "storageclasses", "storageclass", namespaced=False, custom=False
)
INGRESS = Kind("networking.internal.knative.dev", "v1alpha1", "Ingress", "ingresses", "ingress")  # Knative's own kind
