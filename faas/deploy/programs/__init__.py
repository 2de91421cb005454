"""Programs of ours in a cluster, for what people ask of events.

- `dead_letters`: the store that a deploy makes; `store_ready`: whether it runs
- `collecting`: events on their way to a terminal, by a program that goes again
"""
