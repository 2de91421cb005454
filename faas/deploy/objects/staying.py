"""What stays because a function stays: what leads to a Service that the code no longer has, and what that reads. Pure.

A function that is gone from the code is deleted only when somebody says so. Until then it is left whole: it may be a
function of another project that is called the same, deployed from elsewhere, and labels do not tell the two apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from faas.client.protocol import Object
from faas.deploy.objects.belonging import SOURCE_KINDS, EventObjects, source_of
from faas.deploy.objects.live import Live
from faas.deploy.objects.plan import Change
from faas.deploy.objects.which import Which, which
from faas.project.manifests.labels import FUNCTION_LABEL
from faas.project.manifests.references import references_in
from faas.project.manifests.service import FUNCTIONS_ANNOTATION
from faas.resources.kinds import DOMAIN_MAPPING, ROLE, ROLE_BINDING, SERVICE, SERVICE_ACCOUNT, TRIGGER


def staying_with(functions: Iterable[str], leaving: Sequence[Change], live: Live) -> dict[str, tuple[Change, ...]]:
    """What of `leaving` each of these Services needs as long as it is there; those that need none of it are not told.

    Args:
        functions: Services that the code no longer declares.
        leaving: what else it no longer declares.
    """
    of_kinds = {kind: [live.objects[one] for one in sorted(live.labelled, key=str) if one[0] == kind]
                for kind in (TRIGGER, *SOURCE_KINDS, DOMAIN_MAPPING)}  # fmt: skip
    sources = tuple(source for kind in SOURCE_KINDS for source in of_kinds[kind])
    events = EventObjects(tuple(of_kinds[TRIGGER]), sources)
    found = {}
    for name in functions:
        needed = _needed(live.objects[SERVICE, name], events, of_kinds[DOMAIN_MAPPING])
        if own := tuple(change for change in leaving if (change.kind, change.name) in needed):
            found[name] = own
    return found


def _needed(service: Object, events: EventObjects, mappings: Iterable[Object]) -> set[Which]:
    name = service["metadata"]["name"]
    own = events.of_service(name)
    heard = {source_of(trigger) for trigger in events.triggers}
    unheard = [each for each in events.sources  # somebody has deleted their Trigger
               if each["metadata"]["name"] not in heard and _label_of(each) in _functions_of(service)]  # fmt: skip
    sources = [*own.sources, *unheard]
    hosts = [each for each in mappings if (each["spec"].get("ref") or {}).get("name") == name]
    read = {(each.kind, each.name) for obj in (service, *sources) for each in references_in(obj["spec"])}
    rights = {(kind, of) for account, of in read if account == SERVICE_ACCOUNT for kind in (ROLE, ROLE_BINDING)}
    return {*map(which, (*own.triggers, *sources, *hosts)), *read, *rights}


def _functions_of(service: Object) -> set[str]:
    template = service["spec"]["template"].get("metadata") or {}
    several = (template.get("annotations") or {}).get(FUNCTIONS_ANNOTATION, "")
    return {_label_of(service), *several.split(",")} - {""}


def _label_of(obj: Object) -> str:
    return str((obj["metadata"].get("labels") or {}).get(FUNCTION_LABEL) or "")
