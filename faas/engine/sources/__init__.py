"""Runs sources: adapters as supervised processes, schedules and the engine's own objects as tasks.

`sources` follows `board.sources` and gives each plan its runner: `adapter` (a process of `python -m faas.sources`, by
`process`, with what `environment` makes of the plan), `ping` or `kubernetes`. What a runner has to say goes to
`board.source_status` by `reporting`; tasks send their events by `sender`. Objects and conditions are the controllers'.
"""

from faas.engine.sources.sources import Sources

__all__ = ["Sources"]
