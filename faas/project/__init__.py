"""A user's project: which Python it has, what it declares, which Knative objects that makes.

- `settings`: pyproject.toml's `[tool.faas]`, with what `stages` say over it; `build_settings`, `brokers` and `secrets`
  are parts of both. `environment`: whose Python; `discover`: the functions, asked of a subprocess
- `services`: functions and options of all places put together
- `objects`: all that is applied, from `manifests` and `podspec` (Services), `triggers` and `brokers`, `sources` and
  `adapters` (what brings events), `in_cluster` (what only a cluster has to be told); pure. `labels`: whose they are.
  `interpolation`: `${NAME}` in addresses. `notes`: what a cluster does otherwise
- `secret_values`: the values of Secrets and ConfigMaps, read when they are deployed
- `devimage`: the project's own folder as an image, for `faas run`

User code is never imported in here. Knows nothing of the API or of the engine.
"""
