"""What layers are called, from the history of either builder."""

from __future__ import annotations

from faas_builders.docker.image import layer_names
from faas_builders.oci.model import Config, History, RootFs

_DIFF_IDS = tuple(f"sha256:{number:064x}" for number in range(5))


def config(*history: str, layers: int) -> Config:
    entries = tuple(History(created_by=line, empty_layer=line.startswith("ENV")) for line in history)
    return Config(architecture="amd64", os="linux", rootfs=RootFs(diff_ids=_DIFF_IDS[:layers]), history=entries)


def test_layers_of_our_dockerfile_have_the_names_of_the_oci_builder() -> None:
    made = config(
        "Debian packages",
        "COPY /opt/faas/deps /opt/faas/deps # buildkit",
        "/bin/sh -c #(nop) COPY dir:e2fc1e in /opt/faas/runtime ",
        "ENV A=1",
        "COPY app /app # buildkit",
        layers=4,
    )

    assert layer_names(made, _DIFF_IDS[:1]) == ["base", "deps", "runtime", "app"]


def test_other_layers_are_called_by_their_instruction() -> None:
    made = config("base of somebody", "/bin/sh -c apt-get update", "", layers=3)

    assert layer_names(made, ()) == ["base of somebody", "apt-get update", "layer"]


def test_a_history_that_does_not_fit_the_layers_gives_every_layer_some_name() -> None:
    assert layer_names(config("one", layers=3), ()) == ["one", "layer", "layer"]
