"""Our buildpack, executed as a lifecycle would: detect, build, what it restores, launch."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from faas_builders.builder import BuildRequest
from faas_builders.cnb.package import packaged
from faas_builders.errors import BuildError, StepFailed
from faas_builders.oci.store import ImageStore
from faas_builders.pack.builder import PackBuilder
from faas_builders.pack.command import PackOptions
from faas_builders.target import Platform

from tests.integration.builders.cnb.conftest import MINOR
from tests.integration.builders.cnb.lifecycle import Lifecycle
from tests.programs import free_port, running_program

HELLO = "from faas import function\n\n\n@function\ndef hello() -> str:\n    return 'hi'\n"
TWO = HELLO + "\n\n@function\ndef bye() -> str:\n    return 'bye'\n"


def write(lifecycle: Lifecycle, **files: str) -> None:
    for name, content in files.items():
        path = lifecycle.app / name.replace("__", "/").replace("_py", ".py").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


@contextlib.contextmanager
def launched(lifecycle: Lifecycle, process: str = "web", **given: str) -> Iterator[httpx.Client]:
    """The process as the launcher would start it."""
    port = free_port()
    (found,) = [one for one in lifecycle.launch["processes"] if one["type"] == process]
    env = lifecycle.launch_env(process, {"PORT": str(port), "FAAS_HOST": "127.0.0.1", **given})
    variables = [f"{name}={value}" for name, value in env.items()]
    command = ["/usr/bin/env", "-i", "-C", str(lifecycle.app), *variables, *found["command"]]
    with (
        running_program(command, port, lifecycle.work),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield client


def build(lifecycle: Lifecycle) -> str:
    done = lifecycle.build()
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("main_py", "from faas import function\n", id="from"),
        pytest.param("src__shop__orders_py", "    import faas, os\n", id="import-in-a-folder"),
        pytest.param("main_py", "from faas.testing import Client\n", id="a-part-of-it"),
        pytest.param("pyproject.toml", "[project]\nname='a'\n[tool.faas.build]\nbase='b'\n", id="settings"),
    ],
)
def test_a_project_with_functions_is_ours(lifecycle: Lifecycle, name: str, content: str) -> None:
    write(lifecycle, **{name: content})

    assert lifecycle.detect().exit_code == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("main_py", "import flask\n", id="another-framework"),
        pytest.param("main_py", "# from faas import function\nimport faasd\n", id="only-alike"),
        pytest.param("venv__lib__a_py", "import faas\n", id="in-a-virtual-environment"),
        pytest.param("pyproject.toml", "[tool.faasx]\n", id="settings-of-somebody-else"),
        pytest.param("index.html", "from faas import function", id="no-python"),
    ],
)
def test_any_other_project_is_left_to_others_with_exit_code_100(lifecycle: Lifecycle, name: str, content: str) -> None:
    write(lifecycle, **{name: content})

    detected = lifecycle.detect()

    assert (detected.exit_code, detected.plan) == (100, {})
    assert "no module of this project imports faas" in detected.output


def test_a_python_that_another_buildpack_provides_is_preferred(lifecycle: Lifecycle) -> None:
    write(lifecycle, main_py=HELLO)
    detected = lifecycle.detect()

    def required(*provided: str) -> list[str]:
        plan = detected.chosen(provided)
        assert plan is not None
        return [entry["name"] for entry in plan["requires"]]

    assert required("cpython") == ["faas-function", "cpython"]
    assert required("python") == ["faas-function", "python"]
    assert required() == ["faas-function"]
    assert detected.plan["requires"][1]["metadata"] == {"build": True, "launch": True}


def test_without_a_python_in_the_image_some_buildpack_has_to_provide_one(lifecycle: Lifecycle) -> None:
    write(lifecycle, main_py=HELLO)
    lifecycle.path = _without_python(lifecycle)

    detected = lifecycle.detect()

    assert detected.exit_code == 0
    assert detected.chosen() is None
    assert detected.chosen(["cpython"]) is not None
    done = lifecycle.build()
    assert done.returncode == 1
    assert "functions need Python 3.11 or newer, and this build has none" in done.stderr


def test_what_is_built_launches_and_answers(lifecycle: Lifecycle) -> None:
    write(lifecycle, main_py="import iniconfig\n" + HELLO, requirements_txt="faas\niniconfig\n")

    said = build(lifecycle)

    assert "dependencies of requirements.txt: installed" in said
    assert lifecycle.launch["processes"] == [
        {"type": "web", "command": [f"python{MINOR}", "-P", "-m", "faas_runtime"], "default": True}
    ]
    assert lifecycle.launch["labels"] == [{"key": "faas.dev/services", "value": "hello"}]
    assert lifecycle.layer("deps")["types"] == {"launch": True, "build": False, "cache": True}
    assert lifecycle.layer("cache")["types"] == {"launch": False, "build": False, "cache": True}
    assert lifecycle.launch_env("web", {})["FAAS_HOST"] == "0.0.0.0"
    with launched(lifecycle) as client:
        assert client.get("/").text == "hi"


def test_a_second_build_reuses_what_the_lifecycle_restores(lifecycle: Lifecycle) -> None:
    write(lifecycle, main_py=HELLO, requirements_txt="iniconfig\n")
    build(lifecycle)
    before = _contents(lifecycle.layers / "deps")
    write(lifecycle, main_py=HELLO.replace("'hi'", "'ho'"))

    said = build(lifecycle)

    assert "runtime: reused" in said
    assert "dependencies of requirements.txt: reused" in said
    assert _contents(lifecycle.layers / "deps") == before
    with launched(lifecycle) as client:
        assert client.get("/").text == "ho"


def test_other_dependencies_are_installed_and_none_leave_no_layer(lifecycle: Lifecycle) -> None:
    write(lifecycle, main_py=HELLO, requirements_txt="iniconfig\n")
    build(lifecycle)
    write(lifecycle, requirements_txt="iniconfig\npluggy\n")

    assert "dependencies of requirements.txt: installed" in build(lifecycle)
    assert (lifecycle.layers / "deps/pluggy").is_dir()
    (lifecycle.app / "requirements.txt").unlink()
    assert "dependencies: none" in build(lifecycle)
    assert not (lifecycle.layers / "deps").exists()
    assert "deps" not in lifecycle.launch_env("web", {})["PYTHONPATH"]


def test_each_layer_has_a_bill_of_materials(lifecycle: Lifecycle) -> None:
    write(lifecycle, main_py=HELLO, requirements_txt="iniconfig==2.0.0\n")

    build(lifecycle)

    deps = json.loads((lifecycle.layers / "deps.sbom.cdx.json").read_text())
    runtime = json.loads((lifecycle.layers / "runtime.sbom.cdx.json").read_text())
    assert (deps["bomFormat"], deps["specVersion"]) == ("CycloneDX", "1.6")
    assert [one["purl"] for one in deps["components"]] == ["pkg:pypi/iniconfig@2.0.0"]
    assert "gunicorn" in [one["name"] for one in runtime["components"]]


def test_several_services_are_a_process_each(lifecycle: Lifecycle) -> None:
    write(lifecycle, main_py=TWO)

    said = build(lifecycle)

    assert [process["type"] for process in lifecycle.launch["processes"]] == ["web", "hello", "bye"]
    assert "several services" in said
    with launched(lifecycle, "bye") as client:
        assert client.get("/").text == "bye"
    with launched(lifecycle, "web", FAAS_FUNCTION="main:hello") as client:
        assert client.get("/").text == "hi"


def test_the_user_chooses_the_function_and_variables_of_the_image(lifecycle: Lifecycle) -> None:
    write(lifecycle, main_py=TWO)
    lifecycle.env = {"BP_FAAS_FUNCTION": "main:bye", "BPE_COLOUR": "blue"}

    build(lifecycle)

    env = lifecycle.launch_env("web", {"COLOUR": "red", "PYTHONPATH": "/before"})
    assert env["COLOUR"] == "blue"
    assert env["PYTHONPATH"].endswith(f"{lifecycle.layers}/runtime:/before")
    with launched(lifecycle) as client:
        assert client.get("/").text == "bye"


def test_what_is_in_no_image_is_taken_out_of_the_app(lifecycle: Lifecycle) -> None:
    write(lifecycle, main_py=HELLO, notes__a_txt="", dist__app_txt="")
    (lifecycle.app / ".env").write_text("PASSWORD=1")
    (lifecycle.app / ".git").mkdir()
    (lifecycle.app / ".git/config").write_text("")
    (lifecycle.app / ".faasignore").write_text("notes/\n")
    (lifecycle.app / ".gitignore").write_text("dist/\n")

    build(lifecycle)

    assert sorted(_contents(lifecycle.app)) == ["dist/app.txt", "main.py"]
    assert sorted(path.name for path in lifecycle.app.iterdir()) == ["dist", "main.py"]


def test_a_project_that_does_not_import_fails_with_the_users_own_traceback(lifecycle: Lifecycle) -> None:
    write(lifecycle, main_py="import faas\nimport no_such_module\n")

    done = lifecycle.build()

    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'no_such_module'" in done.stderr
    assert "main.py" in done.stderr
    assert "faas_builders" not in done.stderr


def test_a_package_that_does_not_exist_is_one_clear_error(lifecycle: Lifecycle) -> None:
    write(lifecycle, main_py=HELLO, requirements_txt="no-such-package-of-faas-anywhere\n")

    done = lifecycle.build()

    assert done.returncode == 1
    assert "no-such-package-of-faas-anywhere" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (lifecycle.layers / "deps.toml").exists()


def test_an_index_of_a_binding_is_asked_and_its_secret_is_in_no_layer(lifecycle: Lifecycle) -> None:
    write(lifecycle, main_py=HELLO, requirements_txt="iniconfig\n")
    binding = lifecycle.platform / "bindings" / "index"
    binding.mkdir(parents=True)
    (binding / "type").write_text("pypi")
    (binding / "index-url").write_text(f"http://me:hunter2@127.0.0.1:{free_port()}/simple")
    lifecycle.env = {"UV_HTTP_RETRIES": "0"}

    done = lifecycle.build()

    assert done.returncode == 1  # nobody listens there
    assert "binding index: index-url" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr
    assert not [path for path in _contents(lifecycle.layers).values() if b"hunter2" in path]


def test_only_ours_is_in_the_plan_that_is_met(lifecycle: Lifecycle) -> None:
    write(lifecycle, main_py=HELLO)

    build(lifecycle)

    assert not (lifecycle.layers / "build.toml").exists()


def test_the_package_names_its_platform_and_python(buildpack: Path) -> None:
    platform = Platform.of_this_machine()
    descriptor = tomllib.loads((buildpack / "buildpack.toml").read_text())

    assert descriptor["api"] == "0.10"
    assert descriptor["targets"] == [{"os": "linux", "arch": platform.architecture}]
    assert (buildpack / "lib/made-for").read_text().strip().endswith(f"Python {MINOR}")
    assert not [path for path in buildpack.rglob("*") if path.is_symlink() and not path.exists()]


def test_a_folder_that_is_no_buildpack_is_not_replaced(tmp_path: Path) -> None:
    from faas_builders.cnb.package import package

    (tmp_path / "letters").write_text("dear")

    with pytest.raises(BuildError, match="is not empty, and no buildpack"):
        package(tmp_path, Platform.of_this_machine(), (MINOR,), lambda line: None)
    assert (tmp_path / "letters").read_text() == "dear"


def test_the_pack_builder_packages_it_once_and_hands_it_over(
    buildpack: Path, tmp_path: Path, docker: object, shared_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared_cache))
    monkeypatch.setattr("faas_builders.cnb.package.MINORS", (MINOR,))
    (tmp_path / "app").mkdir()
    (tmp_path / "pack").write_text('#!/bin/sh\necho "$@"\nexit 1\n')
    (tmp_path / "pack").chmod(0o755)
    monkeypatch.setenv("PACK", str(tmp_path / "pack"))
    builder = PackBuilder(ImageStore(tmp_path / "images"), PackOptions("some/builder", ("faas",)))

    with pytest.raises(StepFailed) as stopped:
        builder.build(BuildRequest(tmp_path / "app", "shop"))

    made = packaged(Platform.of_this_machine(), lambda line: pytest.fail(f"made again: {line}"))
    assert f"--buildpack {made}" in stopped.value.output
    assert (made / "bin/detect").stat().st_mode & 0o111


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _without_python(lifecycle: Lifecycle) -> str:
    """A PATH with what `bin/detect` and `bin/build` run, and no Python."""
    folder = lifecycle.work / "bare"
    folder.mkdir()
    for name in ("sh", "env", "dirname", "grep", "find", "cat", "uname"):
        found = subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, text=True, check=True)
        (folder / name).symlink_to(found.stdout.strip())
    return str(folder)
