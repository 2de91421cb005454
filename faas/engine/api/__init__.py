"""The Kubernetes API of this machine: what is asked over HTTPS or in process, admitted, stored, and watched.

`backend.Backend` is the API in process, a `faas.client.protocol.Client`; `server.ApiServer` puts it on a socket:
`resources` reads requests, `wire` turns values into bytes, `watching` keeps streams. Between a request and the store
stand `admission` and `apply`, which are pure. `bootstrap` makes what is there from the start; `collector` does what
happens to objects by themselves. All of it knows objects and the store, and nothing of what they make happen: no board,
no instances, no gateway.
"""
