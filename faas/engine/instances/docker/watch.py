"""A program: removes the containers of a `faas run` when its engine ends, however that ends.

    python -S -E watch.py URL OWNER        standard input: a pipe whose other end only the engine has

It waits in a read, and imports what it needs when the pipe breaks: it is 4 MB, mostly Python itself, that a run with
containers costs. So nothing of ours is imported here.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TIMEOUT_S = 30
LOOKS = 40  # for two minutes: a Docker engine that is out of breath refuses to kill what it will kill later
EMPTY_LOOKS = 2  # in a row: a container that was being made when the engine died appears a moment later


def main(url: str, owner: str) -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # meant for the engine; we have a sign of our own
    if os.read(0, 16):
        return 0  # it has cleaned up itself
    import time

    empty = 0
    for look in range(LOOKS):
        try:
            empty = empty + 1 if not remove_all(url, owner) else 0
        except (OSError, ValueError, KeyError) as error:
            print(f"faas run could not remove its containers: {error}", file=sys.stderr)
        if empty >= EMPTY_LOOKS:
            return 0
        time.sleep(min(3.0, 0.3 * (look + 1)))
    return 1


def remove_all(url: str, owner: str) -> int:
    """Returns: how much there was."""
    from urllib.parse import quote

    chosen = quote('{"label": ["faas.dev/owner=' + owner + '"]}')
    containers = ask(url, "GET", f"/containers/json?all=1&filters={chosen}") or []
    for container in containers:
        ask(url, "DELETE", f"/containers/{container['Id']}?force=1&v=1")
    volumes = (ask(url, "GET", f"/volumes?filters={chosen}") or {}).get("Volumes") or []
    for volume in volumes:
        ask(url, "DELETE", f"/volumes/{volume['Name']}")
    networks = ask(url, "GET", f"/networks?filters={chosen}") or []
    for network in networks:
        ask(url, "DELETE", f"/networks/{network['Id']}")
    return len(containers) + len(volumes) + len(networks)


def ask(url: str, method: str, path: str) -> Any:
    """One request to the Docker engine; returns its answer's JSON, if it has some."""
    import http.client
    import json
    import socket
    import ssl
    from urllib.parse import urlsplit

    place = urlsplit(url)
    if place.scheme in ("unix", "http+unix"):
        connection = http.client.HTTPConnection("docker", timeout=TIMEOUT_S)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(TIMEOUT_S)
        connection.sock.connect(place.path)
    elif place.scheme == "https":
        context = ssl.create_default_context(cafile=os.environ.get("WATCH_CA") or None)
        if os.environ.get("WATCH_CERTIFICATE"):
            context.load_cert_chain(os.environ["WATCH_CERTIFICATE"], os.environ["WATCH_KEY"])
        connection = http.client.HTTPSConnection(place.hostname or "", place.port, timeout=TIMEOUT_S, context=context)
    else:
        connection = http.client.HTTPConnection(place.hostname or "", place.port or 2375, timeout=TIMEOUT_S)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
        return json.loads(body) if answer.status == 200 and body else None
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
