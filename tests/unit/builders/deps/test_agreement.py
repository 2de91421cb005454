"""Files that contradict each other: one error that names both, which one would be installed, and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from faas_builders.deps import find_requirements, resolve
from faas_builders.errors import DependencyError
from uv import find_uv_bin

from tests.made_distributions import PackageIndex, make_wheel
from tests.unit.builders.deps.conftest import ARM


def pins(project: Path) -> list[str]:
    found = resolve(find_requirements(project), ARM, lambda line: None)
    return [] if found is None else found.read_text().splitlines()


def contradiction(project: Path) -> tuple[str, str]:
    with pytest.raises(DependencyError) as caught:
        pins(project)
    return caught.value.message, caught.value.hint


def declare(project: Path, *dependencies: str, more: str = "") -> None:
    text = f'[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = {list(dependencies)}\n'
    (project / "pyproject.toml").write_text(text + more)


def lock(project: Path) -> None:
    command = [os.fspath(find_uv_bin()), "lock", "--quiet", "--python", sys.executable]
    subprocess.run(command, cwd=project, check=True, timeout=60)


@pytest.fixture
def published(index: PackageIndex) -> PackageIndex:
    for name in ("base", "more"):
        for version in ("1.0", "2.0"):
            make_wheel(index.folder, name, version)
    return index


def test_a_pin_that_pyproject_does_not_allow(project: Path) -> None:
    declare(project, "base>=2")
    (project / "requirements.txt").write_text("base==1.0\n")

    message, hint = contradiction(project)

    assert message == "requirements.txt pins base==1.0, and pyproject.toml asks for base>=2"
    assert hint == (
        "requirements.txt is what would be installed. "
        "Make it anew (uv pip compile pyproject.toml -o requirements.txt), or delete the one that is wrong"
    )


def test_a_dependency_that_requirements_txt_does_not_have(project: Path) -> None:
    declare(project, "base", "More", "other; sys_platform == 'win32'", "faas")
    (project / "requirements.txt").write_text("base==1.0\n")

    assert contradiction(project)[0] == "requirements.txt does not have more, which pyproject.toml asks for"


def test_a_pin_that_requirements_in_does_not_allow(project: Path) -> None:
    (project / "requirements.in").write_text("base~=2.0\n")
    (project / "requirements.txt").write_text("base==1.0\n")

    message, hint = contradiction(project)

    assert message == "requirements.txt pins base==1.0, and requirements.in asks for base~=2.0"
    assert "uv pip compile requirements.in -o requirements.txt" in hint


def test_versions_that_both_leave_open_have_to_fit_both(project: Path, published: PackageIndex) -> None:
    declare(project, "base<2")
    (project / "requirements.txt").write_text("base>=1\nmore\n")

    assert pins(project) == ["base==1.0", "more==2.0"]


def test_a_requirements_file_that_installs_the_project_has_what_it_declares(project: Path, index: PackageIndex) -> None:
    make_wheel(index.folder, "base", "1.0")
    system = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    declare(project, "base", more=system)
    (project / "backend.py").write_text("")
    (project / "requirements.txt").write_text(".\n")

    assert "base==1.0" in pins(project)


def test_a_lock_that_is_up_to_date_however_versions_are_written(project: Path, published: PackageIndex) -> None:
    more = '[project.optional-dependencies]\nextra = ["shop[other]"]\nother = ["more<2"]\n'
    groups = '[dependency-groups]\ndev = ["base", {include-group = "g"}]\ng = ["more>=1"]\n'
    declare(project, "Base >= 1.0,<  3", "more ; python_version < '3.20'", more=more + groups)
    lock(project)

    assert [line.split()[0] for line in pins(project) if "==" in line] == ["base==2.0", "more==1.0"]


@pytest.mark.parametrize(
    ("dependencies", "more", "what"),
    [
        pytest.param(
            ["base>=2"], "", "pyproject.toml asks for base>=2, and the lock was made for other versions", id="version"
        ),
        pytest.param(["base", "more"], "", "pyproject.toml asks for more, and the lock does not have it", id="new"),
        pytest.param([], "", "it has base, which pyproject.toml no longer asks for", id="gone"),
        pytest.param(
            ["base"],
            '[dependency-groups]\nworker = ["more"]\n',
            "pyproject.toml asks for more, and the lock does not have it",
            id="group",
        ),
    ],
)
def test_a_lock_that_is_out_of_date(
    project: Path, published: PackageIndex, dependencies: list[str], more: str, what: str
) -> None:
    declare(project, "base")
    lock(project)
    declare(project, *dependencies, more=more)

    message, hint = contradiction(project)

    assert message == f"uv.lock is out of date: {what}"
    assert hint == "uv.lock is what would be installed. Bring it up to date: uv lock"


def test_a_lock_is_right_also_where_its_index_has_another_address(
    project: Path, published: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(project, "base")
    lock(project)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple/")

    assert pins(project)[0].startswith("base==2.0")
