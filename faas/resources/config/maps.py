"""The config maps that the engine makes at its first start, with every setting documented under `_example`."""

from __future__ import annotations

import re
import textwrap
import zlib
from typing import Any

from faas.resources.config.registry import PARSERS, config_namespace
from faas.resources.config.settings import example

EXAMPLE_KEY = "_example"
EXAMPLE_CHECKSUM = "knative.dev/example-checksum"  # annotation that Knative's own config maps have, too

_LINE_ENDS = re.compile(r"(?:\r?\n)+")
_INTRODUCTION = """\
Nothing in this block has an effect. It documents every setting with its default.
To change one, copy its line to the same level as _example, below `data`, and change it there."""


def example_checksum(text: str) -> str:
    """Tells whether somebody has edited the example, where it has no effect.

    Source: knative/pkg configmap/example.go, so that Knative's own config maps pass: a run of line ends counts as the
    two characters backslash and n.
    """
    normal = r"\n".join(_LINE_ENDS.split(text.strip()))
    return f"{zlib.crc32(normal.encode()):08x}"


def _make_config_map(name: str, settings: type[Any]) -> dict[str, Any]:
    text = f"{textwrap.indent(_INTRODUCTION, '# ')}\n\n{example(settings)}\n"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": (namespace := config_namespace(name)),
            "annotations": {EXAMPLE_CHECKSUM: example_checksum(text)},
            "labels": {"app.kubernetes.io/name": namespace, "app.kubernetes.io/managed-by": "faas"},
        },
        "data": {EXAMPLE_KEY: text},
    }


DEFAULT_CONFIG_MAPS: tuple[dict[str, Any], ...] = tuple(
    _make_config_map(name, settings) for name, (_, settings, _) in PARSERS.items()
)
