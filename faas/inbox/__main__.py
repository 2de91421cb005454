"""`python -m faas.inbox store|collect`: run one of the programs until SIGTERM.

Exit status: 0 it was asked to end, 2 the environment cannot work, 1 anything else.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import uvicorn
from faas_runtime import logs
from starlette.applications import Starlette

from faas.inbox import settings as read
from faas.inbox.collector_app import make_collector_app
from faas.inbox.store_app import make_store_app

IDLE_S = 75  # longer than brokers keep an idle connection, so none ends under a request
END_S = 8  # for what is on its way; a Pod is given 10 s or more
CONNECTIONS = 512


def main(arguments: Sequence[str]) -> int:
    try:
        match list(arguments):
            case ["store"]:
                store = read.read_store()
                return _serve(make_store_app(store), store)
            case ["collect"]:
                collector = read.read_collector()
                return _serve(make_collector_app(collector), collector)
            case _:
                print("usage: python -m faas.inbox store|collect", file=sys.stderr)
                return 2
    except read.SettingsError as error:
        print(f"faas.inbox: {error}", file=sys.stderr)
        return 2


def _serve(app: Starlette, settings: read.StoreSettings | read.CollectorSettings) -> int:
    logs.configure(settings.log_level)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        log_level="warning",  # its own words are for terminals
        access_log=False,
        server_header=False,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=END_S,
        limit_concurrency=CONNECTIONS,
    )
    server = uvicorn.Server(config)
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
