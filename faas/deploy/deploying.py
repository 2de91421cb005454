"""A project's whole deploy, in the order in which nothing is lost.

Brokers first, since a function may publish as soon as it serves; then Services and their traffic; then what sends
events to paths that only the new revisions have.
"""

from __future__ import annotations

from dataclasses import dataclass

from faas.client.protocol import Client, Object
from faas.deploy.errors import EventsNotReady
from faas.deploy.events import EventPlan, carry_out_events, make_brokers, plan_events
from faas.deploy.plan import Change
from faas.deploy.rollout import DeployOptions, carry_out, make_plan
from faas.deploy.steps import Steps
from faas.project.objects import Objects


@dataclass(frozen=True, slots=True)
class Plan:
    services: tuple[Change, ...]
    events: EventPlan

    @property
    def changes(self) -> tuple[Change, ...]:
        return self.services + self.events.changes


async def plan_deploy(client: Client, objects: Objects, *, project: str, namespace: str, whole: bool) -> Plan:
    """What would change; writes nothing.

    Args:
        whole: all of the project is deployed, so what is not declared is gone from the code.
    Raises: ApiError, DeployError.
    """
    services = tuple(await make_plan(client, objects.services))
    events = await plan_events(client, objects, project=project, namespace=namespace, prune=whole)
    return Plan(services, events)


async def carry_out_deploy(
    client: Client, plan: Plan, options: DeployOptions, steps: Steps, *, namespace: str
) -> list[Object]:
    """Make the changes; returns the Services as they are then. Raises: NotReady, EventsNotReady, ApiError."""
    if plan.events.brokers:
        with steps.step("brokers") as log:
            await make_brokers(client, plan.events.brokers, log)
    objects = await carry_out(client, plan.services, options, steps)
    if not plan.events.changes:
        return objects
    with steps.step("events") as log:
        if not options.traffic:
            if not plan.events.is_empty:
                log("Triggers and sources stay as they are: the new revisions get no traffic yet")
            return objects
        failures = await carry_out_events(
            client, plan.events, namespace=namespace, wait=options.wait, timeout_s=options.wait_timeout_s, log=log
        )
        if failures:
            raise EventsNotReady(tuple(failures))
    return objects
