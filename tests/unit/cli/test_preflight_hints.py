"""What a preflight tells to run: kubectl knows nothing of a stage, and may work elsewhere by default."""

from __future__ import annotations

import pytest

from faas.cli.placed import in_context
from faas.deploy.errors import NamesMissing, NamespaceLeaving, NoNamespace, NoRights
from faas.deploy.facts import Missing
from faas.project.manifests.references import Reference
from faas.resources.kinds import CONFIG_MAP, SERVICE, SERVICE_ACCOUNT, Kind


def missing(kind: Kind) -> str:
    return NamesMissing([Missing(Reference(kind, "ghost"), ("web",), whole=True)], "team").hint


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        pytest.param(
            missing(SERVICE_ACCOUNT),
            "Make it:  kubectl create serviceaccount ghost -n team --context prod, or name another\n"
            "Something else makes it meanwhile?  Add --no-wait",
            id="service-account",
        ),
        pytest.param(
            missing(CONFIG_MAP),
            "Make it:  kubectl create configmap ghost -n team --from-literal=KEY=… --context prod, or declare it in "
            "[tool.faas.config.ghost]\nSomething else makes it meanwhile?  Add --no-wait",
            id="config-map",
        ),
        pytest.param(
            NoNamespace("team").hint,
            "Make it:  kubectl create namespace team --context prod     (or add --create-namespace)",
            id="namespace",
        ),
        pytest.param(
            NamespaceLeaving("team").hint,
            "Wait until it is gone:  kubectl wait --for=delete namespace/team --timeout=5m --context prod\n"
            "and add --create-namespace",
            id="namespace-that-is-deleted",
        ),
        pytest.param(
            NoRights("team", [SERVICE]).hint,
            "An administrator grants it:\n"
            "  kubectl create role faas-deploy --verb=get,list,watch,create,patch,delete "
            "--resource=services.serving.knative.dev -n team --context prod\n"
            "  kubectl create rolebinding faas-deploy --role=faas-deploy --user=NAME -n team --context prod",
            id="rights",
        ),
    ],
)
def test_commands_of_kubectl_name_the_context(hint: str, expected: str) -> None:
    assert in_context(hint, "prod") == expected


def test_a_strange_name_can_be_pasted() -> None:
    assert in_context("kubectl get pods", "my cluster") == "kubectl get pods --context 'my cluster'"
