"""The places where functions run, and which of them is meant.

- `state`: the engine of this machine, by its directory
- `targets`: a place as commands have it; `contexts`: those there are, by name
"""
