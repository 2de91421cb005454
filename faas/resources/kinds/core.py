"""Kubernetes' own kinds, as far as they are served."""

from __future__ import annotations

from faas.resources.kinds.kind import Kind

NAMESPACE = Kind(
    "",
    "v1",
    "Namespace",
    "namespaces",
    "namespace",
    ("ns",),
    namespaced=False,
    custom=False,
    status_subresource=True,
)
SECRET = Kind("", "v1", "Secret", "secrets", "secret", custom=False)
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", "configmap", ("cm",), custom=False)
POD = Kind(
    "",
    "v1",
    "Pod",
    "pods",
    "pod",
    ("po",),
    ("all",),
    custom=False,
    volatile=True,
    read_only=True,
    status_subresource=True,
)
EVENT = Kind("", "v1", "Event", "events", "event", ("ev",), custom=False, volatile=True)
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts", "serviceaccount", ("sa",), custom=False)
CUSTOM_RESOURCE_DEFINITION = Kind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    "customresourcedefinition",
    ("crd", "crds"),
    ("api-extensions",),
    namespaced=False,
    custom=False,
    volatile=True,
    read_only=True,
)
