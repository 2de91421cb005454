"""The objects that a project is, as they are applied. Pure.

- `objects`: all of them, from what follows
- `service` and `podspec`: Services; `triggers` and `brokers`; `sources` and `adapters`: what brings events
- `secrets`: Secrets and ConfigMaps; `in_cluster`: what only a cluster has to be told, `surroundings`: what it has
- `labels`: whose they are; `references`: what they only name; `interpolation`: `${NAME}` in addresses
"""
