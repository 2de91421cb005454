"""What is remembered: warm answers without a process, many builds at once, and builds that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest
from faas_builders.deps import find_requirements, install, local_python, resolve
from faas_builders.oci.layers.layer import folder_files
from faas_builders.target import Target

from tests.made_distributions import THIS_MINOR, PackageIndex, make_sdist, make_wheel
from tests.unit.builders.deps.conftest import ARM, HERE

PROGRAM = """
import sys
from pathlib import Path
from faas_builders.deps import find_requirements, install, resolve
from faas_builders.target import Platform, Target
target = Target(Platform("linux", "arm64"), "3.12", "glibc", (2, 36), "/usr/local/bin/python3.12")
pins = resolve(find_requirements(Path(sys.argv[1])), target, print)
print(install(pins, target, print))
"""


def build(project: Path, target: Target = ARM) -> Path:
    pins = resolve(find_requirements(project), target, lambda line: None)
    assert pins is not None
    return install(pins, target, lambda line: None)


def start_build(project: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(project)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def no_process(*args: object, **options: object) -> None:
    raise AssertionError("a process was started")


def test_a_second_time_no_process_is_started(
    project: Path, index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(index.folder, "base", "1.0")
    (project / "requirements.txt").write_text("base\n")
    first = build(project)

    monkeypatch.setattr(subprocess, "Popen", no_process)

    assert build(project) == first


def test_pythons_are_looked_for_once_also_those_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert local_python("3.39") is None
    found = local_python(THIS_MINOR)

    monkeypatch.setattr(subprocess, "Popen", no_process)

    assert local_python("3.39") is None
    assert found is not None
    assert local_python(THIS_MINOR) == found


def test_many_builds_at_once_come_to_the_same_folder(project: Path, index: PackageIndex) -> None:
    for name in ("base", "more"):
        make_wheel(index.folder, name, "1.0")
    (project / "requirements.txt").write_text("base\nmore\n")

    builds = [start_build(project) for _ in range(4)]
    folders = {done.communicate(timeout=60)[0].splitlines()[-1] for done in builds}

    assert [done.returncode for done in builds] == [0, 0, 0, 0]
    assert folders == {str(build(project))}


def test_a_build_that_is_killed_leaves_nothing_half(project: Path, index: PackageIndex) -> None:
    make_wheel(index.folder, "base", "1.0")
    (project / "requirements.txt").write_text("base\n")
    resolve(find_requirements(project), ARM, lambda line: None)
    index.release = Event()

    killed = start_build(project)
    assert index.held.wait(30)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=30)
    index.release.set()
    folder = build(project)

    assert (folder / "base.py").is_file()
    assert [entry.name for entry in folder.parent.iterdir() if entry.is_dir()] == [folder.name]


def test_another_project_with_the_same_needs_gets_the_same_folder(
    project: Path, tmp_path: Path, index: PackageIndex
) -> None:
    make_wheel(index.folder, "base", "1.0")
    other = tmp_path / "other"
    other.mkdir()
    for folder, name in ((project, "shop"), (other, "shop")):
        text = f'[project]\nname = "{name}"\nversion = "1"\ndependencies = ["base"]\n'
        (folder / "pyproject.toml").write_text(text)

    assert build(project) == build(other)


def test_two_machines_install_the_same_bytes(
    project: Path, tmp_path: Path, index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(index.folder, "tool", "1.0", scripts={"use-tool": "tool:main"})
    make_sdist(index.folder, "plain", "1.0")
    (project / "requirements.txt").write_text("tool\nplain\n")

    folders = []
    for name in ("one", "a-second-with-a-longer-name"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / name / "uv"))
        folders.append(build(project, HERE))

    one, other = (
        {file.path: file.source.read_bytes() for file in folder_files(folder, bytecode=True)} for folder in folders
    )
    assert folders[0] != folders[1]
    assert "bin/use-tool" in one
    assert f"__pycache__/plain.{sys.implementation.cache_tag}.pyc" in one
    assert one == other
