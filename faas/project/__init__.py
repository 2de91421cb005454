"""A user's project: which Python it has, what it declares, which Knative objects that makes.

- `settings`: pyproject.toml's `[tool.faas]`; `environment`: whose Python; `discover`: the functions, asked of a
  subprocess; `services`: functions and options put together; `manifests`: pure, to Knative Services
- `devimage`: the project's own folder as an image, for `faas run`

User code is never imported in here. Knows nothing of the API or of the engine.
"""
