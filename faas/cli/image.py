"""`faas image`: the images of this machine's store."""

from __future__ import annotations

from pathlib import Path

import click

from faas.cli.options import output_option, state_option, yes_option
from faas.cli.output import print_data, print_facts, print_section, print_table


@click.group(short_help="Images of this machine: list, load, save, push, remove.")
def command() -> None:
    """The engine's image store has what builds made and what was loaded. It is a folder: no engine has to run.

    \b
    Examples:
      faas image list
      faas image load shop.tar
      faas image push shop registry.example.org/team/shop:1.0
    """


@command.command("list", short_help="List images.")
@output_option
@state_option
def list_(output: str | None, state: Path | None) -> None:
    """List images with what runs them; those without a tag are kept for Revisions that name them.

    \b
    Examples:
      faas image list
      faas image list -o json
    """
    from faas.cli.image_rows import image_document, image_row
    from faas.cli.image_store import open_store

    store = open_store(state)
    listed = [(each, store.images(str(each.reference))) for each in reversed(store.list())]
    if output:
        print_data([image_document(each, images) for each, images in listed], output)
        return
    heads = ["image", "digest", "platforms", "runs as", "size"]
    rows = [image_row(each, images) for each, images in listed]
    print_table(heads, rows, empty="there is no image; make one:  faas build")


@command.command(short_help="Show an image.")
@click.argument("image")
@output_option
@state_option
def inspect(image: str, output: str | None, state: Path | None) -> None:
    """Show IMAGE: how it is started, its layers, what is attached to it.

    \b
    Examples:
      faas image inspect shop
      faas image inspect 4f2a9c -o json
    """
    from faas.cli.image_rows import facts_of, inspected, layers_of
    from faas.cli.image_store import find_image, open_store

    store = open_store(state)
    reference = find_image(store, image)
    images = store.images(reference)
    digest = store.descriptor(reference).digest
    attached = [each.artifact_type for each in store.referrers(digest)]
    if output:
        print_data(inspected(reference, digest, images, attached), output)
        return
    print_facts([("Image", reference), ("Digest", digest), ("Attached", ", ".join(attached))])
    for each in images:
        print_section(str(each.platform), [f"{title + ':':<13}{value}" for title, value in facts_of(each)])
        print_section("Layers", layers_of(each))


@command.command(short_help="Take an image in from an archive.")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--name", metavar="NAME[:TAG]", default="", help="What to call it.  [default: the file's name]")
@click.option("--image", metavar="NAME", default="", help="Which one of an archive that has several.")
@output_option
@state_option
def load(file: Path, name: str, image: str, output: str | None, state: Path | None) -> None:
    """Take in an image of any kind from FILE: of docker save, or an OCI layout (a folder or an archive).

    What is printed is the reference that a Service names.

    \b
    Examples:
      faas image load shop.tar
      faas image load layout/ --name web:1.0
    """
    from faas.cli.image_store import load_archive, open_store

    reference = load_archive(open_store(state), file, name, image)
    if output:
        print_data({"reference": reference}, output)
    else:
        click.echo(reference)


@command.command(short_help="Write an image to a file or a folder.")
@click.argument("image")
@click.argument("where")
@click.option("--platform", metavar="OS/ARCH", default="", help="The one that a Docker archive is to have.")
@state_option
def save(image: str, where: str, platform: str, state: Path | None) -> None:
    """Write IMAGE to WHERE: oci:DIR, oci-archive:FILE, docker-archive:FILE, or docker (load it there).

    \b
    Examples:
      faas image save shop docker-archive:shop.tar
      faas image save shop docker
    """
    from faas_builders.delivery import deliver, parse_output
    from faas_builders.target import Platform

    from faas.cli.image_store import find_image, open_store, tagged_name

    try:
        output, wanted = parse_output(where), Platform.parse(platform) if platform else None
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    store = open_store(state)
    reference = find_image(store, image)
    deliver(store, reference, output, name=tagged_name(reference), platform=wanted)
    click.echo(f"{reference} written to {output}")


@command.command(short_help="Push an image to a registry.")
@click.argument("image")
@click.argument("name")
@click.option("--insecure", is_flag=True, help="The registry may be plain HTTP, or have an unknown certificate.")
@output_option
@state_option
def push(image: str, name: str, insecure: bool, output: str | None, state: Path | None) -> None:
    """Push IMAGE as NAME, with all its platforms and what is attached to it; prints its reference by digest.

    \b
    Examples:
      faas image push shop registry.example.org/team/shop:1.0
    """
    from faas_builders.registry.names import ImageName

    from faas.cli.image_store import find_image, open_store, push_image
    from faas.cli.progress import shown_steps

    target = ImageName.parse(name)
    store = open_store(state)
    reference = find_image(store, image)
    with shown_steps() as steps:
        pushed = push_image(store, reference, target, steps, insecure=insecure)
    if output:
        print_data({"reference": pushed}, output)
    else:
        click.echo(pushed)


@command.command(short_help="Make the image of the adapters for a cluster.")
@click.option("--push", "name", metavar="REGISTRY/NAME", default="", help="Push it there, unless it is there already.")
@click.option("--platform", "platforms", metavar="OS/ARCH", multiple=True, help="For this one; several for an index.")
@click.option("--base", metavar="IMAGE", default="", help="With another Python below.  [default: python:3.x-slim]")
@click.option("--insecure", is_flag=True, help="The registry may be plain HTTP, or have an unknown certificate.")
@output_option
@state_option
def sources(
    name: str, platforms: tuple[str, ...], base: str, insecure: bool, output: str | None, state: Path | None
) -> None:
    """Make the image that a cluster runs as its ContainerSources, store of dead letters and collector of events.

    A deploy makes and pushes it by itself, where a project needs it. What is printed is its reference.

    \b
    Examples:
      faas image sources
      faas image sources --push registry.example.org/team/faas-sources --platform linux/amd64 --platform linux/arm64
    """
    from faas_builders.oci.programs_image import ProgramsRequest
    from faas_builders.registry.names import ImageName
    from faas_builders.target import Platform

    from faas.cli.image_store import open_store
    from faas.cli.progress import shown_steps
    from faas.deploy.images.programs import make_sources_image, push_once

    try:
        wanted = tuple(Platform.parse(platform) for platform in platforms)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--platform") from error
    store = open_store(state)
    tag = "" if ":" in name.rpartition("/")[2] else ":latest"
    target = ImageName.parse(name + tag) if name else None
    with shown_steps() as steps, steps.reported() as report:
        made = make_sources_image(store, ProgramsRequest(base=base, platforms=wanted, insecure=insecure), report)
        reference = made.reference
        if target is not None:
            reference = push_once(store, made, target, insecure=insecure, report=report)
    if output:
        print_data({"reference": reference}, output)
    else:
        click.echo(reference)


@command.command(short_help="Remove images.")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@yes_option
@state_option
def remove(images: tuple[str, ...], yes: bool, state: Path | None) -> None:
    """Take tags away (with a digest, all that mean it) and free the space of what no Revision needs.

    \b
    Examples:
      faas image remove shop:1.0
    """
    from faas.cli.image_store import find_image, open_store, prune_unneeded

    store = open_store(state)
    references = [find_image(store, image) for image in images]
    if not yes:
        click.confirm(f"Remove {', '.join(references)}?", abort=True, err=True)
    for reference in references:
        store.remove(reference)
        click.echo(f"{reference} removed")
    prune_unneeded(store, state)
