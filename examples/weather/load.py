"""Asks one URL from many clients at once and says what came of it: `python load.py URL [--clients 30] [--seconds 60]`.

Only the standard library: it runs beside the project, not in it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import threading
import time
from collections import Counter
from urllib.parse import urlsplit


class Load:
    def __init__(self, url: str, host: str, seconds: float) -> None:
        parts = urlsplit(url)
        self.address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.headers = {"Host": host or parts.netloc}
        self.until = time.monotonic() + seconds
        self.lock = threading.Lock()
        self.answers: Counter[str] = Counter()
        self.versions: Counter[str] = Counter()
        self.took: list[float] = []

    def client(self) -> None:
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        while time.monotonic() < self.until:
            started = time.perf_counter()
            try:
                connection.request("GET", self.target, headers=self.headers)
                answer = connection.getresponse()
                body, said = answer.read(), str(answer.status)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                body, said = b"", type(error).__name__
            self.note(said, body, time.perf_counter() - started)
        connection.close()

    def note(self, said: str, body: bytes, seconds: float) -> None:
        with self.lock:
            self.answers[said] += 1
            self.took.append(seconds)
            if body.startswith(b"{"):
                self.versions[json.loads(body).get("version", "")] += 1

    def report(self, seconds: float) -> str:
        took = sorted(self.took)
        p50, p99 = (took[int(len(took) * share)] * 1000 for share in (0.5, 0.99))
        lines = [f"{len(took)} answers, {len(took) / seconds:.0f} a second, p50 {p50:.1f} ms, p99 {p99:.1f} ms"]
        lines += [f"  {said}: {count}" for said, count in self.answers.most_common()]
        versions = sum(self.versions.values())
        lines += [f"  version {name}: {count / versions:.1%}" for name, count in self.versions.most_common() if name]
        return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--host", default="", help="Host header, where NAME.NAMESPACE.localhost does not resolve")
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    load = Load(given.url, given.host, given.seconds)
    clients = [threading.Thread(target=load.client) for _ in range(given.clients)]
    started = time.monotonic()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    print(load.report(time.monotonic() - started))


if __name__ == "__main__":
    main()
