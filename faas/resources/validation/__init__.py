"""What is wrong with an object, in the words of Knative's webhooks and of the Kubernetes API server.

`validate` takes objects that fit their schema (`faas.resources.fields.type_errors` found nothing) and that have their
defaults; `refusal` makes the API's answer of what it found. Each module holds the rules for one part of an object.
"""

from __future__ import annotations

from faas.resources import kinds
from faas.resources.config import Config
from faas.resources.kinds import Kind
from faas.resources.validation.builtin import validate_config_map, validate_secret
from faas.resources.validation.errors import FieldError, Refusal, RefusalCause, merged, refusal
from faas.resources.validation.metadata import validate_metadata
from faas.resources.validation.serving import (
    validate_configuration,
    validate_revision,
    validate_route,
    validate_service,
)
from faas.resources.views import Raw

__all__ = ["FieldError", "Refusal", "RefusalCause", "refusal", "validate"]

_SERVING = {
    kinds.SERVICE: validate_service,
    kinds.CONFIGURATION: validate_configuration,
    kinds.REVISION: validate_revision,
    kinds.ROUTE: validate_route,
}
_BUILTIN = {kinds.SECRET: validate_secret, kinds.CONFIG_MAP: validate_config_map}


def validate(kind: Kind, new: Raw, old: Raw | None, config: Config) -> list[FieldError]:
    """What is wrong with `new`, which replaces `old` (None: it is created); empty if nothing is.

    A write of the status alone is not to be validated: rules may have become stricter since the spec was stored.
    """
    errors = list(validate_metadata(kind, new))
    if kind in _SERVING:
        errors += _SERVING[kind](new, old, config)
    elif kind in _BUILTIN:
        errors += _BUILTIN[kind](new, old)
    return merged(errors)
