"""From a project's folder to one image for anywhere; needs no server, and nothing is deployed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

from faas_builders.builder import HOST_BASE, Builder, BuildRequest, BuildResult, Choice, Report, Step
from faas_builders.deps import Interpreter
from faas_builders.errors import DependencyError
from faas_builders.oci.store import ImageStore

from faas.deploy.images.choice import ImageChoice, choose
from faas.deploy.images.requests import (
    FUNCTION,
    BuildFlags,
    container_request,
    function_of,
    host_request,
    make_builder,
    said_by,
)
from faas.deploy.steps import Steps
from faas.project.errors import PythonNotFound
from faas.project.pyproject.settings import Settings
from faas.project.python.discover import describe
from faas.project.python.environment import environment_with, image_interpreter
from faas.project.services import ServiceSpec, current_variables, make_services


@dataclass(frozen=True, slots=True)
class Built:
    result: BuildResult
    tag: str  # in the store
    services: tuple[ServiceSpec, ...]  # (): nobody looked


def build(settings: Settings, store: ImageStore, flags: BuildFlags, steps: Steps, *, tag: str = "latest") -> Built:
    """Make the image, which is then in the store as faas.local/NAME:TAG.

    An image of a project with one service serves that; with several, whoever runs it says which (FAAS_FUNCTION). They
    are found as for a deploy, unless the image's environment says it already, and while the image is made.
    Raises: ProjectError; faas_builders' BuildError.
    """
    with steps.step("resolve") as log:
        python, choice = _decide(settings, flags, log)
    builder, request = _order(settings, store, flags, choice, python, tag)
    if FUNCTION in choice.said.env or python is None:
        with steps.reported() as report:
            return Built(builder.build(request, report), tag, ())
    with ThreadPoolExecutor(1, "functions") as pool:
        looking = pool.submit(_services, settings, python, choice, steps)

        def functions() -> dict[str, str]:
            services = looking.result()
            return function_of(services) if choice.base != HOST_BASE else {}

        request = replace(request, env=_Later(request.env, functions))
        with steps.reported() as report:
            result = builder.build(request, _unless_failed(looking, report))
        return Built(result, tag, looking.result())


class _Later(Mapping[str, str]):
    """An image's environment, of which some is only known when somebody asks for it."""

    def __init__(self, known: Mapping[str, str], more: Callable[[], Mapping[str, str]]) -> None:
        self._known, self._more = known, more

    def __getitem__(self, name: str) -> str:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @cached_property
    def _all(self) -> dict[str, str]:
        return {**self._more(), **self._known}


def _unless_failed(looking: Future[tuple[ServiceSpec, ...]], report: Report) -> Report:
    """Ends a build that was in vain as soon as it says something."""

    def passing_on(step: Step, line: str) -> None:
        if looking.done():
            looking.result()
        report(step, line)

    return passing_on


def explain(settings: Settings, store: ImageStore, flags: BuildFlags) -> tuple[Choice, ...]:
    """What `build` would use, and why; imports nothing of the project. Raises: as `build`."""
    python, choice = _decide(settings, flags, lambda line: None)
    builder, request = _order(settings, store, flags, choice, python, "latest")
    why = {said.what: said.why for said in choice.reasons}
    theirs = builder.explain(request)
    known = {each.what for each in theirs}
    ours = tuple(said for said in choice.reasons if said.what not in known)
    return ours + tuple(Choice(each.what, each.value, why.get(each.what, each.why)) for each in theirs)


def _decide(
    settings: Settings, flags: BuildFlags, log: Callable[[str], None]
) -> tuple[Interpreter | None, ImageChoice]:
    """A Python of this machine to look with what the project declares, and how the image is made."""
    version = flags.build.python or settings.build.python
    python: Interpreter | None = None
    try:
        python = image_interpreter(settings, python=flags.python, version=version)
    except PythonNotFound as error:
        if flags.python is not None or (flags.build.base or settings.build.base) == HOST_BASE:
            raise
        log(f"{error.message}; the image has its own: functions are not looked up")
    return python, choose(said_by(flags, python), settings.build, "build")


def _services(settings: Settings, python: Interpreter, choice: ImageChoice, steps: Steps) -> tuple[ServiceSpec, ...]:
    with steps.step("resolve") as log:
        try:
            environment = environment_with(settings, python, choice.said.groups, log)
        except DependencyError as error:
            if choice.base == HOST_BASE:
                raise
            # They may be for the image's platform only; if they are for none, the build says so.
            log(f"{error.message} on this machine: functions are not looked up")
            return ()
        log(environment.text)
        functions = describe(settings.root, environment).functions
        services = make_services(functions, settings, variables=current_variables())
        log(f"{len(services)} service{'s' * (len(services) != 1)}: {', '.join(service.name for service in services)}")
        return services


def _order(
    settings: Settings,
    store: ImageStore,
    flags: BuildFlags,
    choice: ImageChoice,
    python: Interpreter | None,
    tag: str,
) -> tuple[Builder, BuildRequest]:
    if choice.base == HOST_BASE and python is not None:
        request = host_request(settings, choice, python, tag=tag)
    else:
        platforms = choice.said.platforms
        request = container_request(settings, choice, flags, functions={}, tag=tag, platforms=platforms)
    return make_builder(store, choice, flags), request
