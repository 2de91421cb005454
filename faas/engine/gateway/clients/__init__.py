"""What speaks to clients: HTTP/1.1, HTTP/2, and what a client may cost.

A connection makes an exchange of each request, has the gateway begin it when its turn comes, and writes what comes
back. `http1` is where every connection begins; whoever opens with HTTP/2's preface is handed on to `http2`.
"""
