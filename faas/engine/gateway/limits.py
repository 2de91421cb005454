"""What a client, an instance and a queue may use up; one value for the whole gateway."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds. The defaults are for production; tests make them tiny."""

    target_bytes: int = 8190  # request target: what gunicorn and Apache take
    head_bytes: int = 64 * 1024  # names and values of one head, trailers included
    head_fields: int = 94  # gunicorn takes 100, and the gateway adds six
    buffer_bytes: int = 64 * 1024  # body held for a request without an instance, and for a possible retry
    linger_bytes: int = 1024 * 1024  # of a body nobody wants any more, read so that the answer can arrive
    linger_s: float = 2.0
    head_timeout_s: float = 10.0  # first to last byte of a head
    keep_alive_s: float = 75.0  # between two requests of a connection
    body_timeout_s: float = 30.0  # between two pieces of a body that we are ready to read
    write_timeout_s: float = 60.0  # a client that takes nothing of its answer
    connect_timeout_s: float = 2.0  # to an instance
    # Below the keep-alive of servers in common use (gunicorn's is 2 s), so that an idle connection is never
    # written to while its instance closes it.
    reuse_s: float = 1.5
    idle_connections: int = 128  # kept for one endpoint
    client_connections: int = 10_000
    attempts: int = 2  # for idempotent requests that an instance may have begun: one that kills instances kills two
    suspend_s: float = 0.05  # an endpoint that refuses connections is left alone this long, doubling ...
    suspend_max_s: float = 1.0  # ... up to this
    poke_interval_s: float = 0.1  # the engine hears of waiting requests at most this often, for one revision
    tick_s: float = 0.1  # resolution of all these timeouts
    goodbye_s: float = 0.25  # on SIGTERM an idle connection may still bring a request that was on its way
    drain_s: float = 30.0  # on SIGTERM, for what is in flight
    h2_streams: int = 128  # concurrent, for one connection
    h2_window: int = 64 * 1024  # of one stream; that of a connection is for all its streams together
    h2_resets: int = 200  # streams a client may cancel, and ...
    h2_idle_frames: int = 2000  # ... frames that carry nothing, each within `h2_window_s`
    h2_window_s: float = 10.0
    h2_write_buffer: int = 1024 * 1024  # of control frames a client makes us send and does not read
