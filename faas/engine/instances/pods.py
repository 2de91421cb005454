"""Instances as Pods, for those who look: written behind the fact, never waited for."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from faas.client.errors import AlreadyExists, ApiError, NotFound
from faas.client.protocol import Client, Object
from faas.engine.contract.revision import EnvVar, RevisionPlan, SecretRef
from faas.engine.instances.driver import ExitStatus
from faas.resources import keys
from faas.resources.kinds import POD

log = logging.getLogger(__name__)

State = Literal["Pending", "Starting", "Running", "Backoff", "Terminating"]


@dataclass(frozen=True, slots=True)
class PodView:
    """What a Pod shows of an instance."""

    plan: RevisionPlan
    name: str
    state: State
    ready: bool
    created: datetime
    started: datetime | None = None
    restarts: int = 0
    digest: str = ""
    last: ExitStatus | None = None
    last_message: str = ""
    last_finished: datetime | None = None
    backoff_s: float = 0.0
    waiting_reason: str = ""
    waiting_message: str = ""


def make_pod(view: PodView) -> Object:
    plan = view.plan
    phase = "Running" if view.started is not None else "Pending"
    conditions = [
        _condition("PodScheduled", True, view.created),
        _condition("Initialized", True, view.created),
        _condition("ContainersReady", view.ready, view.started or view.created),
        _condition("Ready", view.ready, view.started or view.created),
    ]
    status: dict[str, Any] = {
        "phase": phase,
        "conditions": conditions,
        "hostIP": "127.0.0.1",
        "podIP": "127.0.0.1",
        "podIPs": [{"ip": "127.0.0.1"}],
        "startTime": _time(view.created),
        "qosClass": "Burstable" if _resources(plan) else "BestEffort",
        "containerStatuses": [_container_status(view)],
    }
    if view.state == "Terminating":
        status["reason"] = "Terminating"  # what a Pod that is deleted shows in tables; this one nobody has deleted
    metadata: dict[str, Any] = {
        "name": view.name,
        "namespace": plan.key.namespace,
        "generateName": view.name.rpartition("-")[0] + "-",
        "labels": {
            **dict(plan.labels),
            keys.SERVICE_LABEL: plan.service,
            keys.CONFIGURATION_LABEL: plan.configuration,
            keys.REVISION_LABEL: plan.key.name,
            keys.REVISION_UID_LABEL: plan.uid,
            keys.APP_LABEL: plan.key.name,
        },
        "ownerReferences": [
            {
                "apiVersion": "serving.knative.dev/v1",
                "kind": "Revision",
                "name": plan.key.name,
                "uid": plan.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    spec = {
        "containers": [
            {
                "name": plan.container.name,
                "image": plan.container.image,
                "imagePullPolicy": "IfNotPresent",
                "ports": [{"name": "user-port", "containerPort": 8080, "protocol": "TCP"}],
                "env": [_variable(variable) for variable in plan.container.env if not _is_whole_source(variable)],
                "resources": _resources(plan),
            }
        ],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": int(plan.timeout_s),
        "nodeName": "faas",
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def _resources(plan: RevisionPlan) -> Object:
    limits = {}
    if plan.container.cpu_limit_millis is not None:
        limits["cpu"] = f"{plan.container.cpu_limit_millis}m"
    if plan.container.memory_limit_bytes is not None:
        limits["memory"] = str(plan.container.memory_limit_bytes)
    return {"limits": limits} if limits else {}


def _variable(variable: EnvVar) -> Object:
    """As the Revision has it: what a Secret holds stays there."""
    if isinstance(variable.value, str):
        return {"name": variable.name, "value": variable.value}
    source = "secretKeyRef" if variable.value.kind == "Secret" else "configMapKeyRef"
    return {"name": variable.name, "valueFrom": {source: {"name": variable.value.name, "key": variable.value.key}}}


def _is_whole_source(variable: EnvVar) -> bool:
    """Of envFrom: its name is but a prefix."""
    return isinstance(variable.value, SecretRef) and variable.value.key is None


def _container_status(view: PodView) -> dict[str, Any]:
    status: dict[str, Any] = {
        "name": view.plan.container.name,
        "image": view.plan.container.image,
        "imageID": view.digest,
        "ready": view.ready,
        "started": view.started is not None,
        "restartCount": view.restarts,
        "state": _container_state(view),
        "lastState": {},
    }
    if view.last is not None and view.state != "Terminating":
        status["lastState"] = {
            "terminated": {
                "exitCode": view.last.code if view.last.code is not None else 255,
                "reason": "OOMKilled" if view.last.oom_killed else "Completed" if view.last.code == 0 else "Error",
                "message": view.last_message,
                **({"signal": view.last.signal} if view.last.signal else {}),
                **({"finishedAt": _time(view.last_finished)} if view.last_finished else {}),
            }
        }
    return status


def _container_state(view: PodView) -> dict[str, Any]:
    if view.waiting_reason:
        return {"waiting": {"reason": view.waiting_reason, "message": view.waiting_message}}
    if view.state == "Backoff":
        message = f"back-off {view.backoff_s:g}s restarting failed container={view.plan.container.name}"
        return {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
    if view.started is None:
        return {"waiting": {"reason": "ContainerCreating"}}
    return {"running": {"startedAt": _time(view.started)}}


def _condition(type: str, holds: bool, since: datetime) -> dict[str, str]:
    condition = {"type": type, "status": "True" if holds else "False", "lastTransitionTime": _time(since)}
    if not holds:
        condition.update(reason="ContainersNotReady", message="the container does not accept requests yet")
    return condition


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class PodWriter:
    """Keeps the Pods of the API as the instances are; the newest view wins, older ones are skipped."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._wanted: dict[tuple[str, str], PodView | None] = {}  # None: delete
        self._exists: set[tuple[str, str]] = set()
        self._work = asyncio.Event()

    def put(self, view: PodView) -> None:
        self._wanted[view.plan.key.namespace, view.name] = view
        self._work.set()

    def remove(self, namespace: str, name: str) -> None:
        self._wanted[namespace, name] = None
        self._work.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._work.wait()
            self._work.clear()
            batch, self._wanted = self._wanted, {}
            for (namespace, name), view in batch.items():
                try:
                    await self._write(namespace, name, view)
                except ApiError as error:
                    log.warning("cannot write pod %s/%s: %s", namespace, name, error)

    async def _write(self, namespace: str, name: str, view: PodView | None) -> None:
        key = (namespace, name)
        if view is None:
            self._exists.discard(key)
            try:
                await self._client.delete(POD, name, namespace)
            except NotFound:
                return
            return
        if not view.plan.uid:
            return  # adopted, and its Revision is not planned yet: who owns it comes with the plan
        pod = make_pod(view)
        if key not in self._exists:
            self._exists.add(key)
            try:
                created = await self._client.create(POD, pod)
            except AlreadyExists:  # adopted: an engine before this one wrote it, and the store outlived that engine
                created = await self._client.get(POD, name, namespace)
            if created.get("status", {}).get("containerStatuses"):
                return  # this server takes a status with the object
        try:
            await self._client.patch(POD, name, {"status": pod["status"]}, namespace, subresource="status")
        except NotFound:  # somebody deleted it; the watch tells the fleet
            self._exists.discard(key)
