"""The functions measured: one sync, one async, one for events, each about as trivial as a handler gets."""

from faas import Event, function


@function.http("/", methods=["POST"], name="sync")
def echo(body: dict) -> dict:
    return {"hello": body["name"], "items": len(body["items"])}


@function.http("/", methods=["POST"], name="async")
async def echo_async(body: dict) -> dict:
    return {"hello": body["name"], "items": len(body["items"])}


@function.event(type="bench.event")
def on_event(event: Event) -> None:
    assert event.id
