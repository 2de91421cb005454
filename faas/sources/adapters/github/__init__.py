"""The adapter of GitHub's webhooks; `hooks` makes the webhook itself, where a token allows it."""

from faas.sources.adapters.github.adapter import Options, retire, run

__all__ = ["Options", "retire", "run"]
