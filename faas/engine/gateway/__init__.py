"""The data plane, a process of its own: routes, queues, picks an instance, proxies HTTP/1.1, HTTP/2 and WebSocket.

Must not know how revisions come about or scale: it gets a table and endpoints over the control socket, and reports
what it sees. `link` is the engine's end of that socket; everything else here runs in the gateway's own process.

Pure (values in, values out): routing, balance, load, request, response, repeated (heads that come again), retry,
tracing's header part, problem. Shells: exchange (one request), revision (queue and endpoints of one revision), http1
and http2 (clients), pool and upstream1, upstream2 (instances), tunnel, deadlines, control, memory (across a restart),
gateway (wires them), server (sockets and signals).
"""
