"""The access log: a JSON line on stdout for a request that is over."""

from __future__ import annotations

import json
import sys

from faas.engine.gateway.exchanges.exchange import Exchange


def write_line(exchange: Exchange, status: int, now: float) -> None:
    request = exchange.request
    line = {
        "method": request.method.decode("latin-1"),
        "host": request.host.decode("latin-1"),
        "path": request.target.partition(b"?")[0].decode("latin-1"),
        "status": status,
        "seconds": round(now - exchange.arrived_s, 6),
        "revision": exchange.revision.name if exchange.revision is not None else "",
        "request_id": request.request_id.decode("latin-1"),
        "traceparent": request.traceparent.decode("latin-1"),
    }
    sys.stdout.write(json.dumps(line) + "\n")
