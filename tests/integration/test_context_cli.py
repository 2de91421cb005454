"""`faas context`, and the way from flags, variables, stages and choices to the place where a command works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

KUBECONFIG = """
current-context: prod
contexts:
- {name: prod, context: {cluster: big, user: me, namespace: shop}}
- {name: staging, context: {cluster: big, user: me}}
clusters:
- {name: big, cluster: {server: "https://127.0.0.1:1"}}
users:
- {name: me, user: {token: very-secret}}
"""
PROJECT = """
[tool.faas.environments.production]
context = "prod"
namespace = "live"

[tool.faas.environments.gone]
context = "prode"
"""


@dataclass
class Place:
    folder: Path

    def faas(self, *arguments: str, code: int = 0, **variables: str) -> str:
        """stdout, then stderr."""
        done = subprocess.run(
            [sys.executable, "-m", "faas.cli.main", *arguments],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("FAAS_")},
                "KUBECONFIG": str(self.folder / "kubeconfig"),
                "XDG_CONFIG_HOME": str(self.folder / "config"),
                "FAAS_STATE": str(self.folder / "state"),
                "PYTHONPATH": str(Path(__file__).parents[2]),
                **variables,
            },
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "very-secret" not in done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    return Place(tmp_path)


def test_local_is_where_commands_work_until_something_else_is_chosen(place: Place) -> None:
    contexts = json.loads(place.faas("context", "list", "-o", "json"))

    assert [(each["name"], each["current"], each["namespace"]) for each in contexts] == [
        ("local", True, "default"),
        ("prod", False, "shop"),
        ("staging", False, "default"),
    ]
    assert contexts[1] == {
        "name": "prod",
        "server": "https://127.0.0.1:1",
        "namespace": "shop",
        "user": "me",
        "source": str(place.folder / "kubeconfig"),
        "current": False,
    }


def test_a_chosen_context_stays_and_can_be_taken_back(place: Place) -> None:
    place.faas("context", "use", "prod")

    assert (place.folder / "config" / "faas" / "context").read_text() == "prod\n"
    assert "*  prod" in place.faas("context", "list")
    assert "FAAS_CONTEXT" in place.faas("context", "show", FAAS_CONTEXT="staging")
    place.faas("context", "use", "local")
    assert json.loads(place.faas("context", "show", "-o", "json"))["name"] == "local"


def test_only_what_is_there_can_be_chosen(place: Place) -> None:
    said = place.faas("context", "use", "prodd", code=1)

    assert "there is no context 'prodd'" in said
    assert "Did you mean 'prod'?" in said
    assert not (place.folder / "config").exists()


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        pytest.param([], {}, "no engine runs", id="local"),
        pytest.param(["--context", "prod"], {}, "https://127.0.0.1:1", id="flag"),
        pytest.param([], {"FAAS_CONTEXT": "prod"}, "https://127.0.0.1:1", id="variable"),
        pytest.param(["--context", "local"], {"FAAS_CONTEXT": "prod"}, "no engine runs", id="flag-over-variable"),
        pytest.param(["--stage", "production"], {}, "https://127.0.0.1:1", id="stage"),
        pytest.param([], {"FAAS_STAGE": "production"}, "https://127.0.0.1:1", id="stage-variable"),
        pytest.param(["--stage", "production", "--context", "local"], {}, "no engine runs", id="flag-over-stage"),
        pytest.param(["--stage", "productio"], {}, "production", id="no-such-stage"),
        pytest.param(["--stage", "gone"], {}, "no context 'prode', which tool.faas.environments.gone names", id="gone"),
    ],
)
def test_the_first_that_says_where_wins(
    place: Place, arguments: list[str], variables: dict[str, str], said: str
) -> None:
    assert said in place.faas("list", *arguments, code=1, **variables)


def test_a_choice_is_what_the_other_words_win_over(place: Place) -> None:
    place.faas("context", "use", "prod")

    assert "https://127.0.0.1:1" in place.faas("list", code=1)
    assert "no engine runs" in place.faas("list", code=1, FAAS_CONTEXT="local")


def test_a_state_that_is_typed_means_its_engine_whatever_was_chosen(place: Place) -> None:
    place.faas("context", "use", "prod")

    assert "no engine runs" in place.faas("delete", "web", "--yes", "--state", "elsewhere", code=1)
    assert "no engine runs" in place.faas("export", "--state", "elsewhere", code=1)
    assert "https://127.0.0.1:1" in place.faas("list", "--state", "elsewhere", "--context", "prod", code=1)


def test_a_stage_without_a_project_says_where_to_stand(place: Place) -> None:
    (place.folder / "pyproject.toml").unlink()

    assert "there is none in" in place.faas("list", "--stage", "production", code=1)
