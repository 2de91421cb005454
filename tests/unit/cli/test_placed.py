"""Commands that a library suggests get the place that the command was asked for."""

from __future__ import annotations

import pytest

from faas.cli.connection import _Suggesting
from faas.cli.errors import CodedFailure, CommandError, explain
from faas.cli.placed import in_context, placed
from faas.deploy.errors import NotReady, TrafficError
from faas.deploy.facts import Failure

FLAGS = " -n team --context prod"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See them:  faas revisions web", f"See them:  faas revisions web{FLAGS}"),
        ("faas doctor --context other -n team", "faas doctor --context other -n team"),
        (
            "faas export rbac --project -n a | kubectl apply -f -",
            "faas export rbac --project -n a --context prod | kubectl apply -f -",
        ),
        (
            "Make it:  faas secret create db --from-file key=…, or declare it\nElse:  faas doctor",
            f"Make it:  faas secret create db --from-file key=…{FLAGS}, or declare it\nElse:  faas doctor{FLAGS}",
        ),
        ("See `faas list`     (more:  faas logs web)", f"See `faas list{FLAGS}`     (more:  faas logs web{FLAGS})"),
        ("faas up, faas build, faas run", "faas up, faas build, faas run"),
        ("what faas lists", "what faas lists"),
    ],
)
def test_each_command_names_what_it_does_not_name_yet(text: str, expected: str) -> None:
    assert placed(text, FLAGS) == expected


def test_a_place_with_a_space_in_its_name_stays_one_word() -> None:
    assert placed("faas list", " --context 'my cluster'") == "faas list --context 'my cluster'"
    assert placed("faas list", "") == "faas list"


def test_the_hint_of_a_split_that_cannot_be_names_the_place() -> None:
    error = TrafficError("web has no earlier ready revision", "See them:  faas revisions web")
    error.flags = FLAGS
    assert explain(error).hint == f"See them:  faas revisions web{FLAGS}"


def test_what_helps_against_a_failure_names_the_place() -> None:
    failed = CodedFailure(3, FLAGS)
    failed.__cause__ = NotReady((Failure("web", "ErrImagePull", "401", advice="Make it:  faas secret create pull"),))
    assert f"Make it:  faas secret create pull{FLAGS}" in explain(failed).render(color=False)


def test_what_a_command_itself_suggests_names_the_place() -> None:
    error = CommandError("there is no Broker 'default' in namespace team", "Make one:  faas broker create -n team")
    assert isinstance(error, _Suggesting)
    error.flags = FLAGS
    assert explain(error).hint == "Make one:  faas broker create -n team --context prod"


def test_what_a_coded_failure_suggests_names_the_place_once() -> None:
    failed = CodedFailure(3, FLAGS)
    failed.__cause__ = TrafficError("no", f"See:  faas revisions web{FLAGS}")
    assert explain(failed).hint == f"See:  faas revisions web{FLAGS}"
    failed.__cause__ = TrafficError("no", "See:  faas revisions web")
    assert explain(failed).hint == f"See:  faas revisions web{FLAGS}"


@pytest.mark.parametrize(
    ("fix", "expected"),
    [
        pytest.param(
            "faas export rbac -n team | kubectl apply -f -",
            "faas export rbac -n team | kubectl apply -f - --context prod",
            id="after a pipe",
        ),
        pytest.param(
            "Make it (kubectl apply -f …), or mount an emptyDir",
            "Make it (kubectl apply -f … --context prod), or mount an emptyDir",
            id="in brackets",
        ),
        pytest.param(
            "Make it:  kubectl create namespace team --context stage",
            "Make it:  kubectl create namespace team --context stage",
            id="one that says it",
        ),
    ],
)
def test_a_command_of_kubectl_names_the_context_once(fix: str, expected: str) -> None:
    assert in_context(fix, "prod") == expected
