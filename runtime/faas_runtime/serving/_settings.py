"""The part of gunicorn's configuration that its ASGI worker reads, as constants.

`gunicorn.config` builds some 120 settings with an argparse parser: 20 ms of a cold start for about 40 values of which
nearly all are defaults. A setting that is not here (a later gunicorn's) is asked of the real thing, once;
a test holds these against gunicorn's defaults.
"""

from __future__ import annotations

import os
from typing import Any

from faas_runtime.serving.options import ServeOptions

DEFAULTS: dict[str, Any] = {
    "asgi_disconnect_grace_period": 3,  # of WebSockets; a request's call is cancelled at once (exchange.py)
    "asgi_lifespan": "auto",
    "asgi_loop": "auto",
    "casefold_http_method": False,
    "env": {},
    "forwarded_allow_ips": ["127.0.0.1", "::1"],
    "forwarder_headers": ["SCRIPT_NAME", "PATH_INFO"],
    "header_map": "drop",
    "http2_cleartext": "off",
    "http_parser": "auto",
    "http_protocols": ["h1"],
    "initgroups": False,
    "is_ssl": None,
    "limit_request_field_size": 8190,
    "limit_request_fields": 100,
    "limit_request_line": 4094,
    "max_requests": 0,
    "max_requests_jitter": 0,
    "permit_obsolete_folding": False,
    "permit_unconventional_http_method": False,
    "permit_unconventional_http_version": False,
    "protocol": "http",
    "proxy_allow_ips": ["127.0.0.1", "::1"],
    "proxy_protocol": "off",
    "reload": False,
    "root_path": "",
    "secure_scheme_headers": {"X-FORWARDED-PROTOCOL": "ssl", "X-FORWARDED-PROTO": "https", "X-FORWARDED-SSL": "on"},
    "strip_header_spaces": False,
    "umask": 0,
    "websocket_max_message_size": 16777216,
    "worker_connections": 1000,
    "worker_tmp_dir": None,
}


def limits(options: ServeOptions) -> dict[str, Any]:
    """What differs from gunicorn's defaults, under gunicorn's names: for `Settings` and for the arbiter alike."""
    return {
        "keepalive": options.keepalive_s,
        "timeout": max(1, round(options.timeout_s)),  # also bounds the wait for a body's next piece
        "graceful_timeout": max(1, round(options.timeout_s)),
        "limit_request_line": 8190,  # long query strings are common between services; gunicorn's most
        "limit_request_fields": 200,
        "limit_request_field_size": 16384,  # a token or a baggage header; with the fields, 3 MiB at worst
    }


class Settings:
    """Looks like a `gunicorn.config.Config` to the worker and its protocol."""

    pre_request = None
    post_request = None

    def __init__(self, options: ServeOptions) -> None:
        self.__dict__.update(DEFAULTS, uid=os.geteuid(), gid=os.getegid(), **limits(options))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "settings":  # only asked for to tell a default hook from a user's: there are none here
            return None
        from gunicorn.config import Config

        value = getattr(Config(), name)
        setattr(self, name, value)
        return value

    def forwarded_allow_networks(self) -> list[Any]:
        return _networks(self.forwarded_allow_ips)

    def proxy_allow_networks(self) -> list[Any]:
        return _networks(self.proxy_allow_ips)

    def post_worker_init(self, worker: object) -> None:
        """gunicorn's hooks, which do nothing unless a configuration file names some."""

    worker_int = worker_abort = post_worker_init


def _networks(addresses: list[str]) -> list[Any]:
    import ipaddress

    return [ipaddress.ip_network(address) for address in addresses if address != "*"]
