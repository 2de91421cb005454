"""The Kubernetes API of this machine: what is asked over HTTPS or in process, admitted, stored, and watched.

`objects.backend.Backend` is the API in process, a `faas.client.protocol.Client`; `server.ApiServer` puts it on a
socket: `resources` reads requests, `wire` turns values into bytes, `eventing` answers for dead letters and the like,
`guard` says who may ask. All of it knows objects and the store, and nothing of what they make happen: no board, no
instances, no gateway.
"""
