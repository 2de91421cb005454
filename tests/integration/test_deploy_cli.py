"""The commands, one after the other, against a real engine: what a user does in the first ten minutes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faas_command import FaasCommand

HELLO = """
from faas import Event, HTTPError, function

@function
def hello(name: str = "World") -> str:
    if name == "nobody":
        raise HTTPError(404, "nobody is here")
    print(f"greeting {name}", flush=True)
    return f"GREETING {name}!\\n"

@function.event(type="com.acme.ping")
def on_ping(event: Event) -> None:
    print("pinged", event.id, flush=True)
"""


class Faas(FaasCommand):
    def data(self, *arguments: str) -> object:
        return json.loads(self(*arguments, "-o", "json"))


@pytest.fixture(scope="module")
def faas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faas]:
    faas = Faas(tmp_path_factory.mktemp("engine") / "state")
    faas("up", "--port", "0")
    yield faas
    faas("down")


@pytest.fixture
def project(tmp_path: Path, faas: Faas) -> Iterator[Path]:
    folder = tmp_path / "shop"
    folder.mkdir()
    write(folder, "Hello")
    faas("deploy", folder)
    yield folder
    faas("delete", "hello", "on-ping", "--yes")


def write(folder: Path, greeting: str) -> None:
    (folder / "main.py").write_text(HELLO.replace("GREETING", greeting))


def digest(faas: Faas) -> str:
    document = json.loads(faas("describe", "hello", "-o", "json"))
    return str(document["spec"]["template"]["spec"]["containers"][0]["image"])


def test_deployed_functions_answer_and_are_listed(faas: Faas, project: Path) -> None:
    assert faas("invoke", "hello", "--path", "/?name=Ada") == "Hello Ada!\n"
    assert faas.said.startswith("200 OK")
    listed = json.loads(faas("list", "-o", "json"))
    assert [item["metadata"]["name"] for item in listed["items"]] == ["hello", "on-ping"]
    assert "hello-00001" in faas("describe", "hello")


def test_a_refusal_is_exit_code_1_with_the_body_on_stdout(faas: Faas, project: Path) -> None:
    body = faas("invoke", "hello", "--path", "/?name=nobody", code=1)

    assert json.loads(body)["detail"] == "nobody is here"
    assert faas.said.startswith("404")


def test_an_event_reaches_a_cluster_local_function_and_its_log(faas: Faas, project: Path) -> None:
    for form in ([], ["--structured"]):
        faas("invoke", "on-ping", "--event", "com.acme.ping", "--id", "e7", "--json", "{}", *form)

    assert faas("logs", "on-ping").count("pinged e7") == 2


def test_deploying_the_same_again_changes_nothing_and_new_code_makes_a_revision(faas: Faas, project: Path) -> None:
    first = digest(faas)
    assert faas("deploy", project).count("unchanged") == 2
    assert (digest(faas), faas("diff", project)) == (first, "")

    write(project, "Hi")
    assert "+      - image: faas.local/shop@sha256:" in faas("diff", project)
    faas("deploy", project)

    assert faas("invoke", "hello") == "Hi World!\n"
    assert digest(faas) != first


def test_a_canary_a_tag_and_a_rollback(faas: Faas, project: Path) -> None:
    write(project, "Hi")
    faas("deploy", project)
    faas("traffic", "hello", "--traffic", "hello-00001=100", "--tag", "@latest=canary")

    assert faas("invoke", "hello") == "Hello World!\n"
    assert faas("invoke", "hello", "--tag", "canary") == "Hi World!\n"

    write(project, "Hey")
    faas("deploy", project)
    assert "Requests stay where they are (hello: hello-00001 100 %, @latest 0 % (canary))" in faas.said
    assert "\n  faas traffic hello --traffic @latest=100 --state " in faas.said
    assert faas("invoke", "hello") == "Hello World!\n"

    faas("traffic", "hello", "--traffic", "@latest=100", "--untag", "canary")
    assert faas("invoke", "hello") == "Hey World!\n"
    faas("rollback", "hello", "--to", "hello-00001")
    assert "hello-00001" in faas.said
    assert faas("invoke", "hello") == "Hello World!\n"


def test_code_that_does_not_import_deploys_nothing(faas: Faas, project: Path) -> None:
    (project / "main.py").write_text("from faas import function\n\n1 / 0\n")

    faas("deploy", project, code=1)

    assert "ZeroDivisionError" in faas.said
    assert faas("invoke", "hello") == "Hello World!\n"


def test_code_that_fails_only_when_it_starts_keeps_the_old_revision_and_says_why(faas: Faas, project: Path) -> None:
    (project / "main.py").write_text(
        HELLO.replace("GREETING", "Bad")
        + "\n@function.on_start\ndef boom() -> None:\n    raise RuntimeError('no disk')\n"
    )

    faas("deploy", project, "--wait-timeout", "30", code=3)

    assert "no disk" in faas.said
    assert "traffic stays where it was: hello (hello-00001 100 %), on-ping (on-ping-00001 100 %)" in faas.said
    assert faas("invoke", "hello") == "Hello World!\n"


def test_a_deploy_that_is_interrupted_says_what_it_leaves(faas: Faas, project: Path) -> None:
    hangs = "\n@function.on_start\ndef hang() -> None:\n    import threading\n    threading.Event().wait(15)\n"
    (project / "main.py").write_text(HELLO.replace("GREETING", "Late") + hangs)
    deploy = subprocess.Popen(
        [sys.executable, "-m", "faas.cli.main", "deploy", project],
        env={**os.environ, "FAAS_STATE": str(faas.state)}, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert deploy.stderr is not None
    for line in deploy.stderr:
        if line.startswith("apply: done"):
            break
    deploy.send_signal(signal.SIGINT)
    _, said = deploy.communicate(timeout=60)

    assert deploy.returncode == 130
    assert "What was applied stays" in said
    assert said.endswith("aborted\n")
    assert faas("invoke", "hello") == "Hello World!\n"


def test_what_is_exported_is_plain_and_says_that_its_image_is_not_portable(faas: Faas, project: Path) -> None:
    import yaml

    documents = list(yaml.safe_load_all(faas("export")))

    assert [(document["kind"], document["metadata"]["name"]) for document in documents] == [
        ("Broker", "default"), ("Service", "hello"), ("Service", "on-ping"), ("Trigger", "on-ping"),
    ]  # fmt: skip
    assert all(not {"status", "uid"} & (document.keys() | document["metadata"].keys()) for document in documents)
    assert "a cluster cannot pull it" in faas.said


def test_options_from_flags_are_on_the_service(faas: Faas, project: Path) -> None:
    flags = ["--scale-min", "1", "--scale-max", "3", "--concurrency-limit", "5", "-e", "A=1", "--service", "hello"]
    faas("deploy", project, *flags)

    template = json.loads(faas("describe", "hello", "-o", "json"))["spec"]["template"]
    assert template["metadata"]["annotations"] == {
        "autoscaling.knative.dev/max-scale": "3",
        "autoscaling.knative.dev/min-scale": "1",
    }
    assert template["spec"]["containerConcurrency"] == 5
    assert {"name": "A", "value": "1"} in template["spec"]["containers"][0]["env"]


def test_an_option_that_the_server_refuses_names_the_field(faas: Faas, project: Path) -> None:
    faas("deploy", project, "--scale-min", "5", "--scale-max", "2", code=1)

    assert "min_scale=5 is above max_scale=2" in faas.said


def test_what_is_not_there_is_said(faas: Faas, project: Path) -> None:
    faas("invoke", "nothing", code=1)
    assert 'services.serving.knative.dev "nothing" not found' in faas.said
    faas("delete", "nothing", "--yes", code=1)
    faas("traffic", "hello", "--traffic", "hello-00009=100", code=1)
    assert "hello has no revision hello-00009" in faas.said
    faas("deploy", project, "-n", "prod", code=1)
    assert "kubectl create namespace prod" in faas.said


def test_delete_asks_and_a_dry_run_does_not(faas: Faas, project: Path) -> None:
    faas("delete", "hello", code=130)  # no answer on a closed standard input
    assert "would be deleted" in faas("delete", "hello", "--dry-run")
    assert faas("invoke", "hello") == "Hello World!\n"


def test_the_kubeconfigs_path_is_printed_and_doctor_is_content(faas: Faas) -> None:
    assert faas("kubeconfig") == f"{faas.state}/kubeconfig\n"
    checks = json.loads(faas("doctor", "-o", "json"))
    assert {check["name"]: check["status"] for check in checks}["api"] == "ok"
