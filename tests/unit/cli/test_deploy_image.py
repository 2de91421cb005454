"""What `faas deploy --image` makes of a reference, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from faas_runtime.declaring.spec import Problem

from faas.cli import deploy, deploy_image
from faas.cli.errors import CommandError, explain
from faas.cli.project_options import make_wanted
from faas.client.kubeconfigs.cluster import Cluster
from faas.client.places.state import State
from faas.client.places.targets import Target
from faas.project.errors import DiscoveryError

NOTHING: dict[str, Any] = {
    "namespace": "default", "python": "", "builder": None, "base": "", "container": None, "only": (), "env": (),
    "scale_min": None, "scale_max": None, "scale_init": None, "scale_target": None, "concurrency_limit": None,
    "rollout_duration": None,
}  # fmt: skip


def template(image: str, state: Path) -> dict[str, Any]:
    prepared = deploy_image.prepare_image(image, "", "", make_wanted(**NOTHING), Target(State(state)))
    (service,) = prepared.objects.services
    found: dict[str, Any] = service["spec"]["template"]
    return found


def test_a_tag_that_moves_makes_another_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter(("sha256:one", "sha256:two"))
    monkeypatch.setattr(deploy_image, "_id_in_docker", lambda reference: next(ids))

    first, second = template("x:1", tmp_path), template("x:1", tmp_path)

    assert first["metadata"]["annotations"] == {"faas.dev/image-id": "sha256:one"}
    assert second["metadata"]["annotations"] == {"faas.dev/image-id": "sha256:two"}
    assert first["spec"] == second["spec"] == {"containers": [{"image": "x:1"}]}


def test_without_a_docker_engine_a_tag_is_written_down_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")

    assert template("x:1", tmp_path) == {"spec": {"containers": [{"image": "x:1"}]}}


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"python": "3.12"}, "--python"),
        ({"base": "python:3.12-slim"}, "--base"),
        ({"builder": "oci"}, "--builder"),
        ({"container": True}, "--container"),
        ({"container": False}, "--no-container"),
        ({"only": ("web",)}, "--service"),
    ],
)
def test_the_option_that_is_of_projects_is_named(given: dict[str, Any], option: str, tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match=f"^{option} is of projects"):
        deploy_image.prepare_image("x:1", "", "", make_wanted(**{**NOTHING, **given}), Target(State(tmp_path)))


def test_a_folder_beside_an_image_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(deploy.command, [str(tmp_path), "--image", "x:1", "--dry-run"])

    assert done.exit_code == 2
    assert "--image deploys an image instead" in done.output


def test_of_many_problems_three_are_shown() -> None:
    problems = tuple(Problem(message=f"m{number} does not import") for number in range(9))

    said = explain(DiscoveryError(problems)).render(color=False)

    assert "m2 does not import" in said
    assert "m3" not in said
    assert "… and 6 more; is PATH the right folder?" in said


def test_an_image_of_this_machine_is_refused_for_a_cluster_and_any_other_is_named_as_it_is(tmp_path: Path) -> None:
    target = Target(State(tmp_path), cluster=Cluster("https://127.0.0.1:1"))

    with pytest.raises(CommandError, match="on this machine only") as error:
        deploy_image.prepare_image("faas.local/shop:1.0", "", "", make_wanted(**NOTHING), target)
    assert "faas image push faas.local/shop:1.0 REGISTRY/shop:1.0" in error.value.hint
    prepared = deploy_image.prepare_image("ghcr.io/team/shop:1.0", "", "", make_wanted(**NOTHING), target)
    (service,) = prepared.objects.services
    assert (service["metadata"]["name"], service["spec"]["template"]["spec"]) == (
        "shop", {"containers": [{"image": "ghcr.io/team/shop:1.0"}]},
    )  # fmt: skip
