"""The keys of labels and annotations that mean something, by name."""

from __future__ import annotations

from typing import Final

SERVING_PREFIX: Final = "serving.knative.dev/"

# serving.knative.dev: who belongs to whom
SERVICE_LABEL: Final = "serving.knative.dev/service"
SERVICE_UID_LABEL: Final = "serving.knative.dev/serviceUID"
CONFIGURATION_LABEL: Final = "serving.knative.dev/configuration"
CONFIGURATION_UID_LABEL: Final = "serving.knative.dev/configurationUID"
CONFIGURATION_GENERATION_LABEL: Final = "serving.knative.dev/configurationGeneration"
REVISION_LABEL: Final = "serving.knative.dev/revision"
REVISION_UID_LABEL: Final = "serving.knative.dev/revisionUID"
ROUTING_STATE_LABEL: Final = "serving.knative.dev/routingState"  # pending, active, reserve
ROUTING_STATE_MODIFIED: Final = "serving.knative.dev/routingStateModified"
DOMAIN_MAPPING_NAMESPACE_LABEL: Final = "serving.knative.dev/domainMappingNamespace"
ROUTES: Final = "serving.knative.dev/routes"  # comma separated, on a Revision

# serving.knative.dev: settings and provenance
CREATOR: Final = "serving.knative.dev/creator"
LAST_MODIFIER: Final = "serving.knative.dev/lastModifier"
NO_GC: Final = "serving.knative.dev/no-gc"
PROGRESS_DEADLINE: Final = "serving.knative.dev/progress-deadline"
ROLLOUT_DURATION: Final = "serving.knative.dev/rollout-duration"
CLUSTER_LOCAL: Final = "cluster-local"  # the only value of the next one
VISIBILITY_LABEL: Final = "networking.knative.dev/visibility"
APP_LABEL: Final = "app"

# autoscaling.knative.dev: on the template of a Revision; the first key is the one that we write
AUTOSCALING_GROUP: Final = "autoscaling.knative.dev"
CLASS: Final = ("autoscaling.knative.dev/class",)
METRIC: Final = ("autoscaling.knative.dev/metric",)
TARGET: Final = ("autoscaling.knative.dev/target",)
MIN_SCALE: Final = ("autoscaling.knative.dev/min-scale", "autoscaling.knative.dev/minScale")
MAX_SCALE: Final = ("autoscaling.knative.dev/max-scale", "autoscaling.knative.dev/maxScale")
INITIAL_SCALE: Final = ("autoscaling.knative.dev/initial-scale", "autoscaling.knative.dev/initialScale")
ACTIVATION_SCALE: Final = ("autoscaling.knative.dev/activation-scale", "autoscaling.knative.dev/activationScale")
SCALE_DOWN_DELAY: Final = ("autoscaling.knative.dev/scale-down-delay", "autoscaling.knative.dev/scaleDownDelay")
METRIC_AGGREGATION: Final = (
    "autoscaling.knative.dev/metric-aggregation-algorithm",
    "autoscaling.knative.dev/metricAggregationAlgorithm",
)
WINDOW: Final = ("autoscaling.knative.dev/window",)
RETENTION: Final = (
    "autoscaling.knative.dev/scale-to-zero-pod-retention-period",
    "autoscaling.knative.dev/scaleToZeroPodRetentionPeriod",
)
TARGET_UTILIZATION: Final = (
    "autoscaling.knative.dev/target-utilization-percentage",
    "autoscaling.knative.dev/targetUtilizationPercentage",
)
TARGET_BURST_CAPACITY: Final = (
    "autoscaling.knative.dev/target-burst-capacity",
    "autoscaling.knative.dev/targetBurstCapacity",
)
PANIC_WINDOW: Final = (
    "autoscaling.knative.dev/panic-window-percentage",
    "autoscaling.knative.dev/panicWindowPercentage",
)
PANIC_THRESHOLD: Final = (
    "autoscaling.knative.dev/panic-threshold-percentage",
    "autoscaling.knative.dev/panicThresholdPercentage",
)

# faas.dev: what Knative has no word for
SNAPSHOT: Final = "faas.dev/snapshot"  # "false": never fork an instance of this revision from a warm process
SCALE_TO_ZERO_AFTER: Final = "faas.dev/scale-to-zero-after"  # a duration after the last request

# faas.dev, on a Trigger; the first three also on a Service's template, for its triggers
ORDERED_BY: Final = "faas.dev/ordered-by"  # the event attribute (or data.PATH) within whose values order is kept
PARALLELISM: Final = "faas.dev/parallelism"  # most deliveries at once; without it, as the subscriber's capacity allows
BACKLOG_TARGET: Final = "faas.dev/backlog-target"  # waiting events for each instance that is wanted
DEAD_LETTER_STREAM: Final = "faas.dev/dead-letter-stream"  # a named built-in stream, where no dead-letter sink is named

# faas.dev, on a Broker
EVENT_RETENTION: Final = "faas.dev/retention"  # ISO 8601: how long finished events are kept
EVENT_TYPES: Final = "faas.dev/event-types"  # "enabled": an EventType is made of each type and source that it sees
EVENT_MAX_BYTES: Final = "faas.dev/max-bytes"  # a quantity: how large the log may get before events are refused

# faas.dev, on a source that receives HTTP
PUBLIC_URL: Final = "faas.dev/public-url"  # where the outside reaches it, through a tunnel or a proxy
SOURCE_URL: Final = "faas.dev/url"  # in its status: where it takes requests

# eventing.knative.dev
BROKER_CLASS: Final = "eventing.knative.dev/broker.class"  # who makes a Broker work; cannot be changed
BROKER_LABEL: Final = "eventing.knative.dev/broker"  # on a Trigger: the name of its Broker
EVENTING_CREATOR: Final = "eventing.knative.dev/creator"
EVENTING_LAST_MODIFIER: Final = "eventing.knative.dev/lastModifier"
INJECTION: Final = "eventing.knative.dev/injection"  # on a Trigger: "enabled" makes its Broker
DEPENDENCY: Final = "knative.dev/dependency"  # on a Trigger: an object reference as JSON that has to be ready first

# sources.knative.dev
SOURCES_CREATOR: Final = "sources.knative.dev/creator"
SOURCES_LAST_MODIFIER: Final = "sources.knative.dev/lastModifier"

SOURCES_IMAGE: Final = "faas.local/faas-sources"  # of a ContainerSource that runs one of our adapters
