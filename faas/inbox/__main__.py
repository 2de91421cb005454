"""`python -m faas.inbox store|collect`: run one of the programs until SIGTERM.

Exit status: 0 it was asked to end, 2 the environment cannot work, 1 anything else.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from faas.inbox import settings as read
from faas.inbox.collector_app import make_collector_app
from faas.inbox.serving import serve
from faas.inbox.store_app import make_store_app


def main(arguments: Sequence[str]) -> int:
    try:
        match list(arguments):
            case ["store"]:
                store = read.read_store()
                return serve(make_store_app(store), store)
            case ["collect"]:
                collector = read.read_collector()
                return serve(make_collector_app(collector), collector)
            case _:
                print("usage: python -m faas.inbox store|collect", file=sys.stderr)
                return 2
    except read.SettingsError as error:
        print(f"faas.inbox: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
