"""Which images are for processes: the commands and the engine ask the same question."""

from __future__ import annotations

from pathlib import Path

import pytest
from faas_builders.oci import model
from faas_builders.oci.model import Config, ContainerConfig, RootFs
from faas_builders.oci.processes import runs_as_process
from faas_builders.oci.references import Reference
from faas_builders.oci.store import ImageStore
from faas_builders.target import Platform

from faas.cli.image_store import how_it_runs
from tests.images import put_layer

DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    store = ImageStore(tmp_path / "images")
    for name, labels in (("hosted", {model.BASE: "host"}), ("based", {model.BASE: "debian"}), ("plain", {})):
        layer, diff_id = put_layer(store, {"app/main.py": b""})
        config = Config(
            architecture=Platform.of_this_machine().architecture,
            os="linux",
            config=ContainerConfig(labels=labels),
            rootfs=RootFs(diff_ids=(diff_id,)),
        )
        store.put_image(Reference("faas.local", name, tag="latest"), config, (layer,))
    return store


@pytest.mark.parametrize(
    ("reference", "runs_as"),
    [
        pytest.param(f"dev.local/hello@{DIGEST}", "process", id="a project folder"),
        pytest.param("dev.local/hello:latest", "container", id="an image that somebody put under the folders' name"),
        pytest.param("faas.local/hosted:latest", "process", id="built for this machine's Python"),
        pytest.param("faas.local/based:latest", "container", id="built on a base of its own"),
        pytest.param("faas.local/plain:latest", "container", id="nobody knows by whom"),
        pytest.param("registry.example/team/x:1", "container", id="of a registry"),
        pytest.param(f"faas.local/gone@{DIGEST}", "", id="not there"),
    ],
)
def test_commands_say_what_the_engine_does(store: ImageStore, reference: str, runs_as: str) -> None:
    told = {True: "process", False: "container", None: ""}
    assert how_it_runs(store, reference) == runs_as == told[runs_as_process(store, reference)]
