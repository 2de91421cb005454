"""Why an image cannot be had, in Knative's words and ours. Functions of values."""

from __future__ import annotations

from faas.engine.instances.driver import ImageUnavailable

FIRST_RETRY_S, LAST_RETRY_S = 10.0, 300.0  # kubelet's ImagePullBackOff

# Docker passes on what registries and its own network code say; there are no codes in it.
_UNAUTHORIZED = ("unauthorized", "denied", "authentication required", "no basic auth credentials", "forbidden")
_NOT_FOUND = ("manifest unknown", "name unknown", "not found", "does not exist", "no such image")
_PLATFORM = ("no matching manifest", "no match for platform", "does not match the specified platform")
_PLAIN_HTTP = "server gave http response to https client"


def retry_after(failures: int) -> float:
    """Seconds, after that many failures in a row."""
    return float(min(FIRST_RETRY_S * 2 ** max(0, failures - 1), LAST_RETRY_S))


def unavailable(reference: str, registry: str, said: str, *, failures: int = 1) -> ImageUnavailable:
    """Args: said: by the Docker engine; failures: how often in a row this has failed."""
    message = f'Unable to fetch image "{reference}": failed to resolve image to digest: {_reason(registry, said)}'
    return ImageUnavailable(message, retry_after_s=retry_after(failures))


def _reason(registry: str, said: str) -> str:
    words = said.lower()
    if any(one in words for one in _PLATFORM):
        return f"it has no image for this machine's platform: {said}"
    if any(one in words for one in _UNAUTHORIZED):
        return (
            f"{registry} does not let us have it, or it does not exist; log in (docker login {registry}), or name a "
            f"Secret in imagePullSecrets: {said}"
        )
    if any(one in words for one in _NOT_FOUND):
        return f"not found: {registry} has no such image: {said}"
    if _PLAIN_HTTP in words:
        return (
            f"{registry} speaks plain HTTP, which the Docker engine accepts only of registries on this machine and of "
            f"its insecure-registries: {said}"
        )
    return f"cannot reach {registry}: {said}"


def never_pulled(reference: str) -> ImageUnavailable:
    return ImageUnavailable(
        f'Unable to fetch image "{reference}": it is not in the Docker engine, and imagePullPolicy is Never; build or '
        f"pull it there",
        retry_after_s=FIRST_RETRY_S,
    )


def only_local(reference: str, registry: str) -> ImageUnavailable:
    return ImageUnavailable(
        f'Unable to fetch image "{reference}": it is not in the Docker engine, and {registry}/… is never pulled; '
        f"build it with that name: docker build -t {reference} .",
        retry_after_s=FIRST_RETRY_S,
    )
