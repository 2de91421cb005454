"""What the commands about events do: `faas events`, `broker`, `trigger`, `source`, `dlq`.

- `options`, `session`, `report`: what they take, whom they ask, what the engine says beside objects
- `send`, `tail` (`wish`, `tail_cluster`), `types` (`types_cluster`), `replay`: of `faas events`
- `rows`, `filter_words`, `letters`: how Triggers, sources and dead letters look
"""
