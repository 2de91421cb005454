"""With what the containers of an instance start.

- `references`: the Secrets and ConfigMaps that a plan names; `environment` and `volumes`: what is made of them
- `mounts`: the same as files, for processes, which have no mounts
- `provider` puts the rest together
"""
