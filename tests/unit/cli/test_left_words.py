"""What a deploy says of functions that the code no longer has, and that stay."""

from __future__ import annotations

from faas.cli.carrying_out import left_words
from faas.deploy.objects.gone import Gone
from faas.deploy.objects.plan import Change
from faas.resources.kinds import BROKER, DOMAIN_MAPPING, SERVICE, TRIGGER, Kind


def change(kind: Kind, name: str) -> Change:
    return Change(name, "delete", {}, {}, False, (), kind)


def test_who_is_renamed_is_told_that_events_come_under_both_names() -> None:
    gone = Gone((), (change(SERVICE, "old"), change(SERVICE, "web")), {
        "old": (change(TRIGGER, "old-1"),), "web": (change(DOMAIN_MAPPING, "web.example"),),
    })  # fmt: skip

    assert left_words(gone, " -n team") == [
        "Still deployed, no longer in the code: old with 1 Trigger, web with 1 domain. What is renamed gets "
        "its events under both names until the old one is deleted. Remove:  faas delete old web -n team"
    ]


def test_without_events_nothing_is_said_of_them() -> None:
    assert left_words(Gone((), (change(SERVICE, "web"), change(BROKER, "orders")), {}), "") == [
        "Still deployed, no longer in the code: web. Remove:  faas delete web",
        "Still there, no longer in the code: orders (Broker). Remove:  faas broker delete orders",
    ]
