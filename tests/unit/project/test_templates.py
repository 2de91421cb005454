"""Projects made by `faas new`: their own tests pass, and they deploy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from faas.cli import new
from faas.project.errors import ProjectError
from faas.project.manifests.labels import Belonging
from faas.project.manifests.service import make_service
from faas.project.pyproject.settings import load_settings
from faas.project.python.discover import describe
from faas.project.python.environment import choose_environment
from faas.project.scaffold import TEMPLATES, Template, make_project
from faas.project.services import make_services


@pytest.mark.parametrize("template", TEMPLATES)
def test_its_own_tests_pass_and_it_is_tidy(tmp_path: Path, template: Template) -> None:
    make_project(tmp_path / "shop", template)

    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    done = subprocess.run(tests, cwd=tmp_path / "shop", capture_output=True, text=True, check=False)
    style = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--no-cache",
        "--isolated",
        "--select",
        "E4,E7,E9,F,I,UP,B,SIM",
        ".",
    ]
    tidy = subprocess.run(style, cwd=tmp_path / "shop", capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert tidy.returncode == 0, tidy.stdout


@pytest.mark.parametrize(("template", "services"), [("http", ["hello"]), ("api", ["notes"])])
def test_it_declares_its_services(tmp_path: Path, template: Template, services: list[str]) -> None:
    make_project(tmp_path / "shop", template)
    settings = load_settings(tmp_path / "shop")
    found = describe(settings.root, choose_environment(settings, python=None, variables={}))

    made = make_services(found.functions, settings)

    assert [spec.name for spec in made] == services
    assert make_service(made[0], "x", Belonging(settings.name, "default"))["metadata"]["name"] == services[0]


def test_the_name_is_filled_in_and_hidden_files_get_their_names(tmp_path: Path) -> None:
    written = make_project(tmp_path / "my-shop", "http")

    assert [path.name for path in written] == ["README.md", ".gitignore", "main.py", "pyproject.toml", "test_main.py"]
    assert 'name = "my-shop"' in (tmp_path / "my-shop/pyproject.toml").read_text()
    assert load_settings(tmp_path / "my-shop").name == "my-shop"


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/main.py").write_text("mine")

    with pytest.raises(ProjectError, match="is there already and not empty"):
        make_project(tmp_path / "shop", "http")

    assert [path.name for path in (tmp_path / "shop").iterdir()] == ["main.py"]


def test_the_command_knows_every_template() -> None:
    assert new._TEMPLATES == TEMPLATES
