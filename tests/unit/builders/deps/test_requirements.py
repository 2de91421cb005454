"""What a project says it needs, and when that counts as changed."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from faas_builders.deps.python_version import allows, pinned_minor
from faas_builders.deps.requirements import Requirements, find_requirements
from faas_builders.deps.requirements_files import local_path, read_listing
from faas_builders.errors import ProjectFileError
from hypothesis import given
from hypothesis import strategies as st


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


@given(st.text(st.sampled_from("ab-.=<>#;@/ \\\n\t[]:${}'\"rce~!,é")))
def test_any_text_is_read_or_refused(text: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "requirements.txt"
        path.write_text(text, encoding="utf-8")
        try:
            lines = read_listing(path).lines
        except ProjectFileError:
            return
        assert all("\n" not in line and line == line.strip() for line in lines)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("./lib", "/p/lib", id="relative"),
        pytest.param("-e lib/prices", "/p/lib/prices", id="editable"),
        pytest.param("--editable=.", "/p", id="the project itself"),
        pytest.param("./lib[fast] ; python_version > '3'", "/p/lib", id="extras and marker"),
        pytest.param("/srv/lib", "/srv/lib", id="absolute"),
        pytest.param("prices @ file:///srv/lib#egg=prices", "/srv/lib", id="a file URL"),
        pytest.param("prices @ https://host/prices.whl", None, id="an address"),
        pytest.param("-e git+https://host/r.git", None, id="a repository"),
        pytest.param("prices>=1", None, id="a name"),
        pytest.param("prices @ git+ssh://git@host/r.git", None, id="a repository over ssh"),
    ],
)
def test_a_requirement_by_path_is_told_from_one_by_name(line: str, expected: str | None) -> None:
    assert local_path(line, Path("/p")) == (Path(expected) if expected else None)


@pytest.mark.parametrize(
    ("requires", "version", "expected"),
    [
        pytest.param("", "3.12", True, id="nothing said"),
        pytest.param(">=3.11", "3.12", True, id="the usual"),
        pytest.param(">=3.13", "3.12.4", False, id="newer"),
        pytest.param("==3.12.*", "3.12", True, id="a minor"),
        pytest.param(">=3.12.3", "3.12", True, id="some patch release of a minor"),
        pytest.param(">=3.12.3", "3.12.2", False, id="a patch release that is too old"),
        pytest.param("<3.12", "3.12", False, id="older"),
        pytest.param("no specifier", "3.12", True, id="nonsense, which uv names"),
    ],
)
def test_requires_python_takes_a_version_or_a_release_of_a_minor(requires: str, version: str, expected: bool) -> None:
    assert allows(requires, version) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("3.12\n", "3.12", id="minor"),
        pytest.param("# comment\n3.12.4\n3.11\n", "3.12", id="the first of several"),
        pytest.param("cpython@3.13\n", "3.13", id="with its implementation"),
        pytest.param("pypy3.10\n", "", id="another implementation"),
        pytest.param("", "", id="empty"),
    ],
)
def test_a_python_version_file_names_a_minor(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / ".python-version").write_text(text)

    assert pinned_minor(tmp_path) == expected
