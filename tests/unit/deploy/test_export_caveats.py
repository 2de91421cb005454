"""What an export says beside its files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from faas.deploy.export.caveats import caveats_of_deployed, caveats_of_project
from faas.deploy.export.editions.edition import make_edition
from faas.deploy.export.editions.serving import Served

STORE = {"ref": {"apiVersion": "v1", "kind": "Service", "name": "faas-dead-letters"}, "uri": "/default/pay"}


def service(**spec: Any) -> dict[str, Any]:
    containers = [{"image": "registry.example.org/team/shop"}]
    template = {"spec": {"containers": containers}}
    metadata = {"name": "charge", "namespace": "team"}
    return {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": metadata,
            "spec": {"template": template, **spec}}  # fmt: skip


def trigger(**delivery: Any) -> dict[str, Any]:
    metadata = {"name": "pay", "namespace": "team"}
    spec = {"broker": "default", "subscriber": {}, "delivery": delivery}
    return {"apiVersion": "eventing.knative.dev/v1", "kind": "Trigger", "metadata": metadata, "spec": spec}


def test_a_revision_that_only_this_cluster_has_is_named() -> None:
    pinned = service(traffic=[{"revisionName": "charge-00005", "percent": 100}])

    (caveat,) = caveats_of_deployed(make_edition("shop", "team", [pinned]))

    assert caveat.text == "charge sends requests to charge-00005, a revision that no other cluster has"
    assert "faas traffic charge --traffic @latest=100" in caveat.hint


def test_what_is_written_as_an_older_revision_is_says_so_and_which_tags_it_lost() -> None:
    served = Served("charge", "charge-00004", "charge-00005", ("next",))
    edition = replace(make_edition("shop", "team", [service()]), served=(served,))

    older, tags = caveats_of_deployed(edition)

    assert older.text == "charge is written as charge-00004 is, which serves; charge-00005 is newer"
    assert tags.text == "charge is written without next: tags of revisions that no other cluster has"


def test_the_store_of_dead_letters_is_missed() -> None:
    (caveat,) = caveats_of_deployed(make_edition("shop", "team", [service(), trigger(deadLetterSink=STORE)]))

    assert caveat.text == "dead letters of pay go to Service faas-dead-letters, which is not exported"


def test_what_is_whole_needs_no_word() -> None:
    edition = make_edition("shop", "team", [service(), trigger(deadLetterSink={"uri": "http://else.example"})])

    assert caveats_of_deployed(edition) == []
    assert caveats_of_project([edition], image="sha256:00", programs="") == []


def test_an_image_that_nobody_has_pinned_and_events_that_are_lost_are_said() -> None:
    image, letters = caveats_of_project([make_edition("shop", "team", [service(), trigger()])], image="", programs="")

    assert image.text.startswith("nobody has pinned the image (registry.example.org/team/shop)")
    assert "faas build --push" in image.hint
    assert letters.text == "events that cannot be delivered are lost: pay"


def test_a_domain_needs_a_claim_that_no_export_has() -> None:
    mapping = {
        "apiVersion": "serving.knative.dev/v1beta1",
        "kind": "DomainMapping",
        "metadata": {"name": "shop.example.org", "namespace": "team"},
        "spec": {"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "web"}},
    }
    edition = make_edition("shop", "team", [mapping])

    (claim,) = caveats_of_project([edition, edition], image="sha256:00", programs="")
    assert claim.text == (
        "each domain needs a ClusterDomainClaim for its namespace, which no export has: shop.example.org"
    )
