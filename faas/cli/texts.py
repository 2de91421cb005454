"""How counts, sizes, times and answers read."""

from __future__ import annotations

from typing import Any

from faas.cli.output import first_line


def counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def size_text(size_bytes: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size_bytes < 1024:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} GiB"


def reason_text(text: str) -> str:
    """One line of what a subscriber said, `500: ` before it or not: of a problem document its detail."""
    code, colon, rest = text.partition(": ")
    said = rest if colon and code.isdigit() else text
    problem = _problem(said)
    detail = problem.get("detail") or problem.get("title") if isinstance(problem, dict) else None
    if not detail:
        return first_line(text.strip())
    return f"{code}: {detail}" if said is not text else str(detail)


def _problem(text: str) -> Any:
    """As JSON; only the first characters of an answer are kept, so that the detail may be all that is whole."""
    import json
    import re

    cut = re.match(r'\{.*?("detail": ?"(?:[^"\\]|\\.)*")', text)
    for document in (text, f"{{{cut[1]}}}" if cut else ""):
        try:
            return json.loads(document)
        except ValueError:
            continue
    return None


def span_text(seconds: float) -> str:
    """As Go writes durations, without what is zero: 24h, 1m30s, 200ms."""
    import re

    from faas.resources import durations

    return re.sub(r"(?<=[hm])0[ms](0s)?$", "", durations.format(seconds)) or "0s"
