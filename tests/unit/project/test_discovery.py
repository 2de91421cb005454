"""A project's settings, its Python, and its functions asked of a subprocess."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from faas_builders.oci.store import ImageStore

from faas.project.errors import DiscoveryError, NotAProject, PythonNotFound, SettingsError
from faas.project.pyproject.settings import Settings, load_settings
from faas.project.python.devimage import dev_bundle
from faas.project.python.discover import Describer, describe
from faas.project.python.environment import Environment, choose_environment, image_environment

HELLO = "from faas import function\n\n\n@function\ndef hello(name: str = 'World') -> str:\n    return name\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "main.py").write_text(HELLO)
    return folder


def environment(project: Path, variables: dict[str, str] | None = None, python: Path | None = None) -> Environment:
    return choose_environment(load_settings(project), python=python, variables=variables or {})


def make_venv(path: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(path)], check=True)
    return path / "bin" / "python"


def test_the_name_is_that_of_the_project_else_of_its_folder(project: Path) -> None:
    assert load_settings(project).name == "shop"
    (project / "pyproject.toml").write_text('[project]\nname = "My.Shop"\n')
    assert load_settings(project / "main.py").name == "my-shop"
    (project / "pyproject.toml").write_text('[tool.faas]\nname = "store"\n')
    assert load_settings(project) == Settings(project, "store")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.faas\n", "not valid TOML"),
        ("[tool.faas]\nfuncions = 1\n", "tool.faas.funcions: there is no such setting"),
        ("[tool.faas]\nfunctions = 1\n", "tool.faas.functions: this is a table of tables"),
    ],
    ids=["toml", "unknown", "shape"],
)
def test_wrong_settings_name_file_and_key(project: Path, text: str, message: str) -> None:
    (project / "pyproject.toml").write_text(text)

    with pytest.raises(SettingsError, match=message):
        load_settings(project)


def test_a_folder_without_python_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(NotAProject, match=r"neither a pyproject.toml nor a Python file"):
        load_settings(tmp_path)
    with pytest.raises(NotAProject, match="no such folder"):
        load_settings(tmp_path / "none")


def test_the_projects_own_environment_wins_over_the_active_one(project: Path, tmp_path: Path) -> None:
    make_venv(project / ".venv")
    make_venv(tmp_path / "active")

    found = environment(project, {"VIRTUAL_ENV": str(tmp_path / "active")})

    assert found.origin == ".venv"
    assert project / ".venv/lib" in [path.parent.parent for path in found.sys_path]


def test_the_active_environment_counts_unless_it_is_the_toolkits(project: Path, tmp_path: Path) -> None:
    make_venv(tmp_path / "active")

    assert environment(project, {"VIRTUAL_ENV": str(tmp_path / "active")}).origin == "VIRTUAL_ENV"
    assert environment(project, {"VIRTUAL_ENV": sys.prefix}).origin == "cached"


def test_a_flag_wins_over_everything(project: Path, tmp_path: Path) -> None:
    make_venv(project / ".venv")
    python = make_venv(tmp_path / "mine")

    assert environment(project, python=python).origin == "--python"


def test_no_environment_ever_shows_the_toolkits_packages(project: Path) -> None:
    (project / "main.py").write_text(HELLO + "\nimport rich\n")

    with pytest.raises(DiscoveryError, match="No module named 'rich'"):
        describe(project, environment(project))


def test_an_environment_of_another_python_warns_about_images(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import faas.project.python.environment as module

    own = module.toolkit_python()
    other = type(own)(**{name: getattr(own, name) for name in own.__struct_fields__} | {"version": "3.99.1"})
    monkeypatch.setattr(module, "toolkit_python", lambda: other)
    make_venv(project / ".venv")

    (warning,) = environment(project).warnings

    assert "an image from `faas deploy` has 3.99" in warning


def test_a_python_that_nobody_has_is_an_error_that_says_what_to_do(project: Path) -> None:
    (project / "pyproject.toml").write_text('[project]\nname = "x"\nrequires-python = ">=3.99"\n')

    with pytest.raises(PythonNotFound, match=r"requires Python >=3\.99") as error:
        environment(project)
    assert "--python" in error.value.hint


def test_functions_are_found_with_their_names_and_places(project: Path) -> None:
    (found,) = describe(project, environment(project)).functions

    assert (found.name, found.target, found.service, found.file, found.line) == (
        "hello",
        "main:hello",
        "hello",
        "main.py",
        4,
    )


def test_an_import_error_carries_the_users_own_traceback(project: Path) -> None:
    (project / "main.py").write_text("from faas import function\n\n1 / 0\n")

    with pytest.raises(DiscoveryError) as error:
        describe(project, environment(project))

    (problem,) = error.value.problems
    assert (problem.file, problem.line) == ("main.py", 3)
    assert "1 / 0" in problem.traceback
    assert "faas_runtime" not in problem.traceback


def test_a_project_without_functions_says_so(project: Path) -> None:
    (project / "main.py").write_text("x = 1\n")

    with pytest.raises(DiscoveryError, match="imports faas"):
        describe(project, environment(project))


def test_an_import_that_never_ends_is_given_up(project: Path) -> None:
    (project / "main.py").write_text("from faas import function\nimport threading\nthreading.Event().wait()\n")

    with pytest.raises(DiscoveryError, match=r"did not end within 1\.5 s"):
        describe(project, environment(project), timeout_s=1.5)


def test_a_module_that_kills_its_process_is_told_apart(project: Path) -> None:
    (project / "main.py").write_text("from faas import function\nimport os\nos._exit(7)\n")

    with pytest.raises(DiscoveryError, match="ended with exit code 7"):
        describe(project, environment(project))


def test_what_a_module_prints_does_not_disturb(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "main.py").write_text("print('{\"functions\": []}')\n" + HELLO)

    assert len(describe(project, environment(project)).functions) == 1
    assert '{"functions": []}' in capfd.readouterr().err


def test_a_dev_bundle_follows_the_content(project: Path, tmp_path: Path) -> None:
    settings, found = load_settings(project), environment(project)
    first = dev_bundle(settings, found, tmp_path / "images")
    again = dev_bundle(settings, found, tmp_path / "images")
    (project / "main.py").write_text(HELLO + "# changed\n")
    changed = dev_bundle(settings, found, tmp_path / "images")

    assert first == again
    assert first.reference != changed.reference
    assert first.reference == f"dev.local/shop@{first.digest}"
    assert ImageStore(tmp_path / "images").resolve(changed.reference) == changed


def test_warm_nothing_is_started(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "requirements.txt").write_text("six==1.16.0\n")
    settings = load_settings(project)
    first = image_environment(settings)

    def forbidden(*arguments: object, **more: object) -> None:
        raise AssertionError(f"a process was started: {arguments}")

    monkeypatch.setattr(subprocess, "run", forbidden)

    assert image_environment(settings) == first
    assert os.environ["XDG_CACHE_HOME"] in str(first.sys_path[0])


def test_a_warm_process_reads_the_project_only_when_asked(project: Path) -> None:
    describer = Describer(project, environment(project))
    describer.warm()
    (project / "main.py").write_text(HELLO.replace("def hello", "def later"))

    assert [function.name for function in describer.ask()().functions] == ["later"]
    describer.close()


def test_what_was_begun_is_answered_by_the_next_question_only(project: Path) -> None:
    describer = Describer(project, environment(project))
    describer.begin()
    first, second = describer.ask(), describer.ask()

    assert first() == second()
    describer.close()
