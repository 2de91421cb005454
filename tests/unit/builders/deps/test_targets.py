"""What is installed for another platform and Python, and what is refused because it could not work there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from faas_builders.deps import find_requirements, install, resolve
from faas_builders.deps.destination import uv_platform
from faas_builders.errors import DependencyError
from faas_builders.target import Platform, Target

from tests.made_distributions import THIS_MINOR, Native, PackageIndex, elf, make_sdist, make_wheel
from tests.unit.builders.deps.conftest import AMD, ARM, HERE


def quiet(line: str) -> None:
    pass


def installed(project: Path, target: Target, *lines: str) -> Path:
    (project / "requirements.txt").write_text("".join(f"{line}\n" for line in lines))
    pins = resolve(find_requirements(project), target, quiet)
    assert pins is not None
    return install(pins, target, quiet)


def refused(project: Path, target: Target, *lines: str) -> DependencyError:
    with pytest.raises(DependencyError) as caught:
        installed(project, target, *lines)
    return caught.value


@pytest.mark.parametrize(
    ("platform", "libc", "version", "expected"),
    [
        pytest.param("linux/amd64", "glibc", (2, 17), "x86_64-manylinux_2_17", id="the oldest"),
        pytest.param("linux/amd64", "glibc", (2, 30), "x86_64-manylinux_2_28", id="between two that uv knows"),
        pytest.param("linux/arm64", "glibc", (2, 36), "aarch64-manylinux_2_36", id="debian 12"),
        pytest.param("linux/arm64", "glibc", (2, 41), "aarch64-manylinux_2_40", id="newer than uv knows"),
        pytest.param("linux/amd64", "musl", (1, 2), "x86_64-unknown-linux-musl", id="alpine"),
        pytest.param("linux/riscv64", "glibc", (2, 41), "riscv64-unknown-linux", id="riscv64"),
    ],
)
def test_uv_is_told_the_newest_platform_that_the_c_library_satisfies(
    platform: str, libc: str, version: tuple[int, int], expected: str
) -> None:
    assert uv_platform(Target(Platform.parse(platform), "3.12", libc, version)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("platform", "libc", "version"),
    [
        pytest.param("linux/arm/v7", "glibc", (2, 36), id="a machine that uv does not know"),
        pytest.param("windows/amd64", "glibc", (2, 36), id="no linux"),
        pytest.param("linux/amd64", "glibc", (2, 12), id="older than every wheel"),
        pytest.param("linux/amd64", "musl", (1, 1), id="an old musl"),
    ],
)
def test_a_platform_without_wheels_is_refused(platform: str, libc: str, version: tuple[int, int]) -> None:
    with pytest.raises(DependencyError, match=rf"cannot be installed for {platform} with {libc}") as caught:
        uv_platform(Target(Platform.parse(platform), "3.12", libc, version))  # type: ignore[arg-type]
    assert "--builder docker" in caught.value.hint


def test_each_target_gets_the_wheel_of_its_platform_and_python(project: Path, index: PackageIndex) -> None:
    for tag in (
        "cp312-cp312-manylinux_2_28_aarch64",
        "cp312-cp312-manylinux_2_36_x86_64",
        "cp312-cp312-musllinux_1_2_x86_64",
    ):
        make_wheel(index.folder, "fast", "1.0", tag=tag, files={"fast.py": "", "fast-tag": tag})
    musl = Target(Platform("linux", "amd64"), "3.12", "musl", (1, 2))

    assert (installed(project, ARM, "fast") / "fast-tag").read_text() == "cp312-cp312-manylinux_2_28_aarch64"
    assert (installed(project, AMD, "fast") / "fast-tag").read_text() == "cp312-cp312-manylinux_2_36_x86_64"
    assert (installed(project, musl, "fast") / "fast-tag").read_text() == "cp312-cp312-musllinux_1_2_x86_64"


def test_markers_are_those_of_the_target(project: Path, index: PackageIndex) -> None:
    for name in ("forarm", "foramd", "fornew"):
        make_wheel(index.folder, name, "1.0")
    lines = (
        "forarm; platform_machine == 'aarch64'",
        "foramd; platform_machine == 'x86_64'",
        "fornew; python_version >= '3.12'",
    )

    assert (names := {path.stem for path in installed(project, ARM, *lines).glob("*.py")}) == {"forarm", "fornew"}, (
        names
    )


def test_a_newer_version_without_a_wheel_for_the_target_is_passed_over(project: Path, index: PackageIndex) -> None:
    make_wheel(index.folder, "fast", "1.0", tag="cp312-cp312-manylinux_2_17_aarch64")
    make_wheel(index.folder, "fast", "2.0", tag="cp313-cp313-manylinux_2_17_aarch64")

    assert (installed(project, ARM, "fast") / "fast-1.0.dist-info").is_dir()


def test_a_missing_wheel_names_package_platform_and_way_out(project: Path, index: PackageIndex) -> None:
    make_wheel(index.folder, "fast", "1.0", tag="cp312-cp312-manylinux_2_17_x86_64")

    error = refused(project, ARM, "fast")

    assert error.message == "fast==1.0 has no wheel for Python 3.12 on linux/arm64, and no source to build one from"
    assert "--platform" in error.hint
    assert "--builder docker" in error.hint
    assert "manylinux_2_17_x86_64" in error.output


def test_a_wheel_that_needs_a_newer_c_library_than_the_base_has_is_not_taken(
    project: Path, index: PackageIndex
) -> None:
    make_wheel(index.folder, "fast", "1.0", tag="cp312-cp312-manylinux_2_39_aarch64")

    assert "fast==1.0 has no wheel for Python 3.12 on linux/arm64" in refused(project, ARM, "fast").message


def test_a_source_in_pure_python_is_built_here_for_anywhere(project: Path, index: PackageIndex) -> None:
    make_sdist(index.folder, "plain", "1.0")

    assert (installed(project, ARM, "plain") / "plain.py").read_text() == "VERSION = '1.0'\n"


def test_a_source_with_an_extension_is_refused_for_another_machine(project: Path, index: PackageIndex) -> None:
    make_sdist(index.folder, "native", "1.0", native="tagged")

    error = refused(project, ARM, "native")

    assert error.message.startswith(
        "native==1.0 has no wheel for Python 3.12 on linux/arm64, and what its source was built"
    )
    assert "build on a machine of that kind" in error.hint


def test_a_source_that_does_not_build_is_named_and_uv_is_quoted(project: Path, index: PackageIndex) -> None:
    make_sdist(index.folder, "broken", "1.0", fails=True)

    error = refused(project, ARM, "broken")

    assert (
        error.message
        == "broken==1.0 has no wheel for Python 3.12 on linux/arm64, and its source could not be built here"
    )
    assert "no compiler in sight" in error.output


@pytest.mark.parametrize("native", ["tagged", "untagged"])
def test_a_source_with_an_extension_is_built_for_the_same_machine_and_minor(
    project: Path, index: PackageIndex, native: Native
) -> None:
    make_sdist(index.folder, "native", "1.0", native=native, machine=HERE.platform.architecture)

    assert list(installed(project, HERE, "native").glob("_native.cpython-*.so"))


@pytest.mark.parametrize(
    ("extension", "target", "why"),
    [
        pytest.param(elf("amd64"), ARM, "is for amd64", id="another machine"),
        pytest.param(elf("amd64", glibc=(2, 38)), AMD, "needs glibc 2.38, the base has 2.36", id="a newer glibc"),
        pytest.param(elf("amd64", needed=("libc.musl-x86_64.so.1",)), AMD, "needs musl", id="musl"),
        pytest.param(
            elf("amd64", glibc=(2, 5)), Target(AMD.platform, "3.12", "musl", (1, 2)), "needs glibc", id="glibc on musl"
        ),
    ],
)
def test_no_extension_for_something_else_slips_in_whatever_its_wheel_says(
    project: Path, index: PackageIndex, extension: bytes, target: Target, why: str
) -> None:
    make_wheel(index.folder, "liar", "1.0", files={"liar/_c.abi3.so": extension})

    error = refused(project, target, "liar")

    assert error.message.endswith(f"it has liar/_c.abi3.so, which {why}")
    assert not [path for path in (Path(os.environ["XDG_CACHE_HOME"]) / "faas").rglob("liar") if path.is_dir()]


def test_helpers_for_several_machines_in_a_wheel_for_any_are_the_publishers_business(
    project: Path, index: PackageIndex
) -> None:
    files = {f"debug/attach_{machine}.so": elf(machine) for machine in ("amd64", "arm64")}
    make_wheel(index.folder, "debug", "1.0", files=files)

    assert (installed(project, ARM, "debug") / "debug" / "attach_amd64.so").is_file()


def test_console_scripts_start_the_python_of_the_image(project: Path, index: PackageIndex) -> None:
    make_wheel(index.folder, "tool", "1.0", scripts={"use-tool": "tool:main"})

    script = installed(project, ARM, "tool") / "bin" / "use-tool"
    other = installed(project, AMD, "tool") / "bin" / "use-tool"

    assert script.read_text().splitlines()[0] == "#!/usr/local/bin/python3.12"
    assert other.read_text().splitlines()[0] == "#!/usr/bin/env python3.12"
    assert os.access(script, os.X_OK)
    assert "bin/use-tool,," in (script.parent.parent / "tool-1.0.dist-info" / "RECORD").read_text().splitlines()


def test_bytecode_comes_along_when_this_machine_has_that_python(project: Path, index: PackageIndex) -> None:
    make_wheel(index.folder, "plain", "1.0")

    folder = installed(project, HERE, "plain")

    assert [path.name for path in folder.rglob("*.pyc")] == [f"plain.cpython-{THIS_MINOR.replace('.', '')}.pyc"]


def test_without_that_python_there_is_no_bytecode_and_a_note(project: Path, index: PackageIndex) -> None:
    make_wheel(index.folder, "plain", "1.0")
    (project / "requirements.txt").write_text("plain\n")
    future = Target(Platform("linux", "amd64"), "3.39")
    said: list[str] = []

    pins = resolve(find_requirements(project), future, said.append)
    assert pins is not None
    folder = install(pins, future, said.append)

    assert list(folder.rglob("*.pyc")) == []
    assert "no Python 3.39 on this machine: modules are compiled when they are first imported" in said


def test_a_python_that_the_project_does_not_take_is_refused(project: Path, index: PackageIndex) -> None:
    make_wheel(index.folder, "plain", "1.0")
    (project / "pyproject.toml").write_text(
        '[project]\nname = "shop"\nrequires-python = ">=3.13"\ndependencies = ["plain"]\n'
    )

    with pytest.raises(DependencyError, match=r"requires Python >=3.13, and this would be Python 3\.12"):
        resolve(find_requirements(project), ARM, quiet)
