"""What `faas run` shows: addresses, logs, what a save brought, what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from faas.cli.dev.loglines import Printed, colour, render
from faas.cli.dev.project_state import Project
from faas.cli.dev.rollout import Brought
from faas.cli.eventing.rows import filters_text, source_word, summary_of
from faas.deploy.errors import NotReady
from faas.project.errors import DiscoveryError
from faas.project.manifests.objects import Objects
from faas.project.services import ServiceSpec

_NAME_WIDTH = 12


class Screen:
    """Everything goes to stdout in the order in which it happens; notes about progress to stderr."""

    def __init__(self, out: Console, progress: Console) -> None:
        self.out, self.progress = out, progress
        self._width = _NAME_WIDTH

    def note(self, text: str) -> None:
        self.progress.print(Text(text, style="dim"))

    def starting(self, project: Project) -> None:
        self.note(f"{project.settings.name}: {project.environment.text}")
        for warning in project.environment.warnings:
            self.progress.print(Text(f"warning: {warning}", style="yellow"))

    def addresses(self, services: Sequence[ServiceSpec], *, public_url: str, namespace: str, state: Path) -> None:
        self._width = max(_NAME_WIDTH, *(len(service.name) for service in services)) if services else _NAME_WIDTH
        scheme, _, address = public_url.partition("://")
        port = address.rpartition(":")[2]
        rows = [("FUNCTION", "URL", "OR")]
        for service in services:
            own = f"{scheme}://{service.name}.{namespace}.localhost:{port}"
            path = f"{public_url}/_/{namespace}/{service.name}/"
            if service.is_public:
                rows.append((service.name, own, path))
            else:
                event = "" if service.answers_http else " --event TYPE"
                invoke = f"faas invoke {service.name}{event} --state {state}"
                rows.append((service.name, "for other functions and events only", invoke))
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        self.out.print()
        for name, own, path in rows:
            style = "dim" if name == "FUNCTION" else f"bold {colour(name)}"
            self.out.print(Text.assemble((f"{name:<{widths[0]}}", style), f"   {own:<{widths[1]}}   {path}".rstrip()))
        self.out.print()

    def events(self, objects: Objects, brought: Brought, *, everything: bool) -> None:
        """What brings functions events from now on, and what keeps some of it from that."""
        sources = {source["metadata"]["name"]: source for source in objects.sources}
        for trigger in objects.triggers:
            name = trigger["metadata"]["name"]
            if not everything and name not in brought.made:
                continue
            source = sources.get(name)
            what = f"{source_word(source)} {summary_of(source)}" if source is not None else filters_text(trigger)
            service = trigger["spec"]["subscriber"]["ref"]["name"]
            name_column = (f"{service:<{self._width}}", f"bold {colour(service)}")
            url = brought.urls.get(name, "")
            self.out.print(Text.assemble(name_column, f"   ← {what.rstrip()}", f"   {url}" if url else ""))
        if brought.gone:
            self.removed(brought.gone)
        for failure in brought.waiting:
            self.out.print(Text.assemble(("… ", "yellow"), (str(failure), "bold")))
        if brought.waiting:
            self.note("It goes on trying; functions serve meanwhile.")

    def ready(self, seconds: float) -> None:
        self.note(f"Ready in {seconds:.2f} s. Ctrl-C ends it.")

    def logs(self, lines: Iterable[Printed]) -> None:
        for line in lines:
            self.out.print(render(line, width=self._width))

    def reloaded(self, services: Sequence[ServiceSpec], seconds: float) -> None:
        names = ", ".join(service.name for service in services)
        self.out.print(
            Text.assemble(("⟳ ", "green"), f"{names} ", (f"serves what you saved, {seconds * 1000:.0f} ms", "dim"))
        )

    def domain(self, service: str, domain: str, obstacle: str) -> None:
        if obstacle:
            self.progress.print(Text(f"warning: {service} does not answer for {domain}: {obstacle}", style="yellow"))
        else:
            self.note(f"{service} answers for {domain}, too")

    def removed(self, names: Sequence[str]) -> None:
        self.out.print(
            Text.assemble(("⟳ ", "green"), f"{', '.join(names)} ", ("is gone from the code: removed", "dim"))
        )

    def broken(self, error: DiscoveryError, *, serving: bool) -> None:
        """The user's own tracebacks, and what goes on meanwhile."""
        for problem in error.problems:
            where = f"{problem.file}:{problem.line}: " if problem.file and problem.line else ""
            self.out.print(Text.assemble(("✗ ", "bold red"), (f"{where}{problem.message}", "bold")))
            if problem.traceback:
                self.out.print(Text(problem.traceback.rstrip(), style="red"))
            if problem.hint:
                self.out.print(Text(f"  {problem.hint}"))
        self._goes_on(serving)

    def refused(self, message: str, hint: str, *, details: str = "", serving: bool) -> None:
        self.out.print(Text.assemble(("✗ ", "bold red"), (message, "bold")))
        if details:
            self.out.print(Text(details.rstrip(), style="red"))
        if hint:
            self.out.print(Text(f"  {hint}"))
        self._goes_on(serving)

    def not_ready(self, error: NotReady, *, serving: bool) -> None:
        for failure in error.failures:
            self.out.print(Text.assemble(("✗ ", "bold red"), (f"{failure.service} is not ready: ", "bold")), end="")
            self.out.print(Text(f"{failure.reason} {failure.message}".strip()))
        self._goes_on(serving)

    def _goes_on(self, serving: bool) -> None:
        said = "The last good version keeps serving" if serving else "Nothing serves yet"
        self.note(f"{said}; waiting for you to save a change.")
