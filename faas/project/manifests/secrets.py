"""Secrets and ConfigMaps as they are applied, from values that were read. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from faas.project.manifests.labels import Belonging, Object
from faas.project.secret_values import SecretData, Values

_TYPES = {
    frozenset({".dockerconfigjson"}): "kubernetes.io/dockerconfigjson",  # the only one that pulls images
    frozenset({"tls.crt", "tls.key"}): "kubernetes.io/tls",
}


def make_secret(name: str, values: Values, belonging: Belonging) -> Object:
    """The Secret as it is sent: the only object that holds values, and it does not show them."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": belonging.metadata(name),
        "type": type_of(values),
        "data": data_of(values),
    }


def data_of(values: Values) -> SecretData:
    return SecretData((key, base64.b64encode(value.reveal()).decode()) for key, value in sorted(values.items()))


def type_of(values: Values) -> str:
    """By its keys: Kubernetes pulls images, and serves TLS, with Secrets of these types only."""
    return _TYPES.get(frozenset(values), "Opaque")


def make_config_map(name: str, values: Mapping[str, bytes], belonging: Belonging) -> Object:
    """What is text stays readable."""
    made: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": belonging.metadata(name)}
    texts: dict[str, str] = {}
    binary: dict[str, str] = {}
    for key, value in sorted(values.items()):
        try:
            texts[key] = value.decode()
        except UnicodeDecodeError:
            binary[key] = base64.b64encode(value).decode()
    return {**made, **({"data": texts} if texts else {}), **({"binaryData": binary} if binary else {})}
