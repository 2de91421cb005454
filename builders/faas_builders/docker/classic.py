"""Builds through the engine's API alone: all that a build without secrets needs."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from faas_builders.builder import Report
from faas_builders.docker.context import DOCKERFILE
from faas_builders.docker.order import Order
from faas_builders.docker.progress import ClassicProgress, advice
from faas_builders.errors import StepFailed

if TYPE_CHECKING:
    from docker import DockerClient


def build(client: DockerClient, context: IO[bytes], order: Order, report: Report) -> str:
    """The id of the image. Raises: StepFailed: with the step and its last lines."""
    from docker.errors import APIError

    progress = ClassicProgress()
    try:
        messages = client.api.build(
            fileobj=context,
            custom_context=True,
            dockerfile=DOCKERFILE,
            tag=order.tag,
            buildargs=dict(order.build_args),
            labels=dict(order.labels),
            platform=str(order.platform) if order.platform else None,
            network_mode=order.network or None,
            target=order.target or None,
            nocache=order.no_cache,
            pull=order.pull,
            rm=True,
            forcerm=True,
            decode=True,
        )
        for message in messages:
            for line in progress.lines(message):
                report("build", line)
    except APIError as error:  # refused before the first step: a Dockerfile that does not parse
        raise StepFailed("docker build", error.explanation or str(error), progress.output) from error
    except OSError as error:
        raise StepFailed(progress.step or "docker build", f"the engine went away: {error}", progress.output) from error
    if progress.error or not progress.image:
        reason = progress.error or "the engine stopped without an image"
        raise StepFailed(progress.step or "docker build", reason, progress.output, advice(progress.output + reason))
    return progress.image
