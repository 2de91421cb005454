"""What `faas build` says in the end: the image, its layers, where it is now, and how to run it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from faas.cli.output import note, print_data, print_facts, print_table
from faas.cli.texts import size_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faas.cli.build_options import Destinations
    from faas.deploy.images.building import Built
    from faas.project.services import ServiceSpec


def print_built(built: Built, destinations: Destinations, pushed: str, form: str | None) -> None:
    """Args: pushed: the reference by digest in a registry, "" when it is in none."""
    if form:
        print_data(_document(built, destinations, pushed), form)
        return
    result = built.result
    print_facts(
        [
            ("Image", pushed or result.reference),
            ("Builder", result.builder),
            ("Base", result.base),
            ("Platforms", ", ".join(str(image.platform) for image in result.images)),
            ("Size", ", ".join(size_text(image.size_bytes) for image in result.images)),
            ("Written to", ", ".join(map(str, destinations.outputs))),
        ]
    )
    click.echo()
    several = len(result.images) > 1
    rows = [
        [*([str(image.platform)] if several else []), layer.name, size_text(layer.size_bytes), _state(layer.reused)]
        for image in result.images
        for layer in image.layers
    ]
    print_table([*(["platform"] if several else []), "layer", "size", "state"], rows, empty="")
    for line in _next_steps(built, destinations, pushed):
        note(line)


def _state(reused: bool) -> str:
    return "reused" if reused else "new"


def _document(built: Built, destinations: Destinations, pushed: str) -> dict[str, Any]:
    result = built.result
    return {
        "reference": pushed or result.reference,
        "stored": result.reference,
        "digest": result.digest,
        "builder": result.builder,
        "base": result.base,
        "images": [
            {
                "platform": str(image.platform),
                "digest": image.digest,
                "sizeBytes": image.size_bytes,
                "layers": [
                    {"name": each.name, "digest": each.digest, "sizeBytes": each.size_bytes, "reused": each.reused}
                    for each in image.layers
                ],
            }
            for image in result.images
        ],
        "functions": {service.name: service.target for service in built.services},
        "outputs": [str(output) for output in destinations.outputs],
        "timingsSeconds": {step: round(seconds, 3) for step, seconds in result.timings_s},
    }


def _next_steps(built: Built, destinations: Destinations, pushed: str) -> list[str]:
    if built.result.base == "host":
        return ["It has this machine's Python as its base: only an engine on this machine runs it."]
    if any(output.kind == "docker" for output in destinations.outputs):
        name = docker_name(built, destinations)
    elif pushed or built.result.builder != "oci":
        name = pushed or _stored_name(built)  # the other builders work in the Docker engine
    else:
        return ["Take it elsewhere:  faas build --push -t REGISTRY/NAME:TAG     (or --output docker)"]
    return [f"Run it:  docker run --rm -p 8080:8080 {choice}{name}" for choice in _choices(built.services)]


def _choices(services: Sequence[ServiceSpec]) -> list[str]:
    """Of several services whoever runs the image says which."""
    if len(services) < 2:
        return [""]
    return [f"-e FAAS_FUNCTION={service.target} " for service in services]


def docker_name(built: Built, destinations: Destinations) -> str:
    """What a Docker engine that loads the image calls it."""
    if destinations.name is None:
        return _stored_name(built)
    return str(destinations.name).removeprefix("docker.io/library/").removeprefix("docker.io/")


def _stored_name(built: Built) -> str:
    return f"{built.result.reference.partition('@')[0]}:{built.tag}"
