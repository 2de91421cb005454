"""CloudEvents as values: an event, how it travels, which ones somebody wants, what those of each source say.

`event` and its `attributes`, `wire` (HTTP's messages), `cesql` and `matching` (conditions), `shapes` (sources). Knows
nothing of requests, functions or their options; the toolkit's broker and adapters rest on it as much as we do.
"""
