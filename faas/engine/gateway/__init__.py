"""The data plane, a process of its own: routes, queues, picks an instance, proxies HTTP/1.1, HTTP/2 and WebSocket.

Must not know how revisions come about or scale: it gets a table and endpoints over the control socket, and reports
what it sees. `link` is the engine's end of that socket; everything else here runs in the gateway's own process.

From the top: `server` runs it on sockets and ends it on a signal, `control` listens for the engine, `memory` keeps what
it knows across a restart. `clients` speak HTTP to whoever asks, and `gateway` takes each request through `routing` to
one of `revisions`, which picks an instance; `endpoints` speak to that. All of them meet in `exchanges`, one for each
request, and say what HTTP says in the values of `http`.
"""
