"""What the code no longer declares: what of it goes with a deploy, and what only when somebody says so. Pure."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field

from faas.deploy.objects.live import Live
from faas.deploy.objects.plan import Change
from faas.deploy.objects.staying import staying_with
from faas.deploy.objects.which import Which
from faas.resources.kinds import SERVICE, Kind


@dataclass(frozen=True, slots=True)
class Gone:
    """Deletions, by when they are to be."""

    at_once: tuple[Change, ...] = ()
    asked: tuple[Change, ...] = ()  # when somebody says so
    along: Mapping[str, tuple[Change, ...]] = field(default_factory=dict)  # with one of these, a Service of that name

    @property
    def with_asked(self) -> tuple[Change, ...]:
        """All that goes when somebody says so, each once."""
        along = (change for changes in self.along.values() for change in changes)
        return tuple({(change.kind, change.name): change for change in (*self.asked, *along)}.values())


def gone_from(live: Live, kinds: Sequence[Kind], wanted: Container[Which], *, asked: Collection[Kind]) -> Gone:
    """Args:
    kinds: that are looked at.
    wanted: what the code declares.
    asked: kinds that only go when somebody says so.
    """
    if SERVICE in live.unknown:
        return Gone()  # who may not see which functions there are cannot tell what they need
    every = no_longer(live, kinds, wanted)
    kept = tuple(change for change in every if change.kind in asked)
    along = staying_with([change.name for change in kept if change.kind == SERVICE], every, live)
    found = Gone(asked=kept, along=along)
    stays = {(change.kind, change.name) for change in found.with_asked}
    return Gone(tuple(change for change in every if (change.kind, change.name) not in stays), kept, along)


def no_longer(live: Live, kinds: Sequence[Kind], wanted: Container[Which]) -> list[Change]:
    """What an earlier deploy of the project made, of these kinds, and is not wanted any more."""
    leaving = [one for one in live.labelled if one[0] in kinds and one not in wanted]
    return [
        Change(name, "delete", live.objects[kind, name], live.objects[kind, name], False, (), kind)
        for kind, name in sorted(leaving, key=lambda one: (kinds.index(one[0]), one[1]))
    ]
