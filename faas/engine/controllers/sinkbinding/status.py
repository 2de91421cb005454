"""What a SinkBinding says of itself. Source: sinkbinding_lifecycle.go."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from faas.engine.controllers.addressing import OIDC_OFF, Unresolved
from faas.engine.controllers.marks import Marks
from faas.engine.controllers.sinkbinding.inject import is_supported
from faas.resources.conditions import SINK_BINDING_CONDITIONS
from faas.resources.sources.knative import SinkBinding, SinkBindingStatus


def observed_status(binding: SinkBinding, sink: str | Unresolved, *, subjects: int, now: datetime) -> SinkBindingStatus:
    """Args: subjects: how many Services it concerns."""
    # While the sink has no address, functions keep the one that they have: a new revision for nothing helps nobody.
    uri = sink if isinstance(sink, str) else binding.status.sink_uri
    status = replace(binding.status, observed_generation=binding.metadata.generation, sink_uri=uri)
    marks = Marks(SINK_BINDING_CONDITIONS, binding.status.conditions, now)
    marks.set("OIDCIdentityCreated", "True", OIDC_OFF)
    marks.set("OIDCTokenSecretCreated", "True", OIDC_OFF)
    marks.set("TrustBundlePropagated", "True")
    marks.unless("SinkProvided", sink)
    subject = binding.spec.subject
    if not is_supported(subject):
        message = (
            f"the subject is a {subject.kind} ({subject.api_version}); on this engine it can be a Service "
            "(serving.knative.dev/v1)"
        )
        marks.set("SinkBindingAvailable", "False", "SubjectNotSupported", message)
    elif not subjects and subject.name:
        message = f'services.serving.knative.dev "{subject.name}" not found'
        marks.set("SinkBindingAvailable", "False", "SubjectMissing", message)
    else:
        marks.set("SinkBindingAvailable", "True")
    return replace(status, conditions=marks.conditions)
