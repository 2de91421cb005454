"""Our buildpack where lifecycles run it: in containers of a build image and of a run image, as nobody in particular."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.containers_world import MadeImage
from tests.integration.builders.cnb.conftest import MINOR
from tests.integration.builders.cnb.lifecycle import Lifecycle
from tests.integration.builders.running import answer_of
from tests.made_distributions import make_wheel

USER = 1000  # cnb, in most builder images


@dataclass
class ContainedLifecycle(Lifecycle):
    """Runs every phase in a container, with the folders where platforms have them."""

    client: Any = None
    image: str = ""

    @property
    def mounts(self) -> dict[str, dict[str, str]]:
        places = {self.buildpack: "/cnb/buildpacks/ours", self.app: "/workspace", self.layers: "/layers"}
        places |= {self.platform: "/platform", self.work / "plans": "/plans"}
        return {str(host): {"bind": inside, "mode": "rw"} for host, inside in places.items()}

    def _run(self, phase: str, **given: str) -> subprocess.CompletedProcess[str]:
        user = self.platform / "env"
        user.mkdir(parents=True, exist_ok=True)
        self.layers.mkdir(exist_ok=True)
        plans = self.work / "plans"
        plans.mkdir(exist_ok=True)
        for name in ("plan.toml", "bp-plan.toml"):
            if (self.work / name).exists():
                (plans / name).write_text((self.work / name).read_text())
        for folder in (self.app, self.layers, self.platform, plans):
            _give_away(folder)
        env = {
            "CNB_BUILDPACK_DIR": "/cnb/buildpacks/ours", "CNB_PLATFORM_DIR": "/platform", "CNB_LAYERS_DIR": "/layers",
            "CNB_BUILD_PLAN_PATH": "/plans/plan.toml", "CNB_BP_PLAN_PATH": "/plans/bp-plan.toml", "HOME": "/tmp",
            **self.env,
        }  # fmt: skip
        container = self.client.containers.create(
            self.image, [f"/cnb/buildpacks/ours/bin/{phase}"], environment=env, user=str(_user()),
            working_dir="/workspace", volumes=self.mounts, network_disabled=True,
        )  # fmt: skip
        try:
            container.start()
            status = container.wait()["StatusCode"]
            stdout, stderr = (
                container.logs(stdout=name == "out", stderr=name == "err").decode() for name in ("out", "err")
            )
        finally:
            container.remove(force=True, v=True)
        (self.work / "plan.toml").write_text((plans / "plan.toml").read_text())
        return subprocess.CompletedProcess([phase], status, stdout, stderr)


@pytest.fixture(scope="module")
def image(docker: Any, debian_base: MadeImage) -> Iterator[str]:
    """Debian's Python and the tools of a shell: what every build image has."""
    debian_base.load(docker, "faas-test-python:3.11")
    dockerfile = b"FROM faas-test-python:3.11\nRUN /bin/busybox --install -s /bin\n"
    docker.images.build(fileobj=io.BytesIO(dockerfile), tag="faas-test-build:1", rm=True, forcerm=True)
    yield "faas-test-build:1"
    docker.images.remove("faas-test-build:1", force=True)


@pytest.mark.skipif(MINOR != "3.11", reason="the test's image has the Python 3.11 of Debian 12")
def test_a_build_in_containers_is_launched_in_a_container(
    docker: Any, image: str, buildpack: Path, tmp_path: Path
) -> None:
    if os.environ.get("DOCKER_HOST", "unix:").split(":")[0] != "unix":
        pytest.skip("folders of this machine are mounted, and the Docker engine is on another")
    lifecycle = ContainedLifecycle(buildpack, tmp_path / "app", tmp_path, client=docker, image=image)
    lifecycle.app.mkdir()
    (lifecycle.app / "main.py").write_text(
        "import os\n\nimport greeting\nfrom faas import function\n\nassert 'UV_FIND_LINKS' not in os.environ\n\n\n"
        "@function\ndef hello() -> str:\n    return greeting.TEXT\n"
    )
    (lifecycle.app / "requirements.txt").write_text("faas\ngreeting\n")
    binding = lifecycle.platform / "bindings/wheels"
    binding.mkdir(parents=True)
    (binding / "type").write_text("pypi")
    (binding / "find-links").write_text("/platform/bindings/wheels")
    make_wheel(binding, "greeting", "1.0", files={"greeting.py": "TEXT = 'hi from a container'\n"})
    lifecycle.env = {"UV_OFFLINE": "1"}

    detected = lifecycle.detect()
    built = lifecycle.build()
    again = lifecycle.build()

    assert (detected.exit_code, built.returncode, again.returncode) == (0, 0, 0), built.stderr + again.stderr
    assert "Python 3.11." in built.stdout
    assert "dependencies of requirements.txt: installed" in built.stdout
    assert "dependencies of requirements.txt: reused" in again.stdout
    (web,) = lifecycle.launch["processes"]
    env = lifecycle.launch_env("web", {})
    del env["PATH"]  # the image's own
    mounts = {host: {**mount, "mode": "ro"} for host, mount in lifecycle.mounts.items()}
    answer = answer_of(
        docker, image, command=web["command"], environment=env, volumes=mounts, working_dir="/workspace", user="1000",
        read_only=True, tmpfs={"/tmp": ""},
    )  # fmt: skip
    assert answer == "hi from a container"


def _user() -> int:
    return USER if os.getuid() == 0 else os.getuid()


def _give_away(folder: Path) -> None:
    """To whom the build runs as, as a platform does."""
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, USER, USER, follow_symlinks=False)
