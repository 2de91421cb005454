"""The store of dead letters in a cluster: one a namespace, and the sink of all Triggers that have none of their own.

What is in it outlives the projects that filled it: its objects have no project's label, so no deploy prunes them.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from faas_builders.oci.programs_image import PYTHON

from faas.client.errors import NotFound
from faas.client.protocol import Client, Object
from faas.client.services.store import COMPONENT, COMPONENT_LABEL, NAME, PORT_NAME, TOKEN_KEY
from faas.deploy.objects.plan import Change
from faas.project.manifests.labels import MANAGED_BY_LABEL, MANAGER
from faas.project.manifests.objects import Objects
from faas.project.manifests.triggers import DEFAULT_DELIVERY
from faas.project.secret_values import SecretData
from faas.resources import keys, quantities
from faas.resources.kinds import SECRET, VOLUME_CLAIM

STORAGE = "1Gi"
_USER = 65532  # of the image
_PORT = 8080
_FILL = 0.8  # of the volume are letters; the rest is SQLite's own: its log, and pages that are about to be freed


def dead_letter_objects(
    namespace: str, image: str, *, storage: str = STORAGE, storage_class: str = ""
) -> tuple[Object, ...]:
    """The store but for its Secret: claim, Service, Deployment."""
    return (
        _object("v1", "PersistentVolumeClaim", namespace, _claim(storage, storage_class)),
        _object("v1", "Service", namespace, _service()),
        _object("apps/v1", "Deployment", namespace, _deployment(image, namespace, storage)),
    )


def make_token_secret(namespace: str, token: str) -> Object:
    """The Secret that opens the store to people; it does not show what it holds."""
    data = SecretData({TOKEN_KEY: base64.b64encode(token.encode()).decode()})
    return {**_object("v1", "Secret", namespace), "type": "Opaque", "data": data}


async def dead_letter_store(client: Client, namespace: str, image: str, **options: str) -> tuple[Object, ...]:
    """All objects of the store there. Its token is made once: a Secret that is there is left alone.

    Raises: ApiError: Forbidden too, who may not read Secrets cannot tell whether there is one.
    """
    objects = dead_letter_objects(namespace, image, **options)
    try:
        await client.get(SECRET, NAME, namespace)
    except NotFound:
        return (make_token_secret(namespace, secrets.token_urlsafe(32)), *objects)
    return objects


def with_dead_letter_sinks(
    objects: Objects,
    namespace: str,
    live_brokers: Sequence[Mapping[str, Any]] = (),
    *,
    only: Collection[str] | None = None,
) -> Objects:
    """Send to the store what Triggers could not deliver, but for those that have a sink or whose Broker has one.

    Args:
        live_brokers: as they are there: the project makes only those that are missing.
        only: names of the Triggers that are meant; None: all.
    """
    deliveries = {each["metadata"]["name"]: each.get("spec", {}).get("delivery") or {} for each in objects.brokers}
    deliveries |= {each["metadata"]["name"]: (each.get("spec") or {}).get("delivery") or {} for each in live_brokers}
    triggers = tuple(
        _with_sink(trigger, namespace, deliveries) if only is None or trigger["metadata"]["name"] in only else trigger
        for trigger in objects.triggers
    )
    return replace(objects, triggers=triggers)


def uses_store(triggers: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of the Triggers whose dead letters go to the store."""
    return [trigger["metadata"]["name"] for trigger in triggers if is_store(_sink_of(trigger))]


def is_store(sink: Mapping[str, Any]) -> bool:
    ref = sink.get("ref") or {}
    return (ref.get("apiVersion"), ref.get("kind"), ref.get("name")) == ("v1", "Service", NAME)


def waits_for_volume(changes: Sequence[Change]) -> bool:
    """Whether the store of a deploy cannot start: nobody makes the volume that it claims."""
    claims = [change.live or change.after or {} for change in changes if change.kind == VOLUME_CLAIM]
    return any(
        claim.get("metadata", {}).get("name") == NAME
        and not (claim.get("spec") or {}).get("storageClassName")  # a server puts in the default one, where it has one
        and (claim.get("status") or {}).get("phase", "Pending") == "Pending"
        for claim in claims
    )


def make_sink(namespace: str, broker: str, trigger: str, stream: str = "") -> Object:
    """Where the dead letters of a Trigger go; its address says whose they are."""
    ref = {"apiVersion": "v1", "kind": "Service", "name": NAME, "namespace": namespace}
    return {"ref": ref, "uri": "/".join(("", broker, trigger, *([stream] if stream else [])))}


def _with_sink(trigger: Object, namespace: str, deliveries: Mapping[str, Mapping[str, Any]]) -> Object:
    spec, metadata = trigger["spec"], trigger["metadata"]
    own, inherited = spec.get("delivery") or {}, deliveries.get(spec["broker"]) or {}
    if "deadLetterSink" in own:
        return trigger
    if "deadLetterSink" in inherited and not is_store(inherited["deadLetterSink"]):
        return trigger  # Knative falls back to it, whatever else a Trigger says
    # What a Trigger says of its delivery replaces all else that its Broker says, so that is said again.
    delivery = own or inherited or DEFAULT_DELIVERY
    stream = (metadata.get("annotations") or {}).get(keys.DEAD_LETTER_STREAM, "")
    sink = make_sink(namespace, spec["broker"], metadata["name"], stream)
    return {**trigger, "spec": {**spec, "delivery": {**delivery, "deadLetterSink": sink}}}


def _sink_of(trigger: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict((trigger["spec"].get("delivery") or {}).get("deadLetterSink") or {})


_SELECTOR = {COMPONENT_LABEL: COMPONENT}


def _object(api_version: str, kind: str, namespace: str, spec: Object | None = None) -> Object:
    labels = {MANAGED_BY_LABEL: MANAGER, "app.kubernetes.io/name": NAME, **_SELECTOR}
    metadata = {"name": NAME, "namespace": namespace, "labels": labels}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **({"spec": spec} if spec else {})}


def _claim(storage: str, storage_class: str) -> Object:
    named = {"storageClassName": storage_class} if storage_class else {}
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}, **named}


def _service() -> Object:
    ports = [{"name": PORT_NAME, "port": 80, "protocol": "TCP", "targetPort": PORT_NAME}]
    return {"selector": _SELECTOR, "ports": ports}


def _deployment(image: str, namespace: str, storage: str) -> Object:
    return {
        "replicas": 1,
        "strategy": {"type": "Recreate"},  # two could not have the volume, nor the file
        "selector": {"matchLabels": _SELECTOR},
        "template": {
            "metadata": {"labels": {MANAGED_BY_LABEL: MANAGER, "app.kubernetes.io/name": NAME, **_SELECTOR}},
            "spec": {
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "terminationGracePeriodSeconds": 15,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": _USER,
                    "runAsGroup": _USER,
                    "fsGroup": _USER,
                    "fsGroupChangePolicy": "OnRootMismatch",
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [_container(image, namespace, storage)],
                "volumes": [
                    {"name": "data", "persistentVolumeClaim": {"claimName": NAME}},
                    {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
                ],
            },
        },
    }


def _container(image: str, namespace: str, storage: str) -> Object:
    probe = {"httpGet": {"path": "/healthz", "port": PORT_NAME}, "periodSeconds": 10, "timeoutSeconds": 5}
    return {
        "name": "store",
        "image": image,
        "command": [PYTHON, "-P", "-m", "faas.inbox", "store"],
        "env": [
            {"name": "FAAS_INBOX_TOKEN", "valueFrom": {"secretKeyRef": {"name": NAME, "key": TOKEN_KEY}}},
            {"name": "FAAS_INBOX_NAMESPACE", "value": namespace},
            {"name": "FAAS_INBOX_MAX_BYTES", "value": str(int(quantities.bytes_of(storage) * _FILL))},
        ],
        "ports": [{"name": PORT_NAME, "containerPort": _PORT, "protocol": "TCP"}],
        "readinessProbe": {**probe, "initialDelaySeconds": 1, "periodSeconds": 3},
        "livenessProbe": {**probe, "httpGet": {"path": "/livez", "port": PORT_NAME}, "failureThreshold": 6},
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "384Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}],
    }
