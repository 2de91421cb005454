"""Every way in which projects say what they need, from the file to the folder."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from faas_builders.deps import Requirements, find_requirements, inspect, install, resolve
from faas_builders.deps.interpreter import Interpreter
from faas_builders.errors import DependencyError, ProjectFileError
from faas_builders.target import Target
from uv import find_uv_bin

from tests.made_distributions import PackageIndex, make_sdist, make_wheel, source_files
from tests.unit.builders.deps.conftest import ARM


def quiet(line: str) -> None:
    pass


def modules(wanted: Requirements, where: Target | Interpreter = ARM) -> list[str]:
    """What is there to import after installing it."""
    pins = resolve(wanted, where, quiet)
    return [] if pins is None else sorted(path.stem for path in install(pins, where, quiet).glob("*.py"))


def declare(project: Path, text: str) -> None:
    (project / "pyproject.toml").write_text(f'[project]\nname = "shop"\nversion = "1"\n{text}')


def publish(index: PackageIndex, *names: str) -> None:
    for name in names:
        make_wheel(index.folder, name, "1.0")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run_uv(project: Path, *arguments: str) -> str:
    command = [os.fspath(find_uv_bin()), *arguments, "--python", sys.executable]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=True, timeout=60).stdout


def test_extras_and_groups_add_to_the_dependencies_when_they_are_asked_for(project: Path, index: PackageIndex) -> None:
    publish(index, "base", "redis", "worker", "shared", "tests")
    declare(
        project,
        'requires-python = ">=3.11"\ndependencies = ["base"]\n'
        '[project.optional-dependencies]\nredis = ["redis"]\nall = ["shop[redis]"]\n'
        '[dependency-groups]\nworker = ["worker", {include-group = "shared"}]\nshared = ["shared"]\n'
        'tests = ["tests"]\n',
    )

    assert modules(find_requirements(project)) == ["base"]
    asked = find_requirements(project, groups=["worker"], extras=["all"])
    assert modules(asked) == ["base", "redis", "shared", "worker"]
    assert asked.origin == "pyproject.toml with extra all, group worker"
    run_uv(project, "lock")
    assert modules(find_requirements(project)) == ["base"]
    assert modules(find_requirements(project, groups=["worker"], extras=["redis"])) == [
        "base", "redis", "shared", "worker",
    ]  # fmt: skip


def test_groups_add_to_a_requirements_file_too(project: Path, index: PackageIndex) -> None:
    publish(index, "base", "worker")
    declare(project, '[dependency-groups]\nworker = ["worker"]\n')
    (project / "requirements.txt").write_text("base\n")

    assert modules(find_requirements(project, groups=["worker"])) == ["base", "worker"]


@pytest.mark.parametrize(
    ("text", "groups", "extras", "message"),
    [
        pytest.param("", ["web"], [], "there is no dependency group 'web'", id="group"),
        pytest.param("", [], ["web"], "there is no extra 'web'", id="extra"),
        pytest.param(
            '[dependency-groups]\na = [{include-group = "a"}]\n', ["a"], [], "'a' includes itself", id="circle"
        ),
        pytest.param('[dependency-groups]\na = [{path = "x"}]\n', ["a"], [], "which is no requirement", id="entry"),
        pytest.param('dependencies = "six"\n', [], [], "project.dependencies must be a list", id="a text"),
        pytest.param("dependencies = [1]\n", [], [], "must be a list of strings, and has 1", id="numbers"),
        pytest.param('dynamic = ["dependencies"]\n', [], [], "its dependencies are dynamic", id="dynamic"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_named(
    project: Path, text: str, groups: list[str], extras: list[str], message: str
) -> None:
    declare(project, text)

    with pytest.raises(ProjectFileError, match=message):
        find_requirements(project, groups=groups, extras=extras)


def test_a_project_without_any_file_needs_nothing_and_says_so(project: Path) -> None:
    found = find_requirements(project)

    assert (found.kind, found.origin) == ("none", "no dependencies file")
    assert resolve(found, ARM, quiet) is None


def test_includes_and_constraints_are_followed(project: Path, index: PackageIndex) -> None:
    publish(index, "base", "more")
    make_wheel(index.folder, "base", "2.0")
    (project / "requirements").mkdir()
    (project / "requirements" / "base.txt").write_text("-c limits.txt\nbase  # the first\n")
    (project / "requirements" / "limits.txt").write_text("base<2\nother==9\n")
    (project / "requirements.txt").write_text("-r requirements/base.txt\nmore>=1\n")

    pins = resolve(find_requirements(project), ARM, quiet)

    assert pins is not None
    assert pins.read_text().splitlines() == ["base==1.0", "more==1.0"]


def test_only_a_requirements_in_is_resolved(project: Path, index: PackageIndex) -> None:
    publish(index, "base")
    (project / "requirements.in").write_text("base\n")

    found = find_requirements(project)

    assert (found.kind, modules(found)) == ("requirements.in", ["base"])


def test_what_pip_tools_locked_is_installed_by_its_own_hashes(project: Path, index: PackageIndex) -> None:
    wheel = make_wheel(index.folder, "base", "1.0")
    (project / "requirements.in").write_text("base\nfaas\n")
    lock = f"# by pip-compile\nbase==1.0 \\\n    --hash=sha256:{sha256(wheel)}\n    # via -r requirements.in\n"
    (project / "requirements.txt").write_text(f"{lock}faas==0.1\n")

    assert modules(find_requirements(project)) == ["base"]


def test_a_hash_that_is_not_that_of_the_file_stops_it(project: Path, index: PackageIndex) -> None:
    publish(index, "base")
    (project / "requirements.txt").write_text(f"base==1.0 --hash=sha256:{'0' * 64}\n")

    with pytest.raises(DependencyError, match=r"what the index has as base==1\.0 is not what was locked") as caught:
        modules(find_requirements(project))
    assert "0" * 64 in caught.value.output


def test_a_lock_with_hashes_has_to_name_everything(project: Path, index: PackageIndex) -> None:
    publish(index, "base")
    wheel = make_wheel(index.folder, "top", "1.0", requires=("base",))
    (project / "requirements.txt").write_text(f"top==1.0 --hash=sha256:{sha256(wheel)}\n")

    with pytest.raises(DependencyError, match="the requirements have hashes, but none for base"):
        resolve(find_requirements(project), ARM, quiet)


def test_hashes_for_some_are_hashes_for_none(project: Path) -> None:
    (project / "requirements.txt").write_text(f"six==1.16.0 --hash=sha256:{'0' * 64}\nidna==3.4\n")

    with pytest.raises(ProjectFileError, match=r"requirements\.txt: idna==3\.4 has no hash, and others have"):
        find_requirements(project)


def test_a_pylock_gives_what_its_markers_say_without_ours(project: Path, index: PackageIndex) -> None:
    publish(index, "base", "foramd", "faas", "redis")
    declare(
        project,
        'requires-python = ">=3.11"\n'
        'dependencies = ["base", "faas", "foramd; platform_machine == \'x86_64\'"]\n'
        '[project.optional-dependencies]\nredis = ["redis"]\n',
    )
    run_uv(project, "lock")
    run_uv(
        project,
        "export",
        "--quiet",
        "--all-extras",
        "--format",
        "pylock.toml",
        "-o",
        "pylock.toml",
        "--no-emit-project",
    )
    (project / "uv.lock").unlink()

    found = find_requirements(project)

    assert (found.kind, modules(found)) == ("pylock.toml", ["base", "redis"])
    pins = resolve(found, ARM, quiet)
    assert pins is not None
    assert pins.read_text().startswith("base==1.0 --hash=sha256:")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("lock-version = ", "this is not valid TOML", id="no TOML"),
        pytest.param('lock-version = "1.0"\ncreated-by = "x"\n', "it is not a lock as PEP 751 says", id="no packages"),
        pytest.param('lock-version = "2.0"\ncreated-by = "x"\npackages = []\n', "it is not a lock", id="too new"),
    ],
)
def test_a_malformed_pylock_is_named(project: Path, text: str, message: str) -> None:
    (project / "pylock.toml").write_text(text)

    with pytest.raises(ProjectFileError, match=rf"pylock\.toml: {message}"):
        resolve(find_requirements(project), ARM, quiet)


def test_a_folder_named_as_a_source_is_installed_again_after_an_edit(project: Path, index: PackageIndex) -> None:
    library = project / "lib" / "prices"
    library.mkdir(parents=True)
    for name, text in source_files("prices", "1.0").items():
        (library / name).write_text(text)
    sources = '[tool.uv.sources]\nprices = { path = "lib/prices", editable = true }\n'
    declare(project, f'requires-python = ">=3.11"\ndependencies = ["prices"]\n{sources}')

    def value() -> str:
        pins = resolve(find_requirements(project), ARM, quiet)
        assert pins is not None
        folder = install(pins, ARM, quiet)
        assert not list(folder.glob("*.pth"))
        return (folder / "prices.py").read_text()

    first = value()
    (library / "prices.py").write_text("VERSION = 'edited'\n")
    second = value()
    run_uv(project, "lock")
    (library / "prices.py").write_text("VERSION = 'once more'\n")

    assert (first, second, value()) == ("VERSION = '1.0'\n", "VERSION = 'edited'\n", "VERSION = 'once more'\n")


def test_a_folder_in_a_requirements_file_is_installed_as_it_is(project: Path, index: PackageIndex) -> None:
    library = project / "lib"
    library.mkdir()
    for name, text in source_files("prices", "1.0").items():
        (library / name).write_text(text)
    (project / "requirements.txt").write_text("-e ./lib\n")

    assert modules(find_requirements(project)) == ["prices"]


def test_ours_are_never_looked_up_wherever_they_come_from(project: Path, index: PackageIndex) -> None:
    make_wheel(index.folder, "plugin", "1.0", requires=("faas>=0.1", "faas-runtime"))
    (project / "requirements.txt").write_text("plugin\nfaas\nfaas-builders\n")

    assert modules(find_requirements(project)) == ["plugin"]
    assert not [path for path in index.asked if "faas" in path]


def test_an_interpreter_of_this_machine_gets_the_same(project: Path, index: PackageIndex) -> None:
    make_sdist(index.folder, "base", "1.0")
    (project / "requirements.txt").write_text("base\n")

    assert modules(find_requirements(project), inspect(sys.executable)) == ["base"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("nosuch", "there is no package nosuch in the package index", id="package"),
        pytest.param("base==7", "there is no base==7 in the package index", id="version"),
        pytest.param("base>=7", "there is no base>=7 in the package index, only base==1.0", id="newer"),
        pytest.param(
            "newer", r"newer==1.0 does not work with Python 3.12 on linux/arm64: it needs Python >=3.20", id="python"
        ),
        pytest.param("base>=1,<0.5", "no versions fit together for Python 3.12 on linux/arm64", id="nothing fits"),
        pytest.param("base =! 1", "'base =! 1' is no requirement", id="malformed"),
    ],
)
def test_what_cannot_be_resolved_is_said_in_a_sentence(
    project: Path, index: PackageIndex, line: str, message: str
) -> None:
    publish(index, "base")
    make_wheel(index.folder, "newer", "1.0", python=">=3.20")
    (project / "requirements.txt").write_text(f"{line}\n")

    with pytest.raises((DependencyError, ProjectFileError), match=message):
        resolve(find_requirements(project), ARM, quiet)


def test_an_index_that_cannot_be_reached_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://bob:s3cret@127.0.0.1:9/simple/")
    (project / "requirements.txt").write_text("base\n")

    with pytest.raises(DependencyError, match=r"the package index cannot be reached: http://127\.0\.0\.1:9/") as caught:
        resolve(find_requirements(project), ARM, quiet)
    assert "Connection refused" in caught.value.output
    assert "s3cret" not in f"{caught.value.message}{caught.value.output}{caught.value.hint}"


def test_a_member_of_a_workspace_gets_what_it_needs_of_the_others(
    project: Path, tmp_path: Path, index: PackageIndex
) -> None:
    publish(index, "base")
    root, shop, library = (
        tmp_path / "mono",
        tmp_path / "mono" / "packages" / "shop",
        tmp_path / "mono" / "packages" / "prices",
    )
    shop.mkdir(parents=True)
    library.mkdir()
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["packages/*"]\n')
    for name, text in source_files("prices", "1.0").items():
        (library / name).write_text(text.replace('version = "1.0"\n', 'version = "1.0"\nrequires-python = ">=3.11"\n'))
    sources = "[tool.uv.sources]\nprices = { workspace = true }\n"
    declare(shop, f'requires-python = ">=3.11"\ndependencies = ["base", "prices"]\n{sources}')

    def prices() -> str:
        pins = resolve(find_requirements(shop), ARM, quiet)
        assert pins is not None
        assert "base==1.0" in pins.read_text()
        return (install(pins, ARM, quiet) / "prices.py").read_text()

    first = prices()
    (library / "prices.py").write_text("VERSION = 'edited'\n")
    second = prices()
    run_uv(shop, "lock")
    third = prices()
    (library / "prices.py").write_text("VERSION = 'once more'\n")

    assert find_requirements(shop).kind == "uv.lock"
    assert (root / "uv.lock").is_file()
    assert (first, second, third) == ("VERSION = '1.0'\n", "VERSION = 'edited'\n", "VERSION = 'edited'\n")
    assert prices() == "VERSION = 'once more'\n"
    declare(shop, f'requires-python = ">=3.11"\ndependencies = ["base>=2", "prices"]\n{sources}')
    with pytest.raises(DependencyError, match=r"uv\.lock is out of date"):
        prices()
