"""What a project says it needs, and when that counts as changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from faas_builders.deps.requirements import Requirements, find_requirements
from faas_builders.errors import ProjectFileError


def found(root: Path, **files: str) -> Requirements:
    for name, text in files.items():
        (root / {"lock": "uv.lock", "txt": "requirements.txt", "toml": "pyproject.toml"}[name]).write_text(text)
    return find_requirements(root)


def test_a_lock_wins_over_requirements_and_those_over_pyproject(tmp_path: Path) -> None:
    assert found(tmp_path).kind == "none"
    assert found(tmp_path, toml='[project]\nname = "x"\ndependencies = ["six"]\n').kind == "pyproject.toml"
    assert found(tmp_path, txt="six\n").kind == "requirements.txt"
    assert found(tmp_path, lock="version = 1\n").kind == "uv.lock"


@pytest.mark.parametrize(
    "text",
    ["faas\n", "faas>=0.1\nfaas_runtime\n", "# nothing\n", "Faas-Builders==1 ; python_version > '3'\n"],
    ids=["bare", "two", "comment", "marker"],
)
def test_our_own_distributions_are_no_dependency(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, txt=text).kind == "none"


def test_an_extra_of_ours_is_remembered(tmp_path: Path) -> None:
    assert found(tmp_path, txt="faas[traces]>=0.1\n").extras == ("traces",)


def test_a_change_in_an_included_file_changes_the_key(tmp_path: Path) -> None:
    (tmp_path / "base.txt").write_text("six==1.16.0\n")
    before = found(tmp_path, txt="-r base.txt\nidna\n")
    (tmp_path / "base.txt").write_text("six==1.17.0\n")

    assert find_requirements(tmp_path).key != before.key


def test_an_edit_in_a_local_dependency_changes_the_key(tmp_path: Path) -> None:
    library = tmp_path / "lib"
    library.mkdir()
    (library / "lib.py").write_text("a = 1\n")
    before = found(tmp_path, txt="-e ./lib\n")
    (library / "lib.py").write_text("a = 2\n")

    assert before.kind == "requirements.txt"
    assert find_requirements(tmp_path).key != before.key


def test_a_change_beside_the_dependencies_keeps_the_key(tmp_path: Path) -> None:
    before = found(tmp_path, toml='[project]\nname = "x"\nversion = "1"\ndependencies = ["six"]\n')
    after = found(tmp_path, toml='[project]\nname = "x"\nversion = "2"\ndependencies = ["six"]\n')

    assert before.key == after.key


def test_a_pyproject_that_is_not_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProjectFileError, match=r"pyproject\.toml: this is not valid TOML"):
        found(tmp_path, toml="[project\n")


def test_an_include_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProjectFileError, match=r"missing\.txt"):
        found(tmp_path, txt="-r missing.txt\n")
