"""The three wheels, built and installed as users get them: slim for images, full for the toolkit."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

ROOT = Path(__file__).parents[2]

# What the slim wheel may bring into an image: all that faas-runtime needs, directly or not.
ALLOWED = {
    "blinker", "click", "cloudevents", "deprecation", "faas-runtime", "flask", "gunicorn", "gunicorn-h1c",
    "itsdangerous", "jinja2", "markupsafe", "msgspec", "packaging", "python-dateutil", "six", "tzdata", "uvloop",
    "werkzeug",
}  # fmt: skip

# What `from faas import function` may load, beside the standard library; the rest is loaded when it is used.
LOADED = {"faas", "faas_runtime", "msgspec"}


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("wheels")
    for folder in (ROOT, ROOT / "runtime", ROOT / "builders"):
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    return {path.name.partition("-")[0]: path for path in out.glob("*.whl")}


def environment(path: Path, *wheels: Path) -> Path:
    run(find_uv_bin(), "venv", "-q", "--python", sys.executable, path)
    run(find_uv_bin(), "pip", "install", "-q", "--python", path / "bin/python", *wheels)
    return path / "bin" / "python"


@pytest.fixture(scope="module")
def slim(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("slim") / "venv", wheels["faas_runtime"])


@pytest.fixture(scope="module")
def full(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("full") / "venv", *wheels.values())


def test_every_file_has_one_owner(wheels: dict[str, Path]) -> None:
    owners: dict[str, list[str]] = {}
    for name, wheel in wheels.items():
        for path in zipfile.ZipFile(wheel).namelist():
            owners.setdefault(path, []).append(name)

    assert sorted(wheels) == ["faas", "faas_builders", "faas_runtime"]
    assert {path: names for path, names in owners.items() if len(names) > 1} == {}
    assert {path: names for path, names in owners.items() if path in ("faas/__init__.py", "faas/testing.py")} == {
        "faas/__init__.py": ["faas_runtime"],
        "faas/testing.py": ["faas_runtime"],
    }


def test_the_toolkits_wheel_holds_the_templates_and_nothing_of_tests(wheels: dict[str, Path]) -> None:
    names = zipfile.ZipFile(wheels["faas"]).namelist()

    assert "faas/project/templates/http/gitignore" in names
    assert not [name for name in names if name.startswith(("tests/", "bench/")) or name.endswith(".pyc")]


def test_the_slim_wheel_alone_is_enough_for_handlers_and_their_tests(slim: Path) -> None:
    code = (
        "from faas import function, Event, Context, HTTPError\n"
        "from faas.testing import Client\n"
        "@function\ndef hello(name: str = 'World') -> str: return name\n"
        "with Client(hello) as client: print(client.get('/?name=Ada').text)"
    )
    assert run(slim, "-I", "-c", code).strip() == "Ada"


def test_the_slim_wheel_brings_only_what_is_on_the_list(slim: Path) -> None:
    listed = run(find_uv_bin(), "pip", "list", "-q", "--python", slim, "--format", "freeze")

    installed = {line.partition("==")[0].partition(" @")[0].lower() for line in listed.splitlines() if line}

    assert installed - ALLOWED == set()


def test_importing_the_sdk_loads_only_what_is_on_the_list(slim: Path) -> None:
    code = (
        "import sys; before = set(sys.modules); from faas import function\n"
        "print(*sorted({n.partition('.')[0] for n in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    assert set(run(slim, "-I", "-c", code).split()) - LOADED == set()


def test_the_slim_wheel_has_nothing_of_the_toolkit(slim: Path) -> None:
    code = "import importlib.util as u; print(u.find_spec('faas.cli'), u.find_spec('faas_builders'))"

    assert run(slim, "-I", "-c", code).split() == ["None", "None"]


def test_the_full_install_has_the_command_and_makes_images(full: Path, tmp_path: Path) -> None:
    faas = full.parent / "faas"
    assert run(faas, "--version").startswith("faas ")
    assert "deploy" in run(faas, "--help")

    run(faas, "new", tmp_path / "hello")
    manifest = run(faas, "deploy", tmp_path / "hello", "--dry-run", "-o", "yaml", "--state", tmp_path / "state")

    assert "FAAS_FUNCTION" in manifest
    assert "image: faas.local/hello@sha256:" in manifest


def test_an_image_of_a_full_install_holds_the_sdk_from_site_packages_alone(full: Path) -> None:
    code = (
        "import sys; from faas_builders import runtime_layer; layer = runtime_layer(sys.executable)\n"
        "print(sorted(path.name for path in (layer / 'faas').iterdir() if path.suffix), (layer / 'flask').is_dir())"
    )
    assert run(full, "-I", "-c", code).strip() == "['__init__.py', 'py.typed', 'testing.py'] True"
