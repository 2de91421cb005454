"""The image of our own programs: what is in it is enough for each of them, and nothing more is in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from faas_builders.oci.layers.extracting import extract_layer
from faas_builders.oci.model import Config
from faas_builders.oci.programs_image import PYTHON, ProgramsRequest
from faas_builders.oci.store import ImageStore
from faas_builders.registry.names import ImageName
from faas_builders.target import Platform

from faas.deploy.images.programs import make_sources_image, push_once
from tests import made_bases
from tests.containers_world import RunningRegistry

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"


def store_with_base(folder: Path, architectures: tuple[str, ...] = ("amd64",)) -> tuple[ImageStore, str]:
    store = ImageStore(folder)
    layers = {
        f"linux/{name}": [made_bases.layer(made_bases.python_files(MINOR, architecture=name))] for name in architectures
    }
    return store, made_bases.put_base(store, "base", tuple(layers), layers)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Config]:
    """The two layers of ours as folders, and the image's configuration."""
    folder = tmp_path_factory.mktemp("programs")
    store, base = store_with_base(folder / "images")
    made = make_sources_image(store, ProgramsRequest(base=base, python_version=MINOR))
    (image,) = store.images(made.reference)
    (folder / "root").mkdir()
    for layer in image.manifest.layers[1:]:
        extract_layer(store.blob(layer.digest), folder / "root")
    return folder / "root" / "opt" / "faas", image.config


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """With nothing but the standard library and the image's two folders to import from."""
    env = {"PYTHONPATH": f"{root}/programs:{root}/libraries", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-S", "-P", *command], env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_every_adapter_imports_with_what_is_in_the_image(unpacked: tuple[Path, Config]) -> None:
    code = (
        "import json, sys; from faas.sources import adapters; "
        "found = [adapters.find(name).__name__ for name in adapters.names()]; "
        "print(json.dumps([found, sorted({m.split('.')[1] for m in sys.modules if m.startswith('faas.')})]))"
    )

    done = run(unpacked[0], "-c", code)

    assert done.returncode == 0, done.stderr
    found, packages = json.loads(done.stdout)
    assert [name.rpartition(".")[2] for name in found] == [
        "bucket", "files", "github", "kafka", "mqtt", "rabbitmq", "redis", "webhook",
    ]  # fmt: skip
    assert packages == ["sources"]


def test_a_bucket_is_spoken_to_without_the_descriptions_of_other_services(unpacked: tuple[Path, Config]) -> None:
    code = (
        "from botocore.session import Session; s = Session(); "
        "c = s.create_client('s3', region_name='eu-west-1', aws_access_key_id='a', aws_secret_access_key='b'); "
        "print(c.generate_presigned_url('get_object', Params={'Bucket': 'b', 'Key': 'k'}).partition('?')[0])"
    )

    done = run(unpacked[0], "-c", code)

    assert done.stdout == "https://s3.amazonaws.com/b/k\n", done.stderr
    assert len(list((unpacked[0] / "libraries/botocore/data").iterdir())) < 20


def test_it_is_started_as_an_adapter_by_nobody_in_particular(unpacked: tuple[Path, Config]) -> None:
    config = unpacked[1].config

    assert config.entrypoint == (f"/usr/local/bin/python{MINOR}", "-P", "-m", "faas.sources")
    assert config.user == "65532:65532"
    assert "PYTHONPATH=/opt/faas/programs:/opt/faas/libraries" in config.env


def test_another_program_finds_its_python_under_one_name(unpacked: tuple[Path, Config]) -> None:
    assert PYTHON == "/opt/faas/bin/python"
    assert (unpacked[0] / "bin/python").readlink() == Path(f"../../../usr/local/bin/python{MINOR}")


def test_it_holds_nothing_of_the_engine_the_builders_or_the_commands(unpacked: tuple[Path, Config]) -> None:
    programs = unpacked[0] / "programs"

    assert sorted(path.name for path in programs.iterdir()) == ["faas", "faas_runtime"]
    folders = {path.name for path in (programs / "faas").iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} == {"inbox", "sources"}
    assert not (programs / "faas_runtime" / "serving").exists()


def test_the_same_toolkit_gives_the_same_digest_and_makes_no_layer_twice(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        store, base = store_with_base(tmp_path / name)
        digests.append(make_sources_image(store, ProgramsRequest(base=base, python_version=MINOR)).digest)

    again = make_sources_image(store, ProgramsRequest(base=base, python_version=MINOR))

    assert digests[0] == digests[1] == again.digest
    assert [(layer.name, layer.reused) for layer in again.layers] == [
        ("base", True), ("libraries", True), ("programs", True),
    ]  # fmt: skip


def test_it_is_made_for_several_platforms_at_once(tmp_path: Path) -> None:
    store, base = store_with_base(tmp_path, ("amd64", "arm64"))
    platforms = (Platform.parse("linux/amd64"), Platform.parse("linux/arm64"))

    made = make_sources_image(store, ProgramsRequest(base=base, python_version=MINOR, platforms=platforms))

    assert [str(image.platform) for image in made.images] == ["linux/amd64", "linux/arm64"]


def test_what_a_registry_has_is_not_pushed_again(tmp_path: Path, registry: RunningRegistry) -> None:
    store, base = store_with_base(tmp_path)
    made = make_sources_image(store, ProgramsRequest(base=base, python_version=MINOR))
    name = ImageName.parse(f"{registry.host}/team/faas-sources:latest")
    said: list[str] = []

    first = push_once(store, made, name)
    second = push_once(store, made, name, report=lambda step, line: said.append(line))

    assert first == second == f"{registry.host}/team/faas-sources@{made.digest}"
    assert registry.tags("team/faas-sources") == ["latest"]
    assert said == [f"{name} is there"]
