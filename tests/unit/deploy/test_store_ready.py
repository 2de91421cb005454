"""Whether the store of dead letters runs, and what is said when it does not."""

from __future__ import annotations

from typing import Any

from faas.deploy.objects.plan import Change
from faas.deploy.programs.store_ready import is_available, store_of, time_for, trouble_of_store
from faas.resources.kinds import DEPLOYMENT, SECRET

NAME = "faas-dead-letters"


def deployment(**status: Any) -> dict[str, Any]:
    metadata = {"name": NAME, "generation": 3}
    told = {"observedGeneration": 3, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, **status}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "status": told}


def change(action: Any, live: dict[str, Any] | None) -> Change:
    return Change(NAME, action, deployment(), live, False, (), DEPLOYMENT)


def test_only_a_store_that_is_not_known_to_run_is_waited_for() -> None:
    assert is_available(deployment())
    assert not is_available(deployment(availableReplicas=0))
    assert not is_available(deployment(observedGeneration=2))
    assert not is_available(deployment(replicas=2))
    assert store_of([change("unchanged", deployment())]) is None
    assert store_of([Change(NAME, "create", {}, None, False, (), SECRET)]) is None
    waiting = change("unchanged", deployment(availableReplicas=0))
    assert store_of([waiting]) is waiting
    assert store_of([change("create", None)]) is not None


def test_a_deploy_of_the_same_does_not_wait_for_it_again() -> None:
    assert time_for(change("create", None)) == 20.0
    assert time_for(change("unchanged", deployment(availableReplicas=0))) == 1.0


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": f"{NAME}-7d9-x"}, "spec": {}, "status": status}


def test_without_a_volume_the_words_name_what_makes_volumes() -> None:
    message = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}

    trouble = trouble_of_store([pod(conditions=[condition])], [])

    assert trouble.sentence == f"no node takes it: {message}"
    assert "StorageClass" in trouble.advice
    assert "dead_letters = false" in trouble.advice


def test_an_image_that_cannot_be_pulled_is_said_as_of_a_function() -> None:
    waiting = {"reason": "ErrImagePull", "message": "failed to resolve reference: not found"}
    status = {"name": "store", "image": "registry.example.org/faas-sources", "state": {"waiting": waiting}}

    assert "cannot be pulled: not found" in trouble_of_store([pod(containerStatuses=[status])], []).sentence
    assert "kubectl describe pod" in trouble_of_store([], []).advice
