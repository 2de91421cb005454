"""From a save to a revision that serves it, and what to tell when that fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from faas_builders.builder import Step
from faas_builders.errors import BuilderError, DependencyError, StepFailed

from faas.cli.dev.changes import is_save
from faas.cli.dev.debugging import debuggable
from faas.cli.dev.domains import bring_domains
from faas.cli.dev.options import SessionOptions
from faas.cli.dev.project_state import Desired, Project, load_project, make_desired
from faas.cli.dev.rollout import bring_events, remove_others, roll_out
from faas.cli.dev.screen import Screen
from faas.client.errors import ApiError
from faas.client.protocol import Client, Object
from faas.deploy.errors import DeployError, NotReady
from faas.project.errors import DiscoveryError, ProjectError
from faas.project.python.discover import Describer

_READY_S = 120.0  # a function that loads a model takes its time; meanwhile its logs are on the screen
_STEERING = frozenset({"pyproject.toml", "uv.lock", "requirements.txt", "pylock.toml"})


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine to deploy to, when it has started."""

    client: Client
    public_url: str
    state: Path


class Deployer:
    """Deploys one project again and again; `deploy` may be cancelled and called anew at any time."""

    def __init__(
        self, project: Project, options: SessionOptions, *, images: Path, began_s: float, screen: Screen
    ) -> None:
        self.project = project
        self._options, self._images, self._screen, self._began_s = options, images, screen, began_s
        self._desired: Desired | None = None  # what was asked for last, so that an idle save does nothing
        self._serving = False
        self._events: tuple[Object, ...] | None = None  # Triggers and sources as they were made last
        self._domains: tuple[Object, ...] | None = None  # DomainMappings as they were made last
        self._shown: set[str] = set()  # whose addresses are on the screen
        self._inboxes: frozenset[Path] = frozenset()
        self._reported: set[str] = set()  # of what builds say
        self._describer = Describer(project.settings.root, project.environment)
        self._describer.begin()  # while the engine starts

    def close(self) -> None:
        self._describer.close()

    def saved_of(self, changed: Collection[Path]) -> set[Path]:
        """Those of the changed files that are a save."""
        return {path for path in changed if is_save(path, self._inboxes)}

    async def deploy_or_tell(self, engine: Engine, saved: Collection[Path] = ()) -> None:
        """`deploy`; what the user can mend with the next save is shown instead of raised."""
        screen = self._screen
        try:
            await self.deploy(engine, saved)
        except DiscoveryError as error:
            self._desired = None
            screen.broken(error, serving=self._serving)
        except (DependencyError, StepFailed) as error:
            self._desired = None
            screen.refused(error.message, error.hint, details=error.output, serving=self._serving)
        except (ProjectError, BuilderError) as error:
            self._desired = None
            screen.refused(error.message, error.hint, serving=self._serving)
        except NotReady as error:
            screen.not_ready(error, serving=self._serving)
        except DeployError as error:
            screen.refused(error.message, error.hint, serving=self._serving)
        except ApiError as error:
            screen.refused(f"the engine refuses this: {error.message}", "", serving=self._serving)
        finally:
            self._describer.warm()  # for the next save; sooner it would take time from what is waited for

    async def deploy(self, engine: Engine, saved: Collection[Path] = ()) -> None:
        """Raises: ProjectError, BuilderError, NotReady, ApiError."""
        began_s = time.monotonic()
        options = self._options
        if any(path.name in _STEERING for path in saved):
            self.project = await asyncio.to_thread(load_project, options.path, options.python)
            self._describer.close()
            self._describer = Describer(self.project.settings.root, self.project.environment)
        for line in self.project.missing:
            self._note_once(line)
        description = await asyncio.to_thread(self._describer.ask())
        desired = await asyncio.to_thread(
            make_desired, self.project, description, images=self._images, namespace=options.namespace,
            overrides=options.overrides, container=options.container, report=self._report,
        )  # fmt: skip
        self._inboxes = desired.inboxes(self.project.settings.root)
        if options.debug_port:
            services = debuggable(desired.objects.services, options.debug_port)
            desired = replace(desired, objects=replace(desired.objects, services=services))
        if desired == self._desired:
            return
        self._desired = desired
        await roll_out(engine.client, desired, namespace=options.namespace, timeout_s=_READY_S)
        self._tell(desired, engine, time.monotonic() - began_s)
        await self._bring_domains(desired, engine)
        await self._bring_events(desired, engine)
        names = [service.name for service in desired.services]
        project = self.project.settings.name
        if gone := await remove_others(engine.client, names, project=project, namespace=options.namespace):
            self._screen.removed(gone)

    def _report(self, step: Step, line: str) -> None:
        """Of an image for containers: what takes long the first time is told once."""
        if step not in ("layers", "config", "write"):
            self._note_once(line)

    def _note_once(self, line: str) -> None:
        if line not in self._reported:
            self._reported.add(line)
            self._screen.note(line)

    async def _bring_domains(self, desired: Desired, engine: Engine) -> None:
        declared = desired.objects.domain_mappings
        if declared == self._domains:
            return
        known, self._domains = self._domains or (), None  # unknown, while they change
        project, namespace = self.project.settings.name, self._options.namespace
        obstacles, gone = await bring_domains(engine.client, declared, project=project, namespace=namespace)
        for mapping in declared:
            domain = mapping["metadata"]["name"]
            if mapping not in known or obstacles[domain]:
                self._screen.domain(mapping["spec"]["ref"]["name"], domain, obstacles[domain])
        if gone:
            self._screen.removed(gone)
        self._domains = declared

    async def _bring_events(self, desired: Desired, engine: Engine) -> None:
        objects = desired.objects
        declared = objects.triggers + objects.sources
        if declared == self._events:
            return  # a save that changes only code
        project, namespace = self.project.settings.name, self._options.namespace
        first, self._events = self._events is None, None  # unknown, while they change
        brought = await bring_events(engine.client, desired, project=project, namespace=namespace)
        self._screen.events(objects, brought, everything=first)
        self._events = declared

    def _tell(self, desired: Desired, engine: Engine, seconds: float) -> None:
        if self._serving:
            self._screen.reloaded(desired.services, seconds)
        names = {service.name for service in desired.services}
        if not names <= self._shown:
            self._screen.addresses(
                desired.services,
                public_url=engine.public_url,
                namespace=self._options.namespace,
                state=engine.state,
            )
        self._shown = names
        if not self._serving:
            self._serving = True
            self._screen.ready(time.monotonic() - self._began_s)
