"""Knative Serving's kinds."""

from __future__ import annotations

from faas.resources.kinds.kind import READY, REASON, Column, Kind

SERVICE = Kind(
    "serving.knative.dev",
    "v1",
    "Service",
    "services",
    "service",
    ("kservice", "ksvc"),
    ("all", "knative", "serving"),
    columns=(
        Column("URL", "string", ".status.url"),
        Column("LatestCreated", "string", ".status.latestCreatedRevisionName"),
        Column("LatestReady", "string", ".status.latestReadyRevisionName"),
        READY,
        REASON,
    ),
    status_subresource=True,
)
CONFIGURATION = Kind(
    "serving.knative.dev",
    "v1",
    "Configuration",
    "configurations",
    "configuration",
    ("config", "cfg"),
    ("all", "knative", "serving"),
    columns=(
        Column("LatestCreated", "string", ".status.latestCreatedRevisionName"),
        Column("LatestReady", "string", ".status.latestReadyRevisionName"),
        READY,
        REASON,
    ),
    status_subresource=True,
)
REVISION = Kind(
    "serving.knative.dev",
    "v1",
    "Revision",
    "revisions",
    "revision",
    ("rev",),
    ("all", "knative", "serving"),
    columns=(
        Column("Config Name", "string", r".metadata.labels['serving\.knative\.dev/configuration']"),
        Column("Generation", "string", r".metadata.labels['serving\.knative\.dev/configurationGeneration']"),
        READY,
        REASON,
        Column("Actual Replicas", "integer", ".status.actualReplicas"),
        Column("Desired Replicas", "integer", ".status.desiredReplicas"),
    ),
    status_subresource=True,
)
ROUTE = Kind(
    "serving.knative.dev",
    "v1",
    "Route",
    "routes",
    "route",
    ("rt",),
    ("all", "knative", "serving"),
    columns=(
        Column("URL", "string", ".status.url"),
        READY,
        REASON,
    ),
    status_subresource=True,
)
DOMAIN_MAPPING = Kind(
    "serving.knative.dev",
    "v1beta1",
    "DomainMapping",
    "domainmappings",
    "domainmapping",
    ("dm",),
    ("all", "knative", "serving"),
    columns=(
        Column("URL", "string", ".status.url"),
        READY,
        REASON,
    ),
    status_subresource=True,
)
CLUSTER_DOMAIN_CLAIM = Kind(
    "networking.internal.knative.dev",
    "v1alpha1",
    "ClusterDomainClaim",
    "clusterdomainclaims",
    "clusterdomainclaim",
    ("cdc",),
    ("knative-internal", "networking"),
    namespaced=False,
    status_subresource=True,
)
