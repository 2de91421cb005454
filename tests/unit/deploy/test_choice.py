"""Which builder, base and Python an image gets, and which functions run as containers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from faas_runtime.declaring.spec import FunctionSpec, Trigger

from faas.deploy.images.choice import choose, wants_container
from faas.project.errors import ProjectError
from faas.project.pyproject.build_settings import BuildSettings
from faas.project.pyproject.settings import Settings
from faas.project.services import ServiceSpec, make_services

NOTHING = BuildSettings()


def service(**options: Any) -> ServiceSpec:
    function = FunctionSpec(name="f", target="main:f", service="f", triggers=(Trigger(kind="http"),), options=options)
    (spec,) = make_services([function], Settings(Path("/shop"), "shop"))
    return spec


def test_a_build_of_nothing_in_particular_has_the_builders_own_base_and_python() -> None:
    choice = choose(NOTHING, NOTHING, "build")

    assert (choice.builder, choice.base, choice.python, choice.containers) == ("oci", "", "", True)
    assert [(each.what, each.value) for each in choice.reasons] == [("builder", "oci")]


def test_a_deploy_of_nothing_in_particular_runs_processes_and_lends_them_this_machines_python() -> None:
    choice = choose(NOTHING, NOTHING, "deploy")

    assert (choice.builder, choice.base, choice.containers) == ("oci", "", False)
    assert [(each.what, each.value) for each in choice.reasons] == [("builder", "oci"), ("base", "host")]


def test_flags_win_over_settings_and_tables_are_put_together() -> None:
    flags = BuildSettings(base="python:3.13-slim", groups=("a",), env={"A": "flag"}, labels={"x": "1"})
    settings = BuildSettings(
        base="python:3.12-slim", python="3.12", groups=("b", "a"), env={"A": "file", "B": "file"}, trust=True
    )

    choice = choose(flags, settings, "build")

    assert (choice.base, choice.python) == ("python:3.13-slim", "3.12")
    assert (choice.said.env, choice.said.labels, choice.said.trust) == ({"A": "flag", "B": "file"}, {"x": "1"}, True)
    assert choice.said.groups == ("b", "a")
    assert [each.why for each in choice.reasons[1:]] == ["--base", "[tool.faas.build] python"]


@pytest.mark.parametrize(
    ("settings", "builder"),
    [
        pytest.param(BuildSettings(dockerfile="Dockerfile"), "docker", id="dockerfile"),
        pytest.param(BuildSettings(builder_image="paketobuildpacks/builder"), "pack", id="builder-image"),
        pytest.param(BuildSettings(buildpacks=("faas",)), "pack", id="buildpacks"),
        pytest.param(BuildSettings(builder="oci", dockerfile="Dockerfile"), "oci", id="said-otherwise"),
    ],
)
def test_what_only_one_builder_takes_means_that_builder(settings: BuildSettings, builder: str) -> None:
    assert choose(NOTHING, settings, "build").builder == builder


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (BuildSettings(builder="oci", dockerfile="Dockerfile"), "--dockerfile is for builder docker, and this is oci"),
        (BuildSettings(builder="docker", buildpacks=("faas",)), "--buildpack is for builder pack, and this is docker"),
        (BuildSettings(builder="docker", base="host"), "base host is this machine's Python"),
        (BuildSettings(builder="pack", base="python:3.12"), "builder pack takes the base that its builder image has"),
        (BuildSettings(dockerfile="Dockerfile", base="python:3.12"), "the Dockerfile names its own base"),
    ],
)  # fmt: skip
def test_flags_that_contradict_each_other_are_told(flags: BuildSettings, message: str) -> None:
    with pytest.raises(ProjectError, match=message):
        choose(flags, NOTHING, "build")


@pytest.mark.parametrize(
    ("flags", "settings"),
    [
        pytest.param(BuildSettings(builder="pack"), BuildSettings(base="python:3.12-slim"), id="pack"),
        pytest.param(BuildSettings(builder="docker"), BuildSettings(base="host"), id="host-and-docker"),
        pytest.param(BuildSettings(dockerfile="D"), BuildSettings(base="python:3.12-slim"), id="a-dockerfile"),
    ],
)
def test_a_base_in_the_settings_gives_way_to_a_builder_that_has_its_own(
    flags: BuildSettings, settings: BuildSettings
) -> None:
    choice = choose(flags, settings, "deploy")

    assert (choice.base, choice.containers) == ("", True)


def test_a_base_by_flag_and_a_dockerfile_of_the_settings_contradict_each_other() -> None:
    flags, settings = BuildSettings(base="python:3.12-slim"), BuildSettings(dockerfile="Dockerfile")
    with pytest.raises(ProjectError, match="the Dockerfile names its own base"):
        choose(flags, settings, "build")

    assert choose(dataclasses.replace(flags, builder="oci"), settings, "build").base == "python:3.12-slim"


@pytest.mark.parametrize(
    ("said", "option", "container"),
    [
        pytest.param(NOTHING, None, False, id="by-default-a-process"),
        pytest.param(NOTHING, True, True, id="it-asks-for-one"),
        pytest.param(BuildSettings(base="python:3.12-slim"), None, True, id="a-base-is-named"),
        pytest.param(BuildSettings(base="python:3.12-slim"), False, False, id="all-but-this-one"),
        pytest.param(BuildSettings(builder="docker"), None, True, id="docker"),
        pytest.param(BuildSettings(base="host"), None, False, id="host-is-named"),
    ],
)
def test_who_runs_as_a_container(said: BuildSettings, option: bool | None, container: bool) -> None:
    options = {} if option is None else {"container": option}

    assert wants_container(service(**options), choose(NOTHING, said, "deploy")) is container


def test_a_container_cannot_have_base_host() -> None:
    with pytest.raises(ProjectError, match="f asks for a container, and base host has no Python of its own"):
        wants_container(service(container=True), choose(BuildSettings(base="host"), NOTHING, "deploy"))
