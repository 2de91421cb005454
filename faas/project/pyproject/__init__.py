"""What pyproject.toml says below `[tool.faas]`.

- `settings`: all of it, with what a stage says over it; `stages`: those
- `build_settings`, `brokers`, `secrets` (and ConfigMaps): parts that both have
- `tables`: a table whose every key is known, or named as a mistake
"""
