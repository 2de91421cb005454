"""Programs that take events in a cluster, for people: a store of dead letters, and a collector that shows what passes.

They are in the image of the adapters (`faas.sources`) and run there as `python -m faas.inbox store|collect`; a
cluster knows them as a Deployment and as a temporary Knative Service. They know neither the engine nor Kubernetes:

- `letters`: dead letters in SQLite, durable before they are acknowledged, bounded
- `damage`: a file that is damaged is set aside; `threads`: one that cannot be opened now is opened later
- `writing`: many requests, one commit; `expiring`: letters that are too old go
- `store_app`, `redriving`: the store over HTTP, for brokers (events in) and for people (a token)
- `collector_app`: events to lines of the log
- `serving`: the small HTTP server that both have; `connections`: who may hold one when there are too many
- `settings`: what the environment says, read once
"""
