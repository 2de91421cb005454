"""A user's project: which Python it has, what it declares, which Knative objects that makes.

- `notes`: what a cluster does otherwise than the engine
- `manifests`: all that is applied
- `services`: functions, with the options of all places put together
- `python`: whose, and what the code declares there
- `secret_values`: of Secrets and ConfigMaps, read when they are deployed
- `pyproject`: what `[tool.faas]` says; `scaffold`: a new one

User code is never imported in here. Knows nothing of the API or of the engine.
"""
