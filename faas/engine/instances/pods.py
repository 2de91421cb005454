"""Instances as Pods, for those who look: written behind the fact, never waited for."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from faas.client.errors import AlreadyExists, ApiError, NotFound
from faas.client.protocol import Client, Object
from faas.engine.contract.revision import ContainerPlan, EnvVar, RevisionPlan, SecretRef
from faas.engine.instances.driver import ExitStatus
from faas.engine.instances.provisioning.volumes import describe_volumes
from faas.resources import keys
from faas.resources.kinds import POD

log = logging.getLogger(__name__)

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"  # whose logs kubectl shows when it is not told
GRACE_S = 30  # Kubernetes' terminationGracePeriodSeconds, of a Revision without a timeout


@dataclass(frozen=True, slots=True)
class ContainerView:
    """What a Pod shows of one of its containers."""

    plan: ContainerPlan
    ready: bool
    running_since: datetime | None = None
    digest: str = ""
    restarts: int = 0
    last: ExitStatus | None = None
    last_message: str = ""
    last_started: datetime | None = None
    last_finished: datetime | None = None
    backoff_s: float | None = None  # it waits that long after a crash
    waiting: tuple[str, str] = ("", "")  # why it cannot be created: reason, message


@dataclass(frozen=True, slots=True)
class PodView:
    """What a Pod shows of an instance."""

    plan: RevisionPlan
    name: str
    created: datetime
    containers: tuple[ContainerView, ...]  # the serving one first
    terminating: bool = False
    address: str = ""  # unix:/path or tcp:host:port

    @property
    def ready(self) -> bool:
        return not self.terminating and all(container.ready for container in self.containers)

    @property
    def running_since(self) -> datetime | None:
        return self.containers[0].running_since


def make_pod(view: PodView) -> Object:
    plan = view.plan
    since = view.running_since or view.created
    ip = view.address[len("tcp:") :].rpartition(":")[0] if view.address.startswith("tcp:") else "127.0.0.1"
    status: dict[str, Any] = {
        "phase": "Running" if view.running_since is not None else "Pending",
        "conditions": [
            _condition("PodScheduled", True, view.created),
            _condition("Initialized", True, view.created),
            _condition("ContainersReady", view.ready, since),
            _condition("Ready", view.ready, since),
        ],
        "hostIP": "127.0.0.1",
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "startTime": _time(view.created),
        "qosClass": _qos_class(plan),
        "containerStatuses": [_container_status(container, view) for container in view.containers],
    }
    if view.terminating:
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
        "annotations": {DEFAULT_CONTAINER: plan.container.name},
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
    spec: dict[str, Any] = {
        "containers": [_container(container, plan) for container in plan.containers],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": int(plan.timeout_s) or GRACE_S,
        "nodeName": "faas",
    }
    if volumes := describe_volumes(plan):
        spec["volumes"] = volumes
    if plan.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in plan.pull_secrets]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def _container(container: ContainerPlan, plan: RevisionPlan) -> Object:
    made: dict[str, Any] = {
        "name": container.name,
        "image": container.image,
        "imagePullPolicy": container.pull_policy or "IfNotPresent",
        "env": [_variable(variable) for variable in container.env if not _is_whole_source(variable)],
        "resources": _resources(container),
    }
    if container.command:
        made["command"] = list(container.command)
    if container.args:
        made["args"] = list(container.args)
    if container.working_dir:
        made["workingDir"] = container.working_dir
    if container.port:
        name = "h2c" if plan.protocol == "h2c" else "user-port"
        made["ports"] = [{"name": name, "containerPort": container.port, "protocol": "TCP"}]
    if container.volumes:
        by_path = {mount.path: mount for mount in container.volumes}
        made["volumeMounts"] = [
            {
                "name": mount.volume,
                "mountPath": mount.path,
                **({"readOnly": True} if mount.read_only else {}),
                **({"subPath": mount.sub_path} if mount.sub_path else {}),
            }
            for mount in by_path.values()
        ]
    return made


def _resources(container: ContainerPlan) -> Object:
    found: dict[str, Any] = {}
    for part, cpu_millis, memory_bytes in (
        ("limits", container.cpu_limit_millis, container.memory_limit_bytes),
        ("requests", container.cpu_request_millis, container.memory_request_bytes),
    ):
        amounts = {}
        if cpu_millis is not None:
            amounts["cpu"] = f"{cpu_millis}m"
        if memory_bytes is not None:
            amounts["memory"] = str(memory_bytes)
        if amounts:
            found[part] = amounts
    return found


def _qos_class(plan: RevisionPlan) -> str:
    """Source: Kubernetes pkg/apis/core/v1/helper/qos. A limit without a request is a request of as much."""
    resources = [_resources(container) for container in plan.containers]
    if not any(resources):
        return "BestEffort"
    for of_one in resources:
        limits = of_one.get("limits", {})
        if set(limits) != {"cpu", "memory"} or {**limits, **of_one.get("requests", {})} != limits:
            return "Burstable"
    return "Guaranteed"


def _variable(variable: EnvVar) -> Object:
    """As the Revision has it: what a Secret holds stays there."""
    if isinstance(variable.value, str):
        return {"name": variable.name, "value": variable.value}
    source = "secretKeyRef" if variable.value.kind == "Secret" else "configMapKeyRef"
    return {"name": variable.name, "valueFrom": {source: {"name": variable.value.name, "key": variable.value.key}}}


def _is_whole_source(variable: EnvVar) -> bool:
    """Of envFrom: its name is but a prefix."""
    return isinstance(variable.value, SecretRef) and variable.value.key is None


def _container_status(view: ContainerView, pod: PodView) -> dict[str, Any]:
    running = view.running_since is not None
    status: dict[str, Any] = {
        "name": view.plan.name,
        "image": view.plan.image,
        "imageID": view.digest,
        "ready": view.ready and not pod.terminating,
        "started": running,
        "restartCount": view.restarts,
        "state": _container_state(view),
        "lastState": {},
    }
    if view.last is not None and not pod.terminating:
        status["lastState"] = {"terminated": _terminated(view.last, view)}
    return status


def _terminated(last: ExitStatus, view: ContainerView) -> dict[str, Any]:
    reason = "Completed" if last.code == 0 else "Error"
    if last.oom_killed or last.start_error:
        reason = last.reason
    return {
        "exitCode": last.code if last.code is not None else 255,
        "reason": reason,
        "message": view.last_message,
        **({"signal": last.signal} if last.signal else {}),
        **({"startedAt": _time(view.last_started)} if view.last_started else {}),
        **({"finishedAt": _time(view.last_finished)} if view.last_finished else {}),
    }


def _container_state(view: ContainerView) -> dict[str, Any]:
    if view.waiting[0]:
        return {"waiting": {"reason": view.waiting[0], "message": view.waiting[1]}}
    if view.backoff_s is not None:
        message = f"back-off {view.backoff_s:g}s restarting failed container={view.plan.name}"
        return {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
    if view.running_since is None:
        return {"waiting": {"reason": "ContainerCreating"}}
    return {"running": {"startedAt": _time(view.running_since)}}


def _condition(type: str, holds: bool, since: datetime) -> dict[str, str]:
    condition = {"type": type, "status": "True" if holds else "False", "lastTransitionTime": _time(since)}
    if not holds:
        condition.update(reason="ContainersNotReady", message="a container is not ready yet")
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
