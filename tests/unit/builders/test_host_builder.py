"""Images with this machine's Python: reproducible, cheap when only code changed, and complete."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from faas_builders.builder import BuildRequest, BuildResult
from faas_builders.deps.runtime import OWN, runtime_layer
from faas_builders.errors import DependencyError, InterpreterError
from faas_builders.oci.host import HostBuilder
from faas_builders.oci.store import ImageStore

PYTHON = Path(sys.executable)

pytestmark = pytest.mark.usefixtures("cache")


def build(images: Path, project: Path) -> BuildResult:
    return HostBuilder(ImageStore(images)).build(BuildRequest(project, "shop", PYTHON))


def run_in(images: Path, result: BuildResult, code: str) -> str:
    """Run `code` as an instance would run: isolated, with nothing but the bundle's sys.path."""
    bundle = ImageStore(images).resolve(result.reference)
    boot = f"import sys; sys.path[:0] = {[str(path) for path in bundle.sys_path]!r}\n{code}"
    done = subprocess.run(
        [bundle.python, "-I", "-S", "-c", boot], cwd=bundle.workdir, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_same_project_gives_the_same_digest_in_another_store_at_another_time(tmp_path: Path, project: Path) -> None:
    first = build(tmp_path / "one", project)
    os.utime(project / "main.py", (1, 1))

    second = build(tmp_path / "two", project)

    assert first.digest == second.digest
    assert [layer.name for layer in first.layers] == ["runtime", "app"]


def test_a_change_of_code_rewrites_only_the_last_layer(tmp_path: Path, project: Path) -> None:
    first = build(tmp_path / "images", project)
    (project / "main.py").write_text("changed = True\n")

    second = build(tmp_path / "images", project)

    assert first.digest != second.digest
    assert [(layer.name, layer.reused) for layer in second.layers] == [("runtime", True), ("app", False)]
    assert first.layers[0].digest == second.layers[0].digest


def test_nothing_changed_writes_no_layer(tmp_path: Path, project: Path) -> None:
    build(tmp_path / "images", project)

    assert all(layer.reused for layer in build(tmp_path / "images", project).layers)


def test_the_epoch_of_the_sources_goes_into_the_image(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    result = build(tmp_path / "images", project)
    store = ImageStore(tmp_path / "images")
    manifest = json.loads(store.blob(result.digest).read_bytes())
    config = json.loads(store.blob(manifest["config"]["digest"]).read_bytes())

    assert config["created"] == "1970-01-02T00:00:00Z"
    assert config["rootfs"]["type"] == "layers"
    assert len(config["rootfs"]["diff_ids"]) == len(manifest["layers"]) == 2


def test_an_image_holds_the_runtime_and_the_app_but_nothing_of_the_toolkit(tmp_path: Path, project: Path) -> None:
    result = build(tmp_path / "images", project)

    found = run_in(
        tmp_path / "images",
        result,
        "import importlib.util as u, faas, faas_runtime, main, msgspec, flask\n"
        "print(faas_runtime.__file__.count('.own'), main.__file__.endswith('/app/main.py'),"
        " u.find_spec('faas.cli'), u.find_spec('click') is not None, u.find_spec('rich'), u.find_spec('pytest'))",
    )

    assert found == "1 True None True None None"  # click comes with flask


def test_dependencies_are_installed_and_ours_are_taken_out(tmp_path: Path, project: Path) -> None:
    (project / "requirements.txt").write_text("faas>=0.1\nsix==1.16.0\n")

    result = build(tmp_path / "images", project)

    assert [layer.name for layer in result.layers] == ["deps", "runtime", "app"]
    assert run_in(tmp_path / "images", result, "import six; print(six.__version__)") == "1.16.0"


def test_dependencies_hold_no_trace_of_when_and_where_they_were_installed(
    tmp_path: Path, project: Path, cache: Path
) -> None:
    (project / "requirements.txt").write_text("six==1.16.0\n")
    first = build(tmp_path / "one", project)
    for kind in ("deps-sources", "layers"):
        shutil.rmtree(cache / kind)

    second = build(tmp_path / "two", project)

    assert first.digest == second.digest
    bundle = ImageStore(tmp_path / "two").resolve(second.reference)
    deps = next(path for path in bundle.sys_path if path.name == "deps")
    info = sorted(path.name for path in (deps / "six-1.16.0.dist-info").iterdir())
    assert not {"direct_url.json", "REQUESTED", "uv_cache.json"} & set(info)
    assert (deps / "six-1.16.0.dist-info/INSTALLER").read_text() == "faas\n"
    assert "__pycache__" not in (deps / "six-1.16.0.dist-info/RECORD").read_text()


def test_versions_that_do_not_exist_are_uvs_error_and_leave_nothing_behind(tmp_path: Path, project: Path) -> None:
    (project / "requirements.txt").write_text("six==99.0\n")

    with pytest.raises(DependencyError) as error:
        build(tmp_path / "images", project)

    assert "six==99.0" in error.value.output
    assert not (tmp_path / "images").exists()


def test_a_python_that_is_not_there_is_named(tmp_path: Path, project: Path) -> None:
    request = BuildRequest(project, "shop", tmp_path / "no-python")

    with pytest.raises(InterpreterError, match=r"no-python cannot be used .* it does not exist"):
        HostBuilder(ImageStore(tmp_path / "images")).build(request)


def test_a_src_layout_puts_src_on_the_path(tmp_path: Path, project: Path) -> None:
    (project / "src/shop").mkdir(parents=True)
    (project / "src/shop/__init__.py").write_text("where = 'src'\n")

    result = build(tmp_path / "images", project)

    assert run_in(tmp_path / "images", result, "import shop; print(shop.where)") == "src"


def test_the_runtime_layer_is_one_folder_with_everything_and_a_view_of_ours_alone() -> None:
    layer = runtime_layer(PYTHON)

    assert sorted(path.name for path in (layer / OWN).iterdir()) == ["faas", "faas_runtime"]
    assert (layer / "msgspec").is_dir()
    assert not (layer / "faas/cli").exists()
    assert runtime_layer(PYTHON) == layer


def test_documents_are_written_the_same_each_time() -> None:
    from faas_builders.oci import model

    labels = {"b": "1", "a": "2"}
    config = model.ContainerConfig(labels=labels)

    assert model.encode(config) == model.encode(msgspec.structs.replace(config, labels={"a": "2", "b": "1"}))
