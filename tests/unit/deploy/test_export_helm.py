"""What a stage is as values of a chart, rendered by the real helm."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from faas.deploy.export.editions.edition import identity, make_edition, moved
from faas.deploy.export.editions.of_project import Images, Project, read_project
from faas.deploy.export.folder import write_files
from faas.deploy.export.helm.chart import make_chart
from faas.deploy.export.helm.values import over
from tests.helm import find_helm
from tests.unit.deploy.exported_project import DIGEST, PROGRAMS, make_project

Render = Callable[..., list[Any]]


def rendered(chart: Path, *arguments: str, namespace: str = "default") -> list[Any]:
    command = [find_helm(chart.parent), "template", "shop", chart, "-n", namespace, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower(), done.stderr
    return sorted((each for each in yaml.safe_load_all(done.stdout) if each), key=identity)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return read_project(make_project(tmp_path_factory.mktemp("exported") / "shop"), Images(DIGEST, PROGRAMS))


@pytest.fixture(scope="module")
def chart(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chart")
    write_files(folder, make_chart(project.base, project.stages))
    return folder


def test_a_chart_is_what_the_project_says_without_a_stage(project: Project, chart: Path) -> None:
    assert rendered(chart) == sorted(project.base.objects, key=identity)


@pytest.mark.parametrize("index", [0, 1], ids=["staging", "production"])
def test_with_the_values_of_a_stage_it_is_what_the_stage_is(index: int, project: Project, chart: Path) -> None:
    stage = project.stages[index]

    made = rendered(chart, "-f", str(chart / f"values-{stage.stage}.yaml"), namespace=stage.namespace)

    assert made == sorted(stage.objects, key=identity)


def test_a_chart_is_in_the_namespace_of_its_release_wherever_that_is_said(project: Project, chart: Path) -> None:
    assert rendered(chart, namespace="team") == sorted(
        (moved(obj, "team") for obj in project.base.objects), key=identity
    )


def test_what_people_choose_is_chosen_by_values(chart: Path) -> None:
    made = rendered(
        chart, "--set", "functions.web.scale.min-scale=2", "--set", "functions.web.env.GREETING=salut",
        "--set", "functions.web.domains={a.example.org}", "--set", "image.digest=,image.tag=1.2",
        "--set", "functions.tick=null", "--set", "brokers=false", "--set", "functions.web.concurrency=0",
        "--set", "functions.web.resources.limits.cpu=1",
    )  # fmt: skip
    found = {identity(each)[1:]: each for each in made}
    revision = found["Service", "web"]["spec"]["template"]

    assert ("Service", "tick") not in found
    assert ("Broker", "default") not in found
    assert found["DomainMapping", "a.example.org"]["spec"]["ref"]["name"] == "web"
    assert revision["metadata"]["annotations"] == {
        "autoscaling.knative.dev/max-scale": "3", "autoscaling.knative.dev/min-scale": "2",
    }  # fmt: skip
    assert "containerConcurrency" not in revision["spec"]
    assert revision["spec"]["containers"][0]["image"] == "shop:1.2"
    assert revision["spec"]["containers"][0]["resources"] == {"limits": {"cpu": 1}}
    assert {"name": "GREETING", "value": "salut"} in revision["spec"]["containers"][0]["env"]


def test_helm_finds_nothing_wrong_with_a_chart(chart: Path) -> None:
    command = [find_helm(chart.parent), "lint", "--strict", chart]

    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def test_whatever_a_manifest_says_is_said_and_not_run(tmp_path: Path) -> None:
    words = 'x {{ fail "run" }} "quoted" \\ %s {{/* gone */}} ${HOME} #'
    objects = [
        {
            "apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "web", "namespace": "team"},
            "spec": {
                "traffic": [{"latestRevision": True, "percent": 100, "tag": "now"}],
                "template": {
                    "metadata": {"annotations": {"example.org/words": words, "autoscaling.knative.dev/target": "1.5"}},
                    "spec": {
                        "timeoutSeconds": 30,
                        "containers": [{
                            "image": "localhost:5000/a/b:1", "args": [words],
                            "env": [{"name": "FAAS_FUNCTION", "value": words}, {"name": "A", "value": words},
                                    {"name": "EMPTY", "value": ""}, {"name": "K_SINK", "value": words},
                                    {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
                        }],
                    },
                },
            },
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "team"},
         "data": {"words": f"{words}\nand {words}\n"}},
    ]  # fmt: skip
    edition = make_edition("shop", "team", objects)
    write_files(tmp_path, make_chart(edition))

    assert rendered(tmp_path, namespace="team") == sorted(edition.objects, key=identity)


def test_what_only_one_stage_has_and_what_it_has_not_are_values(tmp_path: Path) -> None:
    def config(name: str, **labels: str) -> dict[str, Any]:
        metadata = {"name": name, "namespace": "team", "labels": {"faas.dev/project": "shop", **labels}}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"group": "faas.team.x"}}

    base = make_edition("shop", "team", [config("both", a="1"), config("before")])
    stage = make_edition("shop", "team", [config("both", a="2"), config("after")], stage="later")
    for obj in stage.objects:
        obj["metadata"]["labels"]["faas.dev/stage"] = "later"
    write_files(tmp_path, make_chart(base, [stage]))

    assert rendered(tmp_path, namespace="team") == sorted(base.objects, key=identity)
    assert rendered(tmp_path, "-f", str(tmp_path / "values-later.yaml"), namespace="team") == sorted(
        stage.objects, key=identity
    )


def test_values_of_a_stage_say_what_is_over_the_chart_and_null_takes_away() -> None:
    assert over({"a": 1, "b": {"c": 1, "d": [1]}, "e": 1}, {"a": 2, "b": {"c": 1, "d": [2]}}) == {
        "e": None, "a": 2, "b": {"d": [2]},
    }  # fmt: skip
