"""What a Service says of where it is called. Pure: `flags` are what names the place on a command line, for hints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from faas.cli.conditions import is_public
from faas.cli.errors import CommandError

if TYPE_CHECKING:
    from faas.client.places.state import EngineInfo
    from faas.client.protocol import Object


def check_was_ready(service: Object, flags: str) -> None:
    """Raises: CommandError: no revision has ever become ready, which an ingress only knows as a 404."""
    from faas.cli.conditions import ready_of
    from faas.cli.output import first_line

    condition = ready_of(service)
    if condition.get("status") != "False" or (service.get("status") or {}).get("latestReadyRevisionName"):
        return
    name = service["metadata"]["name"]
    why = first_line(condition.get("message", "")) or condition.get("reason", "")
    raise CommandError(f"{name} has never become ready: {why}".rstrip(": "), f"See more:  faas describe {name}{flags}")


def event_path(triggers: Sequence[Object], event: Mapping[str, str]) -> str:
    """The path of the Trigger that would let the event through, or of the only one there is."""
    from faas_runtime.events.matching import compile_filters

    wanting = [each for each in triggers if compile_filters(each["spec"].get("filters") or ()).matches(dict(event))]
    found = wanting or (triggers if len(triggers) == 1 else ())
    return str((found[0]["spec"].get("subscriber") or {}).get("uri") or "/") if found else "/"


def address_on_engine(
    service: Object, tag: str | None, engine: EngineInfo, flags: str, *, internally: bool = False
) -> tuple[str, str]:
    """The Host to ask for, and where to dial: names under .localhost need not resolve, so they are never looked up.

    Args:
        internally: the public listener does not answer for it, as for the paths that events are delivered to.
    """
    from urllib.parse import urlsplit

    url, _ = url_of(service, tag, flags)
    public = urlsplit(engine.public_url)
    host = urlsplit(url).hostname or ""
    if is_public(service) and public.scheme == "http" and not internally:
        return f"{host}:{public.port}", f"{public.hostname}:{public.port}"
    # Cluster-local names, and all names while the public listener speaks TLS, answer on the engine's own socket.
    return host, f"unix:{engine.runtime_dir}/internal.sock"


def url_of(service: Object, tag: str | None, flags: str) -> tuple[str, str]:
    """A Service's URL, or that of a tag; and the Revision that it leads to, most of the time. Raises: CommandError."""
    status = service.get("status") or {}
    traffic = [each for each in status.get("traffic") or () if not tag or each.get("tag") == tag]
    main: Mapping[str, Any] = max(traffic, key=lambda each: int(each.get("percent") or 0), default={})
    revision = str(main.get("revisionName") or status.get("latestReadyRevisionName") or "")
    url = str(status.get("url") or "")
    if tag:
        tagged = {target.get("tag"): target.get("url") for target in status.get("traffic") or () if target.get("tag")}
        if tag not in tagged:
            name = service["metadata"]["name"]
            known = ", ".join(sorted(str(tag) for tag in tagged)) or "none"
            hint = f"Tags: {known}. Set one:  faas traffic {name} --tag REVISION={tag}{flags}"
            raise CommandError(f"{name} has no tag {tag!r}", hint)
        url = str(tagged[tag] or "")
    if not url:
        name = service["metadata"]["name"]
        raise CommandError(f"{name} has no URL yet", f"See why:  faas describe {name}{flags}")
    return url, revision
