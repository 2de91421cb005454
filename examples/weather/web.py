"""The service `web`: the page, and the API that puts the other two services together."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from cities import City

from faas import CallError, Context, HTTPError, function

_PAGE = Path(__file__).with_name("page.html").read_text()


@function.http("/", methods=["GET"], service="web")
def page() -> tuple[str, int, dict[str, str]]:
    return _PAGE, 200, {"content-type": "text/html; charset=utf-8"}


@function.http("/api/city", methods=["GET"], service="web")
async def api_cities(ctx: Context, q: str = "") -> list[City]:
    return await ctx.call("city", query={"q": q}, into=list[City])


@function.http("/api/city/detail/{id}/{day}", methods=["GET"], service="web")
async def api_detail(id: str, day: str, ctx: Context) -> dict[str, Any]:
    """The city and its forecast. What `detail` answers goes through as it is: a new version of it may say more."""
    city = await _ask(ctx.call("city", path=f"/{id}", into=City))
    forecast = await _ask(
        ctx.call("detail", path=f"/{id}/{day}", query={"latitude": city.latitude}, into=dict[str, Any])
    )
    return {"name": city.name, "country": city.country, **forecast}


@function.http("/api/today", methods=["GET"], service="web")
def api_today() -> dict[str, date]:
    return {"today": date.today()}


async def _ask(call: Any) -> Any:
    """What the client did wrong (no such city, no such day) is for the client; anything else is our trouble."""
    try:
        return await call
    except CallError as error:
        if error.reply is not None and 400 <= error.status < 500:
            raise HTTPError(error.status, error.reply.json().get("detail", "not found")) from None
        raise
