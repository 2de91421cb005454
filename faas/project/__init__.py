"""A user's project: which Python it has, what it declares, which Knative objects that makes.

- `settings`: pyproject.toml's `[tool.faas]`; `environment`: whose Python; `discover`: the functions, asked of a
  subprocess; `services`: functions and options put together
- `objects`: all that is applied, from `manifests` (Services), `triggers` (Triggers and Brokers), `sources` and
  `adapters` (what brings events); pure. `interpolation`: `${NAME}` in addresses
- `devimage`: the project's own folder as an image, for `faas run`

User code is never imported in here. Knows nothing of the API or of the engine.
"""
