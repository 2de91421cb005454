"""A Service as it serves, whatever its newest Revision is."""

from __future__ import annotations

from typing import Any

import pytest

from faas.deploy.export.editions.serving import Served, as_it_serves, older_that_serves


def service(*serving: tuple[str, int], newest: str = "web-00002", traffic: Any = ()) -> dict[str, Any]:
    status = {
        "latestCreatedRevisionName": newest,
        "traffic": [{"revisionName": name, "percent": percent} for name, percent in serving],
    }
    template = {"spec": {"containers": [{"image": "new"}]}}
    spec = {"template": template, **({"traffic": traffic} if traffic else {})}
    return {"kind": "Service", "metadata": {"name": "web"}, "spec": spec, "status": status}


REVISION = {
    "metadata": {
        "name": "web-00001",
        "labels": {"faas.dev/function": "web", "serving.knative.dev/service": "web",
                   "serving.knative.dev/configurationGeneration": "1"},
        "annotations": {"autoscaling.knative.dev/max-scale": "3", "serving.knative.dev/routes": "web",
                        "serving.knative.dev/progress-deadline": "60s"},
    },
    "spec": {"containers": [{"image": "old"}], "timeoutSeconds": 5},
}  # fmt: skip


@pytest.mark.parametrize(
    ("of", "older"),
    [
        pytest.param(service(("web-00001", 100)), "web-00001", id="rolled-back"),
        pytest.param(service(("web-00001", 100), ("web-00002", 0)), "web-00001", id="a-tag-gets-nothing"),
        pytest.param(service(("web-00002", 100)), "", id="the-newest"),
        pytest.param(service(("web-00001", 60), ("web-00002", 40)), "", id="split-with-the-newest"),
        pytest.param(service(("web-00001", 60), ("web-00003", 40)), "", id="split"),
        pytest.param({"metadata": {"name": "web"}}, "", id="never-ready"),
    ],
)
def test_one_older_revision_that_gets_every_request_is_what_serves(of: dict[str, Any], older: str) -> None:
    assert older_that_serves(of) == older


def test_its_template_is_written_without_what_knative_has_added_and_needs_no_traffic() -> None:
    rolled_back = service(("web-00001", 100), traffic=[{"revisionName": "web-00001", "percent": 100}])

    written, served = as_it_serves(rolled_back, REVISION)

    assert written["spec"] == {
        "template": {
            "metadata": {
                "labels": {"faas.dev/function": "web"},
                "annotations": {"autoscaling.knative.dev/max-scale": "3",
                                "serving.knative.dev/progress-deadline": "60s"},
            },
            "spec": {"containers": [{"image": "old"}], "timeoutSeconds": 5},
        }
    }  # fmt: skip
    assert served == Served("web", "web-00001", "web-00002")


def test_its_tags_stay_and_those_of_others_are_told() -> None:
    traffic = [{"revisionName": "web-00001", "percent": 100}, {"revisionName": "web-00001", "tag": "stable"},
               {"latestRevision": True, "tag": "next"}]  # fmt: skip

    written, served = as_it_serves(service(("web-00001", 100), traffic=traffic), REVISION)

    assert written["spec"]["traffic"] == [
        {"latestRevision": True, "percent": 100}, {"latestRevision": True, "percent": 0, "tag": "stable"},
    ]  # fmt: skip
    assert served.tags_left == ("next",)
