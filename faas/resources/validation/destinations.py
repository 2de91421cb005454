"""The rules for where events go and how. Source: knative/pkg apis/duck/v1/destination.go, knative_reference.go;
knative/eventing pkg/apis/duck/v1/delivery_types.go."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from faas.resources import periods
from faas.resources.duck import (
    CloudEventOverrides,
    Delivery,
    Destination,
    Endpoint,
    GroupReference,
    KReference,
    Retries,
    TimedRetries,
)
from faas.resources.validation.errors import FieldError, disallowed, invalid_key, invalid_value, missing

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END CERTIFICATE-----")
_EXTENSION = re.compile(r"[a-zA-Z0-9]+")
_POLICIES = ("", "linear", "exponential")
_FORMATS = ("", "json", "binary")


def validate_destination(destination: Endpoint, at: str) -> Iterator[FieldError]:
    """A reference, an absolute URI, or a reference with a URI relative to its address."""
    ref, uri = destination.ref, destination.uri
    if ref is None and not uri:
        yield FieldError("expected at least one, got none", (f"{at}.ref", f"{at}.uri"))
        return
    if uri:
        split = _split(uri)
        if split is None:
            yield invalid_value(uri, f"{at}.uri", "it is no URI")
            return
        if ref is not None and split.scheme:
            words = "Absolute URI is not allowed when Ref or [apiVersion, kind, name] is present"
            yield FieldError(words, (f"{at}.[apiVersion, kind, name]", f"{at}.ref", f"{at}.uri"))
            return
        if ref is None and not (split.scheme and split.netloc):
            words = "Relative URI is not allowed when Ref and [apiVersion, kind, name] is absent"
            yield invalid_value(words, f"{at}.uri")
            return
    if ref is not None:
        yield from validate_reference(ref, f"{at}.ref")
    if isinstance(destination, Destination) and destination.ca_certs:
        yield from _validate_certificates(destination.ca_certs, f"{at}.caCert")


def validate_reference(ref: KReference, at: str) -> Iterator[FieldError]:
    absent = [
        f"{at}.{name}"
        for name, value in (("name", ref.name), ("apiVersion", ref.api_version), ("kind", ref.kind))
        if not value
    ]
    if absent:
        yield missing(*absent)
    if isinstance(ref, GroupReference) and ref.group:
        yield disallowed(f"{at}.group")


def validate_delivery(delivery: Retries | None, at: str) -> Iterator[FieldError]:
    if delivery is None:
        return
    if delivery.retry is not None and delivery.retry < 0:
        yield invalid_value(delivery.retry, f"{at}.retry")
    if delivery.backoff_policy not in _POLICIES:
        yield invalid_value(delivery.backoff_policy, f"{at}.backoffPolicy", 'expected "linear" or "exponential"')
    if delivery.backoff_delay:
        yield from _validate_period(delivery.backoff_delay, f"{at}.backoffDelay")
    if isinstance(delivery, TimedRetries):
        if delivery.timeout:
            yield from _validate_period(delivery.timeout, f"{at}.timeout", zero=False)
        if delivery.retry_after_max:
            yield from _validate_period(delivery.retry_after_max, f"{at}.retryAfterMax")
        sink: Endpoint | None = getattr(delivery, "dead_letter_sink", None)
        if sink is not None:
            yield from validate_destination(sink, f"{at}.deadLetterSink")
    if isinstance(delivery, Delivery) and delivery.format not in _FORMATS:
        yield invalid_value(delivery.format, f"{at}.format", 'expected "json" or "binary"')


def validate_overrides(overrides: CloudEventOverrides | None, at: str) -> Iterator[FieldError]:
    for key in sorted(overrides.extensions) if overrides is not None else ():
        if not key:
            yield invalid_key(key, f"{at}.extensions", "keys MUST NOT be empty")
        elif not _EXTENSION.fullmatch(key):
            yield invalid_key(key, f"{at}.extensions", "keys are expected to be alphanumeric")


def _validate_period(text: str, at: str, *, zero: bool = True) -> Iterator[FieldError]:
    try:
        seconds = periods.parse_s(text)
    except periods.PeriodError as error:
        yield invalid_value(text, at, str(error))
        return
    if seconds < 0 or (seconds == 0 and not zero):
        yield invalid_value(text, at, "expected no negative time" if zero else "expected a time greater than zero")


def _validate_certificates(text: str, at: str) -> Iterator[FieldError]:
    block = _CERTIFICATE.search(text)
    try:
        good = block is not None and bool(base64.b64decode("".join(block[1].split()), validate=True))
    except ValueError:
        good = False
    if not good:
        yield invalid_value("CA Cert provided is invalid", at)


def _split(uri: str) -> SplitResult | None:
    if re.search(r"[\x00-\x20\x7f]", uri):
        return None
    try:
        split = urlsplit(uri)
        _ = split.port  # raises for a port that is no number
    except ValueError:
        return None
    return split
