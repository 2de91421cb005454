"""What helps against what a kubelet, a scheduler or an API server says. Pure."""

from __future__ import annotations

import re

_MISSING_OBJECT = re.compile(r'(?P<kind>secret|configmap) "(?P<name>[^"]+)" not found', re.IGNORECASE)
_MISSING_KEY = re.compile(r"couldn't find key (?P<key>\S+) in (?P<kind>Secret|ConfigMap) [^/ ]+/(?P<name>\S+)")

_REGISTRY = "the image's registry"


def against_pull(message: str, image: str = "") -> str:
    """Args: image: "": nobody says which."""
    from faas_builders.errors import ImageNameError
    from faas_builders.registry.names import ImageName  # registries are for who has trouble with one

    said = message.lower()
    try:
        host = ImageName.parse(image).registry if image else _REGISTRY
    except ImageNameError:
        host = _REGISTRY
    if any(word in said for word in ("unauthorized", "denied", "forbidden", "authentication", "credentials")):
        return (
            f"The nodes need a login of {host}, in a Secret that image_pull_secrets names. Make it:  "
            "faas secret create pull --from-file .dockerconfigjson=$HOME/.docker/config.json\n"
            'and name it, of the stage or of a function:  image_pull_secrets = ["pull"]\n'
            "Is one named? Then it is not there, or has no login that is accepted: make it anew with --update"
        )
    if "no match for platform" in said or "exec format" in said:
        return "Make the image for the nodes' platforms:  [tool.faas.build] platforms = [...]"
    if "not found" in said or "manifest unknown" in said:
        return "It is not in that registry any more: deploy again, which pushes it"
    if "http response to https" in said:
        return f"{host} speaks plain HTTP: what runs the containers has to be told so"
    if any(word in said for word in ("no such host", "timeout", "connection refused", "dial tcp")):
        return f"Where the function is to run, {host} is not reached: is that name for another machine only?"
    return ""


def against_configuration(message: str) -> str:
    """Of a container that names something."""
    if found := _MISSING_KEY.search(message):
        return f"Put the key {found['key']} into the {found['kind'].lower()} {found['name']}"
    if missing := _against_missing(message):
        return missing
    if "runAsNonRoot" in message:
        return "The namespace wants containers that do not run as root: use a base image whose user is another"
    return ""


def against_start(message: str) -> str:
    """Of a container that does not run, or not for long."""
    if "exec format error" in message:
        return "The image is for another processor:  [tool.faas.build] platforms = [...]"
    return ""


def against_no_node(message: str) -> str:
    """Of a Pod that no node takes."""
    if "Insufficient" in message:
        return "Ask for less (cpu, memory), or add nodes"
    if "untolerated taint" in message:
        return "Say which taints it tolerates:  tolerations = [...]"
    if "node affinity" in message or "node selector" in message:
        return "No node has the labels that node_selector or affinity ask for:  kubectl get nodes --show-labels"
    if "persistentvolumeclaim" in message:
        return "Make the claim that its volumes name, or change the name"
    return ""


def against_event(reason: str, message: str) -> str:
    """Of what an Event tells."""
    if missing := _against_missing(message):
        return missing
    if "serviceaccount" in message.lower() and "not found" in message:
        return "Make the service account that service_account names"
    if "violates PodSecurity" in message:
        return "The namespace's Pod Security level refuses it:  kubectl describe namespace NAME"
    return against_no_node(message) if reason == "FailedScheduling" else ""


def _against_missing(message: str) -> str:
    found = _MISSING_OBJECT.search(message)
    if found is None:
        return ""
    table = "secrets" if found["kind"].lower() == "secret" else "config"
    return f"Make it, or declare it in [tool.faas.{table}.{found['name']}]"
