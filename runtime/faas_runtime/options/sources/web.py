"""What `@function.github` and `.webhook` take: requests that others send."""

from __future__ import annotations

import re
from typing import Any

from faas_runtime.errors import OptionError
from faas_runtime.events.shapes import github
from faas_runtime.options.option import Option, did_you_mean, table
from faas_runtime.options.sources.words import secret, text, texts, url
from faas_runtime.options.values import matching, one_of

_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(/[A-Za-z0-9._-]{1,100})?\Z")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*\Z")
_SIGNED = re.compile(r"(?=.*\{body\})([^{}]|\{(body|timestamp|id)\})*\Z")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_TYPE = re.compile(r"[!-~]{1,255}\Z")


def _events(value: Any) -> list[str]:
    found = texts(value)
    for event in found:
        if event not in github.EVENTS:
            raise OptionError("events", f"GitHub sends no event {event!r}", did_you_mean(event, github.EVENTS))
    return list(dict.fromkeys(found))


def _methods(value: Any) -> list[str]:
    found = [method.upper() for method in texts(value)]
    for method in found:
        if method not in _METHODS:
            raise OptionError("methods", f"{method!r} is not a method that a webhook takes",
                              did_you_mean(method, _METHODS))  # fmt: skip
    return found


GITHUB = table(
    Option("repository", "which", "'owner/repo', or 'owner' for an organisation", matching(_REPOSITORY), False),
    Option("events", "which events", "names as GitHub has them: 'push', 'pull_request'", _events, False),
    Option("api_url", "of GitHub Enterprise", "https://HOST/api/v3/", url("api_url", "https", "http"), False),
    secret("secretToken, and accessToken when the webhook is to be made"),
)  # fmt: skip

WEBHOOK = table(
    Option("path", "where requests come in", "a path: '/stripe'", matching(_PATH), False),
    Option("methods", "of the requests that are taken", ", ".join(_METHODS), _methods, False),
    Option("type", "of the events", "for example 'com.stripe.event'", matching(_TYPE), False),
    Option("source", "of the events", "a URI", text, False),
    Option("signature", "the header with the signature of the body", "a header: 'X-Hub-Signature-256'",
           matching(_HEADER), False),
    Option("signature_prefix", "what stands before the signature", "text, 'sha256='", text, False),
    Option("algorithm", "of the signature", "'sha256', 'sha1' or 'sha512'", one_of("sha256", "sha1", "sha512"),
           False),
    Option("signed", "what is signed, when it is not the body alone",
           "a pattern of {body}, {timestamp} and {id}: '{timestamp}.{body}'", matching(_SIGNED), False),
    Option("id_header", "the header with the request's own id; one that repeats is refused", "a header",
           matching(_HEADER), False),
    Option("timestamp_header", "the header with the time of the request; more than five minutes off is refused",
           "a header", matching(_HEADER), False),
    secret("secret, the key of the signatures"),
)  # fmt: skip


def complete_github(options: dict[str, Any]) -> dict[str, Any]:
    if "secret" not in options:
        raise OptionError("secret", "without a secret everybody could send events in GitHub's name",
                          _make_secret("secretToken"))  # fmt: skip
    return options


def complete_webhook(options: dict[str, Any]) -> dict[str, Any]:
    for option in ("signature", "signature_prefix", "algorithm", "signed"):
        if option in options and "secret" not in options:
            raise OptionError(option, "a signature is checked with a key, and no secret names it",
                              _make_secret("secret"))  # fmt: skip
    if "secret" in options and "signature" not in options:
        raise OptionError("secret", "no signature= says which header has the signature",
                          'for example signature="X-Hub-Signature-256", signature_prefix="sha256="')  # fmt: skip
    return options


def _make_secret(key: str) -> str:
    return f'kubectl create secret generic NAME --from-literal={key}=…, and say secret="NAME"'
