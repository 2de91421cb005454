"""What instances wrote is still told when they are gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from faas.resources.kinds import POD
from tests.integration.engine.conftest import eventually
from tests.integration.engine.whole import Whole, running

CODE = """
from faas import function

@function(scale_to_zero_after="1s")
def brief(word: str) -> str:
    print("said", word, flush=True)
    return word
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    folder = tmp_path_factory.mktemp("whole")
    with running(folder) as whole:
        whole.serve(folder / "words", CODE)
        yield whole


def _say(whole: Whole, word: str) -> None:
    with whole.http("brief") as client:
        assert client.get(f"/?word={word}").status_code == 200


def _say_and_end(whole: Whole, word: str) -> None:
    _say(whole, word)
    eventually(lambda: not whole.objects(POD, "serving.knative.dev/service=brief"), "brief has no instances")


def test_the_lines_of_ended_instances_are_shown(whole: Whole) -> None:
    _say_and_end(whole, "one")
    _say_and_end(whole, "two")

    said = [line.partition(" ")[2] for line in whole.faas("logs", "brief").splitlines()]
    assert [line for line in said if line in ("said one", "said two")] == ["said one", "said two"]

    lines = [json.loads(line) for line in whole.faas("logs", "brief", "-o", "json").splitlines()]
    (line,) = [line for line in lines if line.get("line") == "said two"]
    assert line.keys() == {"time", "pod", "line"}
    assert whole.faas("logs", "brief", "--tail", "0") == ""


def test_follow_begins_with_ended_instances_and_goes_on_with_live_ones(whole: Whole) -> None:
    _say_and_end(whole, "before")
    env = {**os.environ, "FAAS_STATE": whole.plan.state_dir, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "faas.cli.main", "logs", "brief", "-f"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as follower:
        try:
            assert follower.stdout is not None
            assert any(line.endswith(" said before\n") for line in follower.stdout)
            _say(whole, "after")
            assert any(line.endswith(" said after\n") for line in follower.stdout)
        finally:
            follower.terminate()


def test_where_nothing_was_written_and_nothing_runs_it_says_so(whole: Whole) -> None:
    assert whole.faas("logs", "brief", "--revision", "brief-00002") == ""
    assert "brief has no instances now" in whole.said


def test_the_kept_logs_are_found_by_name_only(whole: Whole) -> None:
    assert whole.kubectl("get", "--raw", "/faas/v1/logs?namespace=..&revision=default") == ""
    assert whole.kubectl("get", "--raw", "/faas/v1/logs?namespace=default", code=1) == ""
    assert "Name a namespace, and a service or a revision" in whole.said
    assert whole.kubectl("--token=wrong", "get", "--raw", "/faas/v1/logs?namespace=default&service=brief", code=1) == ""
