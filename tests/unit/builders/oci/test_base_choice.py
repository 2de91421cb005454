"""Which base and which Python an image gets when nobody says it all."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from faas_builders.builder import BuildRequest
from faas_builders.errors import BuildError
from faas_builders.oci.bases.choice import choose_base

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def pyproject(project: Path, requires: str) -> None:
    (project / "pyproject.toml").write_text(f'[project]\nname = "x"\nversion = "1"\nrequires-python = "{requires}"\n')


def test_without_a_word_it_is_the_slim_image_of_the_python_that_is_here(project: Path) -> None:
    choice = choose_base(BuildRequest(project, "shop"))

    assert choice.reference == f"docker.io/library/python:{HERE}-slim"
    assert (choice.python, choice.python_why) == (HERE, "this machine's Python")


def test_the_request_comes_first_then_the_pin_then_the_venv(project: Path) -> None:
    (project / ".venv").mkdir()
    (project / ".venv/pyvenv.cfg").write_text("home = /usr/bin\nversion_info = 3.13.1\n")
    from_venv = choose_base(BuildRequest(project, "shop"))
    (project / ".python-version").write_text("3.12.4\n")
    from_pin = choose_base(BuildRequest(project, "shop"))
    asked = choose_base(BuildRequest(project, "shop", python_version="3.14"))

    assert (from_venv.python, from_venv.python_why) == ("3.13", "the Python of the project's .venv")
    assert (from_pin.python, from_pin.python_why) == ("3.12", ".python-version says so")
    assert (asked.python, asked.reference) == ("3.14", "docker.io/library/python:3.14-slim")


@pytest.mark.parametrize(
    ("requires", "python"),
    [
        pytest.param(f">={HERE}", HERE, id="this machine's will do"),
        pytest.param(">=3.13", "3.14", id="a newer one is needed"),
        pytest.param("==3.12.*", "3.12", id="exactly one"),
        pytest.param(">=3.12.3,<3.13", "3.12", id="some patch release of it"),
    ],
)
def test_what_the_project_requires_is_respected(project: Path, requires: str, python: str) -> None:
    pyproject(project, requires)

    assert choose_base(BuildRequest(project, "shop")).python == python


def test_a_base_that_is_asked_for_brings_its_own_python(project: Path) -> None:
    choice = choose_base(BuildRequest(project, "shop", base="ghcr.io/acme/base:2"))

    assert (choice.reference, choice.why, choice.python) == ("ghcr.io/acme/base:2", "asked for", "")


@pytest.mark.parametrize(
    ("version", "said"),
    [
        pytest.param("3.9", "Python 3.9 is too old: functions need 3.11 or newer", id="old"),
        pytest.param("three", "'three' is no version of Python", id="no version"),
        pytest.param("3", "'3' is no version of Python", id="no minor"),
    ],
)
def test_a_version_that_will_not_do_is_refused(project: Path, version: str, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        choose_base(BuildRequest(project, "shop", python_version=version))


def test_a_project_that_takes_no_python_of_ours_is_told(project: Path) -> None:
    pyproject(project, "<3.11")

    with pytest.raises(BuildError, match=r"3\.11 to 3\.14.*requires-python is <3\.11"):
        choose_base(BuildRequest(project, "shop"))
