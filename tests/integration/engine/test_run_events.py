"""`faas run` with events: what is declared comes, a save that changes a decorator changes it, and what goes is gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.integration.engine.terminal import faas_run

CODE = """
from faas import Context, Event, function

@function.http("/tell/{what}")
async def tell(what: str, ctx: Context) -> str:
    await ctx.publish(Event(f"told.{what}"))
    return "told"

@function.event(type="told.tea", reply_type="heard")
def hear(event: Event, ctx: Context) -> dict[str, str]:
    ctx.log.info("heard", of=event.type)
    return {}

@function.event(type="heard")
def note(ctx: Context) -> None:
    ctx.log.info("noted")

@function.schedule("* * * * * *")
def tick(ctx: Context) -> None:
    ctx.log.info("ticking")
"""


def test_a_save_changes_what_a_function_hears(make_project: Callable[..., Path]) -> None:
    project = make_project(CODE)
    with faas_run(project) as terminal:
        terminal.wait_for(r"hear +← type = told\.tea  of Broker default")
        terminal.wait_for(r"tick +← schedule \* \* \* \* \* \*")
        assert terminal.get("tell", "/tell/tea") == (200, "told")
        terminal.wait_for("heard of=told.tea")
        terminal.wait_for("noted")
        terminal.wait_for("ticking")

        mark = len(terminal.lines)
        changed = CODE.replace('type="told.tea"', 'type="told.coffee"')
        changed = changed.replace('@function.schedule("* * * * * *")', '@function.event(type="tock")')
        (project / "main.py").write_text(changed)
        terminal.wait_for(r"hear +← type = told\.coffee ", after=mark)
        terminal.wait_for("tick-schedule is gone from the code: removed", after=mark)
        assert not [line for line in terminal.lines[mark:] if "note " in line and "←" in line]  # it is as it was
        assert terminal.get("tell", "/tell/coffee") == (200, "told")
        terminal.wait_for("heard of=told.coffee", after=mark)


def test_a_source_that_cannot_connect_does_not_keep_functions_from_serving(make_project: Callable[..., Path]) -> None:
    nobody = '@function.mqtt("a", url="mqtt://127.0.0.1:1")\n'
    project = make_project(CODE.replace("@function.schedule(", f"{nobody}@function.schedule("))
    with faas_run(project) as terminal:
        terminal.wait_for(r"tick-mqtt \(ContainerSource\) is not ready: UpstreamUnavailable")
        terminal.wait_for("It goes on trying; functions serve meanwhile")
        assert terminal.get("tell", "/tell/tea") == (200, "told")
        terminal.wait_for("heard of=told.tea")
