"""Images in any language as Services of the engine, beside Python functions, on a real Docker engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from faas.resources.kinds import POD
from tests.containers_world import MadeImage, RunningRegistry, busybox, docker, registry
from tests.integration.engine.conftest import eventually
from tests.integration.engine.whole import Whole, running

__all__ = ["busybox", "docker", "registry"]

SERVER = "echo {says} > /tmp/index.html; exec httpd -f -p $PORT -h /tmp"
CODE = """
from faas import Context, function

@function
async def beside(ctx: Context) -> str:
    answer = await ctx.call("shell")
    return "a function says: " + answer.text
"""


@pytest.fixture(scope="module")
def whole(docker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with running(tmp_path_factory.mktemp("whole")) as whole:
        yield whole
    left = docker.containers.list(all=True, filters={"label": f"faas.dev/state={whole.plan.state_dir}"})
    assert [container.name for container in left] == []


@pytest.fixture(scope="module")
def image(busybox: MadeImage, registry: RunningRegistry) -> str:
    return busybox.push(registry, "shell").partition("@")[0]  # its tag: the engine finds out the digest


def service(name: str, image: str, script: str, *, annotations: dict[str, str] | None = None, **container: Any) -> str:
    spec = {
        "containers": [{"image": image, "command": ["/bin/sh", "-c"], "args": [script], **container}],
    }
    template = {"metadata": {"annotations": annotations or {}}, "spec": spec}
    document = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"template": template},
    }
    return yaml.safe_dump(document)


def apply(whole: Whole, folder: Path, document: str, *, ready: bool = True) -> None:
    path = folder / "service.yaml"
    path.write_text(document)
    whole.kubectl("apply", "-f", str(path))
    name = yaml.safe_load(document)["metadata"]["name"]
    wanted = "--for=condition=Ready" if ready else "--for=condition=Ready=false"
    whole.kubectl("wait", wanted, f"ksvc/{name}", "--timeout=60s")


def revision(whole: Whole, name: str) -> dict[str, Any]:
    items = json.loads(whole.kubectl("get", "revisions", "-o", "json"))["items"]
    (found,) = [item for item in items if item["metadata"]["labels"]["serving.knative.dev/service"] == name]
    return dict(found)


def test_a_shell_server_runs_beside_python_functions_and_scales_to_zero(
    whole: Whole, image: str, tmp_path: Path
) -> None:
    after = {"faas.dev/scale-to-zero-after": "1s"}
    apply(whole, tmp_path, service("shell", image, SERVER.format(says="hello"), annotations=after))
    whole.serve(tmp_path / "project", CODE)
    assert whole.get("shell") == (200, b"hello\n")
    assert whole.get("beside") == (200, b"a function says: hello\n")
    eventually(
        lambda: not [pod for pod in whole.objects(POD) if pod["metadata"]["name"].startswith("shell-")], "shell at zero"
    )
    assert whole.get("shell") == (200, b"hello\n")  # and up again
    (status,) = revision(whole, "shell")["status"]["containerStatuses"]
    assert "@sha256:" in status["imageDigest"]


def test_a_canary_of_another_image_gets_its_share(whole: Whole, image: str, tmp_path: Path) -> None:
    apply(whole, tmp_path, service("steps", image, SERVER.format(says="one")))
    apply(whole, tmp_path, service("steps", image, SERVER.format(says="two")))
    whole.faas("traffic", "steps", "--traffic", "steps-00001=75", "--traffic", "steps-00002=25")
    with whole.http("steps") as client:
        answers = [client.get("/").text for _ in range(400)]
    assert set(answers) == {"one\n", "two\n"}
    assert 50 < answers.count("two\n") < 150


def test_a_container_that_ends_shows_its_exit_code_and_what_it_said_last(
    whole: Whole, image: str, tmp_path: Path
) -> None:
    apply(whole, tmp_path, service("ends", image, "echo no configuration >&2; exit 5"), ready=False)
    conditions = {each["type"]: each for each in revision(whole, "ends")["status"]["conditions"]}
    assert conditions["ContainerHealthy"]["reason"] == "ExitCode5"
    assert "no configuration" in conditions["ContainerHealthy"]["message"]
    whole.kubectl("delete", "ksvc", "ends")


def test_an_image_that_no_registry_has_is_named(whole: Whole, registry: RunningRegistry, tmp_path: Path) -> None:
    missing = f"{registry.host}/nothing:v1"
    apply(whole, tmp_path, service("missing", missing, "true"), ready=False)
    conditions = {each["type"]: each for each in revision(whole, "missing")["status"]["conditions"]}
    assert conditions["ContainerHealthy"]["reason"] == "ContainerMissing"
    assert missing in conditions["ContainerHealthy"]["message"]
    whole.kubectl("delete", "ksvc", "missing")
