"""What a stage is as an overlay, rendered by the real kustomize and by what its documents say."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from faas.client.services.store import NAME
from faas.deploy.export.editions.edition import identity, make_edition
from faas.deploy.export.editions.of_project import Images, Project, read_project, read_stage
from faas.deploy.export.folder import write_files
from faas.deploy.export.kustomize.differences import difference
from faas.deploy.export.kustomize.kustomization import make_kustomization
from tests.programs import find_program
from tests.unit.deploy.exported_project import DIGEST, PROGRAMS, make_project


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("exported") / "shop")


@pytest.fixture(scope="module")
def project(folder: Path) -> Project:
    return read_project(folder, Images(DIGEST, PROGRAMS))


@pytest.fixture(scope="module")
def rendered(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Any]]:
    """What kubectl makes of a part of the folder."""
    kubectl, into = find_program("kubectl"), tmp_path_factory.mktemp("kustomize")
    write_files(into, make_kustomization(project.base, project.stages))

    def render(part: str) -> list[Any]:
        done = subprocess.run(
            [kubectl, "kustomize", into / part], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return list(yaml.safe_load_all(done.stdout))

    return render


def test_the_base_is_what_the_project_says_without_a_stage_in_no_namespace(
    project: Project, rendered: Callable[[str], list[Any]]
) -> None:
    for obj in (wanted := [deepcopy(obj) for obj in project.base.objects]):
        del obj["metadata"]["namespace"]

    assert sorted(rendered("base"), key=identity) == sorted(wanted, key=identity)


@pytest.mark.parametrize("stage", ["staging", "production"])
def test_base_and_overlay_are_what_the_stage_is(stage: str, folder: Path, rendered: Callable[[str], list[Any]]) -> None:
    wanted = read_stage(folder, stage, images=Images(DIGEST, PROGRAMS)).base

    assert sorted(rendered(f"overlays/{stage}"), key=identity) == sorted(wanted.objects, key=identity)


def test_an_overlay_says_only_what_differs(project: Project) -> None:
    overlay = yaml.safe_load(make_kustomization(project.base, project.stages)["overlays/staging/kustomization.yaml"])

    assert overlay["namespace"] == "shop-staging"
    assert overlay["images"] == [{"name": "shop", "newName": "registry.example.org/staging/shop", "digest": DIGEST}]
    patches = [yaml.safe_load(each["patch"]) for each in overlay["patches"]]
    assert patches[0] == [{"op": "add", "path": "/metadata/labels/faas.dev~1stage", "value": "staging"}]
    assert [patch for patch in patches if isinstance(patch, dict)] == [
        {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"template": {"metadata": {"annotations": {"autoscaling.knative.dev/max-scale": "2"}}}},
        }
        for name in ("book", "tick", "web")
    ]


def test_the_same_project_is_the_same_bytes_twice(folder: Path, project: Project) -> None:
    again = read_project(folder, Images(DIGEST, PROGRAMS))

    assert make_kustomization(again.base, again.stages) == make_kustomization(project.base, project.stages)


def test_no_value_of_a_secret_is_anywhere(folder: Path, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "hunter2")

    files = make_kustomization(project.base, project.stages)

    assert "hunter2" not in json.dumps(files)
    assert "| mail | password | web |" in files["SECRETS.md"]


def test_what_a_stage_does_not_have_is_taken_out(tmp_path: Path, project: Project) -> None:
    base, stage = project.base, project.stages[0]
    fewer = make_edition("shop", stage.namespace, [obj for obj in stage.objects if obj["kind"] != "PingSource"],
                         stage=stage.stage)  # fmt: skip
    write_files(tmp_path, make_kustomization(base, [fewer]))

    done = subprocess.run([find_program("kubectl"), "kustomize", tmp_path / "overlays/staging"],
                          capture_output=True, text=True, timeout=60, check=True)  # fmt: skip

    assert sorted(yaml.safe_load_all(done.stdout), key=identity) == sorted(fewer.objects, key=identity)


# Differences


def applied(base: Any, merge: Any, operations: list[Any]) -> Any:
    """RFC 7386, then RFC 6902, as far as differences use it."""
    found = _merged(deepcopy(base), merge)
    for operation in operations:
        *steps, last = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]]
        place = found
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else place[step]
        key: Any = int(last) if isinstance(place, list) else last
        match operation["op"]:
            case "test":
                assert place[key] == operation["value"]
            case "remove":
                del place[key]
            case "add" if isinstance(place, list):
                place.insert(key, operation["value"])
            case "replace":
                assert place[key] is not None
                place[key] = operation["value"]
            case _:
                place[key] = operation["value"]
    return found


def _merged(base: Any, patch: Any) -> Any:
    for key, value in patch.items():
        if value is None:
            base.pop(key, None)
        elif isinstance(value, dict) and isinstance(base.get(key), dict):
            _merged(base[key], value)
        else:
            base[key] = value
    return base


_NAMES = st.sampled_from(["A", "B", "C", "D", "E"])
_ENV = st.lists(_NAMES, unique=True).flatmap(
    lambda names: st.tuples(*(st.fixed_dictionaries({"name": st.just(name), "value": st.sampled_from(["1", "2"])})
                              for name in names)).map(list)
)  # fmt: skip
_VALUES = st.recursive(
    st.sampled_from(["x", "y", 1]) | st.lists(st.sampled_from(["p", "q"]), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b/c", "d~e"]), inner, max_size=3),
    max_leaves=6,
)
_CONTAINERS = st.lists(
    st.fixed_dictionaries({"name": st.just("c")}, optional={"env": _ENV, "more": _VALUES}), max_size=2
)
_OBJECTS = st.fixed_dictionaries({"containers": _CONTAINERS}, optional={"one": _VALUES, "two": _VALUES})


@given(_OBJECTS, _OBJECTS)
def test_what_a_difference_says_makes_one_object_the_other(base: Any, wanted: Any) -> None:
    found = difference(base, wanted)

    assert applied(base, found.merge, found.operations) == wanted
    assert bool(found) == (base != wanted)


def test_a_variable_is_named_before_it_is_changed() -> None:
    def of(**variables: str) -> dict[str, Any]:
        return {"containers": [{"env": [{"name": name, "value": value} for name, value in variables.items()]}]}

    assert difference(of(A="1", B="2", C="3"), of(A="1", B="4", D="5")).operations == [
        {"op": "test", "path": "/containers/0/env/2/name", "value": "C"},
        {"op": "remove", "path": "/containers/0/env/2"},
        {"op": "test", "path": "/containers/0/env/1/name", "value": "B"},
        {"op": "replace", "path": "/containers/0/env/1/value", "value": "4"},
        {"op": "add", "path": "/containers/0/env/2", "value": {"name": "D", "value": "5"}},
    ]


def test_with_our_image_there_is_a_store_for_what_nobody_took(folder: Path) -> None:
    edition = read_stage(folder, "staging", images=Images(DIGEST, PROGRAMS)).base
    kinds = [f"{obj['apiVersion']} {obj['kind']}" for obj in edition.objects]

    assert {"v1 PersistentVolumeClaim", "v1 Service", "apps/v1 Deployment"} <= set(kinds)
    assert all("deadLetterSink" in trigger["spec"]["delivery"] for trigger in edition.of_kind("Trigger"))
    assert [secret.name for secret in edition.secrets] == sorted([NAME, "mail"])
    without = read_stage(folder, "staging", images=Images(DIGEST)).base
    assert not without.of_kind("Deployment")
