"""The deploy itself: apply Services, wait for their revisions, then let traffic move, for all of them or for none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from faas.client.errors import ApiError, NotFound
from faas.client.protocol import Client, Object
from faas.deploy import traffic
from faas.deploy.errors import DeployError, Failure, NotReady
from faas.deploy.logs import last_lines
from faas.deploy.plan import Change, change_of
from faas.deploy.steps import Steps
from faas.deploy.wait import Goal, Verdict, wait_for
from faas.project.manifests import PROJECT_LABEL
from faas.resources.kinds import REVISION, SERVICE, Kind

MANAGER = "faas"
TRAFFIC_MANAGER = "faas-traffic"  # a manager of its own: applying a template must never take a split back
_RELEASED: dict[str, str | None] = {traffic.HELD: None, traffic.ROLLED_BACK: None}


@dataclass(frozen=True, slots=True)
class DeployOptions:
    traffic: bool = True  # --no-traffic: the new revisions get none
    tag: str = ""  # a tag for each new revision
    wait: bool = True
    wait_timeout_s: float = 600.0
    independent: bool = False  # each Service moves its traffic as soon as it can


async def make_plan(client: Client, manifests: Sequence[Object]) -> list[Change]:
    """Compare with what is there; asks the server (a dry run), writes nothing. Raises: ApiError."""
    changes = []
    for manifest in manifests:
        metadata = manifest["metadata"]
        try:
            live: Object | None = await client.get(SERVICE, metadata["name"], metadata["namespace"])
        except NotFound:
            live = None
        dry = await apply(client, manifest, dry_run=True)
        changes.append(change_of(manifest, live, dry))
    return changes


async def carry_out(client: Client, changes: Sequence[Change], options: DeployOptions, steps: Steps) -> list[Object]:
    """Make the changes and return the Services as they are then, in the order of `changes`.

    When several get a new revision, all of these become ready before any traffic moves; when one fails, all traffic
    stays where it was. Raises: NotReady; ApiError.
    """
    rollout = _Rollout(client, changes, options, steps)
    return await rollout.run()


class _Rollout:
    def __init__(self, client: Client, changes: Sequence[Change], options: DeployOptions, steps: Steps) -> None:
        self._client, self._changes, self._options, self._steps = client, changes, options, steps
        self._namespace = changes[0].manifest["metadata"]["namespace"]
        updated = [change for change in changes if change.live is not None and change.new_revision]
        together = len([change for change in changes if change.new_revision]) > 1
        hold = not options.traffic or bool(options.tag) or (together and not options.independent and options.wait)
        self._pinned = {change.name for change in updated if hold and _serving(change) is not None}

    async def run(self) -> list[Object]:
        with self._steps.step("apply") as log:
            await self._pin(log)
            for change in self._changes:
                if change.action != "unchanged":
                    await apply(self._client, change.manifest)
                log(f"{change.name}: {_what(change)}")
        if not self._options.wait:
            return [await self._get(change.name) for change in self._changes]
        with self._steps.step("wait") as log:
            await self._wait("revision", log)
        with self._steps.step("traffic") as log:
            for change in self._changes:
                if said := await self._move_traffic(change):
                    log(f"{change.name}: {said}")
            objects = await self._wait("service", lambda line: None)
        return [objects[change.name] for change in self._changes]

    async def _pin(self, log: Callable[[str], None]) -> None:
        """Give what @latest gets to the revision it means now, and wait until the routes know.

        A revision that is made while a route still means @latest counts as routed; when the route then turns away from
        it, it is in reserve, and what is in reserve is not started: it would never become ready.
        """
        for change in self._changes:
            serving = _serving(change)
            if change.name not in self._pinned or change.live is None or serving is None:
                continue
            wanted = traffic.wanted(change.live, new_revision=change.new_revision)
            note = traffic.hold(wanted) if self._options.traffic else None
            await self._set_traffic(change.name, traffic.pin(_split(change.live), serving), {traffic.HELD: note})
            log(f"{change.name}: stays at {serving} for now")
        if self._pinned:
            await self._wait("routes", lambda line: None, sorted(self._pinned))

    async def _move_traffic(self, change: Change) -> str:
        """Let traffic go where it should be; returns what to say about it."""
        live = await self._get(change.name)
        ends_rollback = change.new_revision and self._options.traffic and traffic.is_rolled_back(live)
        wanted = traffic.wanted(live, new_revision=ends_rollback)
        if not self._options.traffic and change.name in self._pinned:
            wanted = live["spec"]["traffic"]
        if self._options.tag:
            newest = live["status"]["latestReadyRevisionName"]
            wanted = traffic.change(wanted, tags={self._options.tag: newest})
        if traffic.held(live) is None and traffic.same(wanted, _split(live)):
            return "" if traffic.has_latest(wanted) else f"stays at {traffic.describe(wanted)}"
        await self._set_traffic(change.name, wanted, _RELEASED if self._options.traffic else {traffic.HELD: None})
        over = f": {live['status']['latestReadyRevisionName']}, the rollback is over" if ends_rollback else ""
        return f"{traffic.describe(wanted)}{over}"

    async def _set_traffic(self, name: str, targets: list[traffic.Target], annotations: dict[str, str | None]) -> None:
        await set_traffic(self._client, name, self._namespace, targets, annotations)

    async def _get(self, name: str) -> Object:
        return await self._client.get(SERVICE, name, self._namespace)

    async def _wait(
        self, goal: Goal, log: Callable[[str], None], names: Sequence[str] | None = None
    ) -> dict[str, Object]:
        said: dict[str, str] = {}

        def changed(name: str, verdict: Verdict) -> None:
            if said.get(name) != (words := _progress(verdict)):
                said[name] = words
                log(f"{name}: {words}")

        objects, verdicts = await wait_for(
            self._client,
            self._namespace,
            names or [change.name for change in self._changes],
            goal,
            timeout_s=self._options.wait_timeout_s,
            changed=changed,
        )
        failures = [
            await self._failure(name, verdict, objects.get(name))
            for name, verdict in verdicts.items()
            if verdict.state != "ready"
        ]
        if failures:
            raise NotReady(tuple(failures), kept=tuple(sorted(self._pinned)))
        return objects

    async def _failure(self, name: str, verdict: Verdict, service: Object | None) -> Failure:
        revision = str(((service or {}).get("status") or {}).get("latestCreatedRevisionName") or "")
        message = verdict.message
        if verdict.state == "waiting":
            message = f"not within {self._options.wait_timeout_s:g} s" + (f": {message}" if message else "")
        lines = await last_lines(self._client, self._namespace, revision) if revision else ()
        return Failure(name, verdict.reason, message, revision, lines)


async def set_traffic(
    client: Client,
    name: str,
    namespace: str,
    targets: Sequence[traffic.Target],
    annotations: dict[str, str | None] | None = None,
    *,
    dry_run: bool = False,
) -> Object:
    """Replace a Service's split. `annotations` are set with it, None takes one away."""
    patch: Object = {"spec": {"traffic": list(targets)}}
    if annotations:
        patch["metadata"] = {"annotations": annotations}
    return await client.patch(
        SERVICE, name, patch, namespace, type="merge", dry_run=dry_run, field_manager=TRAFFIC_MANAGER
    )


async def apply(client: Client, manifest: Object, *, kind: Kind = SERVICE, dry_run: bool = False) -> Object:
    """Apply an object on the server's side, as its owner. Raises: DeployError: no such namespace; ApiError."""
    metadata = manifest["metadata"]
    name, namespace = metadata["name"], metadata["namespace"]
    try:
        # Forced: `faas deploy` is the owner of what it names, whoever has edited it meanwhile.
        return await client.patch(
            kind, name, manifest, namespace, type="apply", dry_run=dry_run, field_manager=MANAGER, force=True
        )
    except NotFound as error:
        if error.kind.lower().startswith("namespace"):
            raise DeployError(
                f"there is no namespace {namespace}", f"Make it:  kubectl create namespace {namespace}"
            ) from error
        raise
    except ApiError as error:
        error.add_note(f"while applying {name}")
        raise


async def left_behind(client: Client, manifests: Sequence[Object]) -> list[str]:
    """Services that an earlier deploy of this project made here and that its code no longer declares."""
    labels, namespace = manifests[0]["metadata"]["labels"], manifests[0]["metadata"]["namespace"]
    found = await client.list(SERVICE, namespace, label_selector=f"{PROJECT_LABEL}={labels[PROJECT_LABEL]}")
    declared = {manifest["metadata"]["name"] for manifest in manifests}
    return sorted({service["metadata"]["name"] for service in found.items} - declared)


async def images_in_use(client: Client) -> list[str]:
    """The images that any Revision could still start."""
    revisions = await client.list(REVISION)
    return [
        container["image"]
        for revision in revisions.items
        for container in revision["spec"].get("containers") or ()
        if container.get("image")
    ]


def _serving(change: Change) -> str | None:
    """The revision that @latest means now, None when there is none that could keep serving."""
    status = (change.live or {}).get("status") or {}
    name = status.get("latestReadyRevisionName")
    return str(name) if name else None


def _split(service: Object) -> list[traffic.Target]:
    return service["spec"].get("traffic") or traffic.EVERYTHING_TO_LATEST


def _progress(verdict: Verdict) -> str:
    """In words for people: each rollout passes through OutOfDate, which sounds like trouble and is none."""
    if verdict.state == "waiting" and verdict.reason in ("", "OutOfDate"):
        return "starting"
    first_line = verdict.message.partition("\n")[0]  # the rest, log lines, stands below the failure
    return f"{verdict.reason or verdict.state} {first_line}".strip()


def _what(change: Change) -> str:
    if change.action == "update":
        return "new revision" if change.new_revision else f"changed {', '.join(change.fields)}"
    return "created" if change.action == "create" else "unchanged"
