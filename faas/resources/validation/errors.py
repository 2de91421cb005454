"""What validation finds, and what an API server then says. Source: knative/pkg and Kubernetes' field errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from faas.resources.kinds import Kind

WEBHOOK = "validation.webhook.serving.knative.dev"
CONFIG_WEBHOOK = "config.webhook.serving.knative.dev"
EVENTING_WEBHOOK = "validation.webhook.eventing.knative.dev"
EVENTING_CONFIG_WEBHOOK = "config.webhook.eventing.knative.dev"
KAFKA_WEBHOOK = "validation.webhook.kafka.eventing.knative.dev"
RABBITMQ_WEBHOOK = "validation.webhook.rabbitmq.sources.knative.dev"
GITHUB_WEBHOOK = "validation.webhook.github.sources.knative.dev"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with an object.

    `by` says whose rule it is: the API server's own (422, with a cause each), or that of a webhook of Knative's (400,
    all in one message). `reason` is what the cause says.
    """

    message: str
    paths: tuple[str, ...] = ()
    details: str = ""
    by: str = WEBHOOK
    reason: str = "FieldValueInvalid"

    def __str__(self) -> str:
        if self.by == "server":
            return f"{', '.join(self.paths)}: {self.message}"
        text = f"{self.message}: {', '.join(self.paths)}"
        return f"{text}\n{self.details}" if self.details else text


@dataclass(frozen=True, slots=True)
class RefusalCause:
    reason: str
    message: str
    field: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the Status object says."""

    code: int
    reason: Literal["BadRequest", "Invalid"]
    message: str
    causes: tuple[RefusalCause, ...] = ()


def refusal(kind: Kind, raw: dict[str, Any], errors: Iterable[FieldError]) -> Refusal | None:
    """The answer to a write with these errors; None if there are none. The server's own rules come before webhooks."""
    found = merged(errors)
    own = [error for error in found if error.by == "server"]
    if own:
        return _invalid(kind, raw, own)
    if not found:
        return None
    by = found[0].by
    words = "\n".join(str(error) for error in found if error.by == by)
    return Refusal(400, "BadRequest", f'admission webhook "{by}" denied the request: validation failed: {words}')


def merged(errors: Iterable[FieldError]) -> list[FieldError]:
    """The same complaint about several fields becomes one that names them all; sorted by message, as Knative does."""
    paths: dict[tuple[str, str, str, str], set[str]] = {}
    for error in errors:
        paths.setdefault((error.message, error.details, error.by, error.reason), set()).update(error.paths)
    return [
        FieldError(message, tuple(sorted(where)), details, by, reason)
        for (message, details, by, reason), where in sorted(paths.items())
    ]


def _invalid(kind: Kind, raw: dict[str, Any], errors: list[FieldError]) -> Refusal:
    metadata = raw.get("metadata") or {}
    name = metadata.get("name") or metadata.get("generateName") or ""
    words = ", ".join(str(error) for error in errors)
    qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    return Refusal(
        422,
        "Invalid",
        f'{qualified} "{name}" is invalid: {words if len(errors) == 1 else f"[{words}]"}',
        tuple(RefusalCause(error.reason, error.message, path) for error in errors for path in error.paths),
    )


# The constructors' names and words are Knative's.


def missing(*paths: str) -> FieldError:
    return FieldError("missing field(s)", paths)


def disallowed(*paths: str) -> FieldError:
    return FieldError("must not set the field(s)", paths)


def invalid_value(value: object, path: str, details: str = "") -> FieldError:
    return FieldError(f"invalid value: {value}", (path,), details)


def invalid_key(key: str, path: str, details: str = "") -> FieldError:
    return FieldError(f'invalid key name "{key}"', (path,), details)


def out_of_bounds(value: object, lower: object, upper: object, path: str) -> FieldError:
    return FieldError(f"expected {lower} <= {value} <= {upper}", (path,))


def missing_one_of(*paths: str) -> FieldError:
    return FieldError("expected exactly one, got neither", paths)


def multiple_one_of(*paths: str) -> FieldError:
    return FieldError("expected exactly one, got both", paths)


def server_invalid(path: str, value: object, words: str) -> FieldError:
    """A complaint of the API server itself, in Kubernetes' words."""
    return FieldError(f'Invalid value: "{value}": {words}', (path,), by="server")


def server_required(path: str, words: str) -> FieldError:
    return FieldError(f"Required value: {words}", (path,), by="server", reason="FieldValueRequired")


def server_forbidden(path: str, words: str) -> FieldError:
    return FieldError(f"Forbidden: {words}", (path,), by="server", reason="FieldValueForbidden")


def server_too_long(path: str, limit: int) -> FieldError:
    words = f"Too long: may not be more than {limit} bytes"
    return FieldError(words, (path,), by="server", reason="FieldValueTooLong")
