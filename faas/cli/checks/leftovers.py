"""What commands that were killed have left in a namespace."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from faas.cli.checks.check import Check

if TYPE_CHECKING:
    from faas.cli.checks.view import View


async def collectors(view: View) -> Check:
    """Collectors of `faas events tail` whose time is over: each keeps a Pod."""
    from faas.deploy.programs.collecting import left_behind

    names = await left_behind(view.client, view.namespace, now=datetime.now(UTC))
    if not names:
        return Check("leftovers", "ok", "none of earlier commands")
    fix = "The next  faas events tail  removes them, or:  faas delete " + " ".join(names)
    return Check("leftovers", "warning", f"an ended  faas events tail  left {', '.join(names)}", fix)
