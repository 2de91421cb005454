"""What to do when an API server refuses: other words for a cluster than for the engine."""

from __future__ import annotations

import pytest

from faas.cli.errors import CodedFailure, deploy_exit_codes, explain
from faas.cli.refusals import granting
from faas.client.errors import ApiError, Forbidden, NoSuchKind, NotFound, Unauthorized, Unavailable, Untrusted
from faas.client.places.contexts import UnknownContext
from faas.deploy.errors import EventsNotReady, NoRights
from faas.deploy.facts import EventFailure
from faas.resources.kinds import SERVICE


def in_context(context: str, error: ApiError) -> ApiError:
    error.context = context
    return error


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        pytest.param(Unavailable("no answer"), "faas doctor --context prod", id="unavailable"),
        pytest.param(
            Unavailable(
                'Internal error occurred: failed calling webhook "w.dev": failed to call webhook: Post '
                '"https://webhook.knative-serving.svc:443/defaulting?timeout=10s": no endpoints available'
            ),
            "kubectl get pods -n knative-serving --context prod",
            id="webhook",
        ),
        pytest.param(Unavailable("busy", code=429, retry_after_s=90), "try again in 90 s", id="busy"),
        pytest.param(Untrusted("who are you"), "SSL_CERT_FILE", id="untrusted"),
        pytest.param(Unauthorized("no"), "kubectl auth whoami --context prod", id="unauthorized"),
        pytest.param(Forbidden("no"), "faas export rbac", id="forbidden"),
        pytest.param(
            ApiError("dry run failed with pods x is forbidden: failed quota: q: must specify limits.cpu", code=400),
            "Say cpu and memory",
            id="quota-without-limits",
        ),
        pytest.param(
            ApiError("pods x is forbidden: maximum cpu usage per Container is 200m, but limit is 100", code=400),
            "Ask for less (cpu, memory)",
            id="limit-range",
        ),
        pytest.param(NoSuchKind("services.serving.knative.dev/v1"), "Knative Serving is missing", id="no-serving"),
        pytest.param(NoSuchKind("triggers.eventing.knative.dev/v1"), "Knative Eventing is missing", id="no-eventing"),
        pytest.param(NoSuchKind("things.example.com/v1"), "What brings it is missing", id="no-kind"),
        pytest.param(NotFound("no", kind="services", name="x"), "faas list --context prod", id="no-service"),
        pytest.param(
            NotFound("no", kind="namespaces", name="x"), "kubectl create namespace x --context prod", id="namespace"
        ),
    ],
)
def test_of_a_cluster_the_advice_is_of_that_cluster(error: ApiError, advice: str) -> None:
    hint = explain(in_context("prod", error)).hint

    assert advice in hint
    assert "faas status" not in hint


@pytest.mark.parametrize("context", ["", "local"])
@pytest.mark.parametrize(
    ("error", "advice"),
    [
        pytest.param(Unavailable("no answer"), "faas status", id="unavailable"),
        pytest.param(Forbidden("no"), "another engine's", id="forbidden"),
        pytest.param(NotFound("no", kind="services", name="x"), "faas list -A", id="no-service"),
    ],
)
def test_of_the_engine_it_is_of_the_engine(context: str, error: ApiError, advice: str) -> None:
    assert advice in explain(in_context(context, error)).hint


def test_a_context_with_a_strange_name_can_be_pasted() -> None:
    assert "--context 'my cluster'" in explain(in_context("my cluster", Unavailable("x"))).hint


def test_an_unknown_context_says_which_may_be_meant() -> None:
    explained = explain(UnknownContext("prd", ("local", "prod"), "tool.faas.environments.live"))

    assert explained.message == "there is no context 'prd', which tool.faas.environments.live names"
    assert explained.hint == "Did you mean 'prod'? See which there are:  faas context list"


def test_a_refused_user_is_told_what_can_be_pasted_for_the_very_place() -> None:
    said = (
        'services.serving.knative.dev is forbidden: User "bob" cannot list resource "services" in the namespace "team"'
    )
    error = in_context("prod", Forbidden(said))
    error.flags = " --stage live --context prod"

    hint = explain(error).hint

    assert "faas doctor --stage live --context prod\n" in hint
    assert "  faas export rbac --project --stage live --context prod | kubectl apply -f -\n" in hint
    assert "kubectl create rolebinding faas-deploy --role PROJECT-deploy --user bob -n team --context prod" in hint


def test_without_a_stage_the_namespace_of_the_rights_is_named() -> None:
    assert granting("team", " --context prod").endswith(
        "faas export rbac --project -n team --context prod | kubectl apply -f -"
    )


def test_who_may_not_deploy_an_image_is_not_sent_to_a_project() -> None:
    refused = NoRights("team", [SERVICE])
    refused.of_project = False

    with pytest.raises(CodedFailure) as error, deploy_exit_codes(" -n team --context prod"):
        raise refused

    assert error.value.exit_code == 5
    assert explain(error.value).hint == (
        "An administrator grants it:\n"
        "  kubectl create role faas-deploy --verb=get,list,watch,create,patch,delete "
        "--resource=services.serving.knative.dev -n team\n"
        "  kubectl create rolebinding faas-deploy --role=faas-deploy --user=NAME -n team"
    )


def test_what_is_told_to_look_at_is_in_the_place_that_was_deployed_to() -> None:
    failures = (EventFailure("Trigger", "pay", "NoBroker", "there is none"),)

    with pytest.raises(CodedFailure) as error, deploy_exit_codes(" --stage live"):
        raise EventsNotReady(failures)

    assert error.value.exit_code == 3
    assert explain(error.value).hint == "It goes on trying. See:  faas trigger describe pay --stage live"
