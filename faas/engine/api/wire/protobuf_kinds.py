"""Field numbers of the kinds that kubectl sends as protobuf. Source: k8s.io/api and apimachinery, generated.proto."""

from __future__ import annotations

from typing import Any

from faas.engine.api.wire.protobuf import Each, MapOf, Message, ProtobufError, decode_envelope, decode_message

_OWNER: Message = {
    1: ("kind", "string"),
    3: ("name", "string"),
    4: ("uid", "string"),
    5: ("apiVersion", "string"),
    6: ("controller", "bool"),
    7: ("blockOwnerDeletion", "bool"),
}
_MANAGED: Message = {
    1: ("manager", "string"),
    2: ("operation", "string"),
    3: ("apiVersion", "string"),
    4: ("time", "time"),
    6: ("fieldsType", "string"),
    7: ("fieldsV1", "json"),
    8: ("subresource", "string"),
}
_META: Message = {
    1: ("name", "string"),
    2: ("generateName", "string"),
    3: ("namespace", "string"),
    5: ("uid", "string"),
    6: ("resourceVersion", "string"),
    7: ("generation", "int"),
    8: ("creationTimestamp", "time"),
    9: ("deletionTimestamp", "time"),
    10: ("deletionGracePeriodSeconds", "int"),
    11: ("labels", MapOf("string")),
    12: ("annotations", MapOf("string")),
    13: ("ownerReferences", Each(_OWNER)),
    14: ("finalizers", "strings"),
    17: ("managedFields", Each(_MANAGED)),
}
_REFERENCE: Message = {
    1: ("kind", "string"),
    2: ("namespace", "string"),
    3: ("name", "string"),
    4: ("uid", "string"),
    5: ("apiVersion", "string"),
    6: ("resourceVersion", "string"),
    7: ("fieldPath", "string"),
}
_RESOURCE_ATTRIBUTES: Message = {
    1: ("namespace", "string"),
    2: ("verb", "string"),
    3: ("group", "string"),
    4: ("version", "string"),
    5: ("resource", "string"),
    6: ("subresource", "string"),
    7: ("name", "string"),
}
_MESSAGES: dict[tuple[str, str], Message] = {
    ("v1", "Namespace"): {1: ("metadata", _META), 2: ("spec", {1: ("finalizers", "strings")})},
    ("v1", "ConfigMap"): {
        1: ("metadata", _META),
        2: ("data", MapOf("string")),
        3: ("binaryData", MapOf("bytes")),
        4: ("immutable", "bool"),
    },
    ("v1", "Secret"): {
        1: ("metadata", _META),
        2: ("data", MapOf("bytes")),
        3: ("type", "string"),
        4: ("stringData", MapOf("string")),
        5: ("immutable", "bool"),
    },
    ("v1", "ServiceAccount"): {
        1: ("metadata", _META),
        2: ("secrets", Each(_REFERENCE)),
        3: ("imagePullSecrets", Each({1: ("name", "string")})),
        4: ("automountServiceAccountToken", "bool"),
    },
    ("v1", "Event"): {
        1: ("metadata", _META),
        2: ("involvedObject", _REFERENCE),
        3: ("reason", "string"),
        4: ("message", "string"),
        5: ("source", {1: ("component", "string"), 2: ("host", "string")}),
        6: ("firstTimestamp", "time"),
        7: ("lastTimestamp", "time"),
        8: ("count", "int"),
        9: ("type", "string"),
        10: ("eventTime", "microtime"),
        11: ("series", {1: ("count", "int"), 2: ("lastObservedTime", "microtime")}),
        12: ("action", "string"),
        13: ("related", _REFERENCE),
        14: ("reportingComponent", "string"),
        15: ("reportingInstance", "string"),
    },
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"): {
        1: ("metadata", _META),
        2: (
            "spec",
            {
                1: ("resourceAttributes", _RESOURCE_ATTRIBUTES),
                2: ("nonResourceAttributes", {1: ("path", "string"), 2: ("verb", "string")}),
            },
        ),
    },
    ("authorization.k8s.io/v1", "SelfSubjectRulesReview"): {
        1: ("metadata", _META),
        2: ("spec", {1: ("namespace", "string")}),
    },
    ("authentication.k8s.io/v1", "SelfSubjectReview"): {1: ("metadata", _META)},
}
_DELETE_OPTIONS: Message = {
    1: ("gracePeriodSeconds", "int"),
    2: ("preconditions", {1: ("uid", "string"), 2: ("resourceVersion", "string")}),
    3: ("orphanDependents", "bool"),
    4: ("propagationPolicy", "string"),
    5: ("dryRun", "strings"),
}


def decode_object(body: bytes) -> dict[str, Any]:
    """An object as JSON would have it. Raises ProtobufError."""
    version, kind, data = decode_envelope(body)
    message = _DELETE_OPTIONS if kind == "DeleteOptions" else _MESSAGES.get((version, kind))
    if message is None:
        raise ProtobufError(f"a {kind} of {version} is not served as protobuf: send it as JSON")
    return {"apiVersion": version, "kind": kind, **decode_message(message, data)}
