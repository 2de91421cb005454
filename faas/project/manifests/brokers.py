"""Brokers as they are applied: those that a project describes, and those that it only names. Pure."""

from __future__ import annotations

from faas.project.manifests.labels import Belonging, Object
from faas.project.pyproject.brokers import BrokerSettings
from faas.resources import keys


def make_broker(name: str, said: BrokerSettings | None, delivery: Object, belonging: Belonging) -> Object:
    """The Broker of that name.

    One that is only named has no wishes, and is nobody's: it is made where it is missing, and stays when the project
    goes. Args: delivery: in Knative's words.
    """
    metadata: Object = {"name": name, "namespace": belonging.namespace}
    found: Object = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "metadata": metadata}
    if said is None:
        return found
    metadata["labels"] = belonging.labels()
    annotations = {**({keys.BROKER_CLASS: said.broker_class} if said.broker_class else {}), **said.annotations}
    if annotations:
        metadata["annotations"] = dict(sorted(annotations.items()))
    spec = {**({"config": dict(said.config)} if said.config else {}), **({"delivery": delivery} if delivery else {})}
    return {**found, "spec": spec} if spec else found
