"""What Cloud Run takes of an edition: its API has Knative's kind Service, and less of it. Pure.

Source: the API's discovery document (run, v1). Where it says "not supported" a field is taken out, and said: nothing is
left out in silence but what is for the embedded engine alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from faas.client.protocol import Object
from faas.deploy.export.cloud_run.probes import for_cloud_run as probes_for_cloud_run
from faas.deploy.export.editions.edition import Edition, NeededSecret, is_function
from faas.project.manifests.podspec import UNPRIVILEGED
from faas.resources import keys, quantities

LONGEST_S = 3600
MOST_AT_ONCE = 1000  # requests that one instance may have
_OWN_PREFIX = "run.googleapis.com/"
_SCALES = {keys.MIN_SCALE: "autoscaling.knative.dev/minScale", keys.MAX_SCALE: "autoscaling.knative.dev/maxScale"}
_OUR_LABEL = "faas.dev/"
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}\Z")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}\Z")
_ACCOUNT = re.compile(r"[^@\s]+@[^@\s]+\Z")
_VARIABLE = re.compile(r"(?<!\$)(?:\$\$)*\$\([A-Za-z_][-A-Za-z0-9_.]*\)")
_REVISION = (
    "containerConcurrency", "timeoutSeconds", "serviceAccountName", "containers", "volumes", "enableServiceLinks",
)  # fmt: skip
_CONTAINER = (
    "name", "image", "command", "args", "workingDir", "ports", "env", "resources", "volumeMounts", "imagePullPolicy",
    "terminationMessagePath", "terminationMessagePolicy", "startupProbe", "livenessProbe", "readinessProbe",
)  # fmt: skip
_MOUNT = ("name", "mountPath", "subPath")
_INSTEAD = {
    "Broker": "Eventarc has channels for this",
    "Trigger": "make an Eventarc trigger that calls the service",
    "PingSource": "make a Cloud Scheduler job that calls the service",
    "KafkaSource": "make an Eventarc trigger, or a worker pool that reads the topic",
    "ApiServerSource": "there is no Kubernetes API to watch",
}


@dataclass(frozen=True, slots=True)
class Left:
    """Something that Cloud Run does not take, and what helps."""

    what: str  # with the name of the object before it: web: volume cache (a PersistentVolumeClaim)
    instead: str = ""

    def __str__(self) -> str:
        return f"{self.what}; {self.instead}" if self.instead else self.what


def make_cloud_run(edition: Edition) -> tuple[list[Object], list[Left]]:
    """The Services (and DomainMappings) as `gcloud run services replace` takes them, and all that they have lost.

    No namespace stands in them: there it is the project's number, which the client fills in.
    """
    objects: list[Object] = []
    left: list[Left] = []
    for obj in edition.objects:
        if is_function(obj):
            objects.append(_Service(obj, edition.secrets, left).made())
        elif obj["kind"] == "DomainMapping":
            objects.append(_domain(obj))
        elif obj["kind"] != "ConfigMap":  # one that is used is told of where it is
            left.append(Left(f"{obj['kind']} {obj['metadata']['name']}", _INSTEAD.get(obj["kind"], _AT_WORK)))
    return objects, left


_AT_WORK = "what reads it has to run somewhere: a worker pool, or a small cluster"


def _domain(obj: Object) -> Object:
    return {
        "apiVersion": "domains.cloudrun.com/v1",
        "kind": "DomainMapping",
        "metadata": {"name": obj["metadata"]["name"]},
        "spec": {"routeName": obj["spec"]["ref"]["name"]},
    }


class _Service:
    """One Service on its way; what it loses goes to `left`."""

    def __init__(self, service: Object, secrets: tuple[NeededSecret, ...], left: list[Left]) -> None:
        self._service, self._left = service, left
        self._keys = {secret.name: secret.keys for secret in secrets}

    def made(self) -> Object:
        metadata, template = self._service["metadata"], self._service["spec"]["template"]
        made: Object = {"name": metadata["name"]}
        labels = metadata.get("labels") or {}
        if kept := self._labels(labels):
            made["labels"] = kept
        annotations = self._own_annotations(metadata.get("annotations") or {}, "Service")
        if labels.get(keys.VISIBILITY_LABEL) == keys.CLUSTER_LOCAL:
            annotations[f"{_OWN_PREFIX}ingress"] = "internal"
        if annotations:
            made["annotations"] = dict(sorted(annotations.items()))
        inner = self._template_metadata(template.get("metadata") or {})
        spec: Object = {
            "template": {**({"metadata": inner} if inner else {}), "spec": self._revision(template["spec"])}
        }
        if traffic := self._traffic():
            spec["traffic"] = traffic
        return {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": made, "spec": spec}

    def _lose(self, what: str, instead: str = "") -> None:
        self._left.append(Left(f"{self._service['metadata']['name']}: {what}", instead))

    def _labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Its keys have no slash: faas.dev/project becomes faas-project."""
        found = {}
        for key, value in labels.items():
            if key in (keys.VISIBILITY_LABEL,):
                continue
            plain = f"faas-{key.removeprefix(_OUR_LABEL)}" if key.startswith(_OUR_LABEL) else key
            if _LABEL_KEY.match(plain) and _LABEL_VALUE.match(value):
                found[plain] = value
            else:
                self._lose(f"label {key}: {value}", "labels have lower-case letters, digits, _ and -")
        return found

    def _own_annotations(self, annotations: Mapping[str, str], where: str) -> dict[str, str]:
        """Those of Cloud Run itself; the rest means nothing to it."""
        for key in annotations:
            if key == keys.ROLLOUT_DURATION:
                self._lose("a gradual rollout", "move traffic step by step: gcloud run services update-traffic")
            elif not key.startswith((_OWN_PREFIX, _OUR_LABEL)):
                self._lose(f"annotation {key} of the {where}")
        return {key: value for key, value in annotations.items() if key.startswith(_OWN_PREFIX)}

    def _template_metadata(self, metadata: Mapping[str, Any]) -> Object:
        annotations = dict(metadata.get("annotations") or {})
        found: dict[str, str] = {}
        for spellings, key in _SCALES.items():
            for spelling in spellings:
                if spelling in annotations:
                    found[key] = annotations.pop(spelling)
        if keys.SCALE_TO_ZERO_AFTER in annotations:
            self._lose("scale_to_zero_after", "it decides itself when an idle instance ends")
        autoscaling = [key for key in annotations if key.startswith(keys.AUTOSCALING_GROUP)]
        for key in autoscaling:
            self._lose(key.removeprefix(f"{keys.AUTOSCALING_GROUP}/"), "it scales by concurrency and CPU alone")
            del annotations[key]
        found |= self._own_annotations(annotations, "revisions")
        return {"annotations": dict(sorted(found.items()))} if found else {}

    def _revision(self, spec: Mapping[str, Any]) -> Object:
        made: Object = {}
        containers = [dict(container) for container in spec["containers"]]
        limit = (containers[0].get("resources") or {}).get("limits") or {}
        at_once = spec.get("containerConcurrency", 0)
        if "cpu" in limit and quantities.parse(str(limit["cpu"])) < 1 and at_once != 1:
            self._lose(f"concurrency {at_once or 'without a limit'}", "with less than one CPU it is 1")
            at_once = 1
        elif at_once > MOST_AT_ONCE:
            self._lose(f"concurrency {at_once}", f"it is {MOST_AT_ONCE} at most")
            at_once = MOST_AT_ONCE
        if at_once:
            made["containerConcurrency"] = at_once
        if "timeoutSeconds" in spec:
            made["timeoutSeconds"] = min(spec["timeoutSeconds"], LONGEST_S)
            if spec["timeoutSeconds"] > LONGEST_S:
                self._lose(f"timeout {spec['timeoutSeconds']} s", "it is an hour at most")
        if account := spec.get("serviceAccountName"):
            if _ACCOUNT.match(account):
                made["serviceAccountName"] = account
            else:
                self._lose(f"service account {account}", "give it the address of one of IAM's")
        volumes = list(self._volumes(spec.get("volumes") or []))
        names = {volume["name"] for volume in volumes}
        for field in spec:
            if field not in _REVISION:
                self._lose(field)
        made["containers"] = [self._container(container, names) for container in containers]
        if volumes:
            made["volumes"] = volumes
        return made

    def _container(self, container: Object, volumes: set[str]) -> Object:
        self._check_variables(container)
        made = {field: value for field, value in container.items() if field in _CONTAINER}
        for field in container:
            if field == "securityContext" and container[field] == UNPRIVILEGED:
                continue  # nobody has more there
            if field not in _CONTAINER:
                self._lose(field, "name each variable in env" if field == "envFrom" else "")
        for field in ("startupProbe", "livenessProbe", "readinessProbe"):
            made.pop(field, None)
        probes, lost = probes_for_cloud_run(container)
        made |= probes
        for what in lost:
            self._lose(what)
        if "env" in container:
            made["env"] = list(self._env(container["env"]))
        if ports := container.get("ports"):
            made["ports"] = [_port(ports[0])]
        if resources := container.get("resources"):
            made["resources"] = self._resources(resources)
        if mounts := [mount for mount in container.get("volumeMounts") or () if mount["name"] in volumes]:
            made["volumeMounts"] = [{key: mount[key] for key in _MOUNT if key in mount} for mount in mounts]
        else:
            made.pop("volumeMounts", None)
        return made

    def _check_variables(self, container: Mapping[str, Any]) -> None:
        texts = [*(container.get("command") or ()), *(container.get("args") or ())]
        texts += [each["value"] for each in container.get("env") or () if "value" in each]
        for text in texts:
            if _VARIABLE.search(str(text)):
                self._lose(f"what {text} refers to: it stays as it is written", "write the value out")

    def _env(self, env: list[Object]) -> Iterator[Object]:
        for variable in env:
            name, origin = variable["name"], variable.get("valueFrom") or {}
            if name == "K_SINK":
                self._lose("publishing events: it has no Broker", "publish to Pub/Sub or Eventarc instead")
            elif name in ("FAAS_NAMESPACE", "FAAS_DOMAIN"):
                continue  # by which a function finds others, in a cluster
            elif reference := origin.get("secretKeyRef"):
                yield {"name": name, "valueFrom": {"secretKeyRef": {
                    "name": secret_of(reference["name"], reference["key"]), "key": "latest"}}}  # fmt: skip
            elif origin:
                self._lose(f"variable {name} (from {', '.join(origin)})", "write its value out")
            else:
                yield {"name": name, "value": variable.get("value", "")}

    def _resources(self, resources: Mapping[str, Any]) -> Object:
        made: Object = {}
        for field in ("requests", "limits"):
            amounts = resources.get(field) or {}
            known = ("cpu", "memory", "nvidia.com/gpu") if field == "limits" else ("cpu", "memory")
            kept = {name: str(amount) for name, amount in amounts.items() if name in known}
            for name in amounts:
                if name not in known:
                    self._lose(f"resources.{field}.{name}")
            if kept:
                made[field] = kept
        return made

    def _volumes(self, volumes: list[Object]) -> Iterator[Object]:
        for volume in volumes:
            name = volume["name"]
            if "secret" in volume:
                yield from self._secret_volume(name, volume["secret"])
            elif "emptyDir" in volume:
                yield {"name": name, "emptyDir": volume["emptyDir"]}
            elif "configMap" in volume:
                self._lose(f"config {volume['configMap']['name']}", "give its values as env, or as a secret")
            else:
                kind = next((key for key in volume if key != "name"), "of no kind")
                self._lose(f"volume {name} ({kind})", "mount a Cloud Storage bucket instead (csi, gcsfuse)")

    def _secret_volume(self, name: str, secret: Mapping[str, Any]) -> Iterator[Object]:
        """There a secret is one value, and a folder has one of them."""
        own = secret["secretName"]
        items = secret.get("items") or [{"key": key, "path": key} for key in self._keys.get(own, ())]
        if len(items) == 1:
            key = items[0]["key"]
            kept = {"secretName": secret_of(own, key), "items": [{"key": "latest", "path": items[0].get("path", key)}]}
            yield {"name": name, "secret": kept}
        else:
            has = f"{len(items)} keys" if items else "keys that are not known"
            self._lose(f"secret {own} as a folder (it has {has}, there it has one)", "give its keys as secret_env")

    def _traffic(self) -> list[Object]:
        traffic = self._service["spec"].get("traffic") or []
        if any("revisionName" in each for each in traffic):
            self._lose("the split of its traffic", "its revisions are others there")
            return []
        return [{key: value for key, value in each.items() if key in ("latestRevision", "percent", "tag")}
                for each in traffic]  # fmt: skip


def secret_of(name: str, key: str) -> str:
    """What a key of a Secret is called in Secret Manager, where a secret is one value."""
    return f"{name}-{key}".replace(".", "-")


def _port(port: Mapping[str, Any]) -> Object:
    named = {"name": port["name"]} if port.get("name") in ("http1", "h2c") else {}
    return {**named, "containerPort": port["containerPort"]}
