"""`faas export`: what a project is, as YAML that can be applied somewhere else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import click

from faas.cli.connection import find_target, with_client
from faas.cli.errors import CommandError
from faas.cli.options import is_typed, namespace_option, place_options
from faas.cli.output import note, print_objects
from faas.cli.placed import placed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faas.client.places.targets import Target
    from faas.deploy.export.documents import Files
    from faas.deploy.export.editions.edition import Edition
    from faas.deploy.export.editions.of_project import Project
    from faas.resources.kinds import Kind

Format = Literal["plain", "kustomize", "helm", "cloud-run", "rbac"]
_FOLDERS = ("kustomize", "helm")  # several files that belong together


@click.command(short_help="Print what is deployed, or a project, as files for others.")
@click.argument("names", metavar="[FORMAT] [NAME]...", nargs=-1)
@click.option("--format", "--for", "form", type=click.Choice(get_args(Format)), help="What to write.  [default: plain]")
@click.option(
    "--project",
    "path",
    metavar="[PATH]",
    is_flag=False,
    flag_value=".",
    type=click.Path(path_type=Path),
    help="A project's folder, deployed or not, instead of what is deployed.",
)
@click.option("--image", metavar="REF", default="", help="What the project runs from: a reference, or a digest.")
@click.option("--programs", metavar="REF", default="", help="Our image for its sources and dead letters, pushed.")
@click.option(
    "--to", "folder", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path), help="Write files there."
)
@click.option("--force", is_flag=True, help="Write over files in FOLDER that no export wrote.")
@click.option("--cluster-role", is_flag=True, help="With rbac: also what faas doctor looks at in the cluster.")
@namespace_option
@click.option("--output", "-o", type=click.Choice(("yaml", "json")), default="yaml", show_default=True)
@place_options
def command(
    names: tuple[str, ...],
    form: Format | None,
    path: Path | None,
    image: str,
    programs: str,
    folder: Path | None,
    force: bool,
    cluster_role: bool,
    namespace: str | None,
    output: str,
    context_name: str,
    stage: str,
    state: Path | None,
) -> None:
    """Print functions (all without a NAME) as manifests, in the order in which they are applied.

    A FORMAT before the names says as what: plain; kustomize (a base, and an overlay for each stage of a --project);
    helm (a chart); cloud-run (what it takes, and what it does not); rbac (the rights of a user that deploys it).
    Secrets are named, never written.

    \b
    Examples:
      faas export > functions.yaml
      faas export hello -o json
      faas export kustomize --project --image sha256:0a1b… --to deploy
      faas export helm --project --to chart && helm install weather ./chart
      faas export --for cloud-run hello
      faas export rbac | kubectl apply -f -
    """
    form, names = _form(form, names)
    _check(form, names, path, folder, force, cluster_role, bool(image or programs))
    flags = ""  # a project is in no place
    if path is not None:
        project = _of_project(path, form, stage, namespace or "", image, programs)
    else:
        target = find_target(state, context=context_name, stage=stage, namespace=namespace, of_engine=is_typed("state"))
        project, flags = _deployed(names, target), target.flags
    edition = project.base
    if form == "rbac":
        from faas.deploy.export.rbac import make_rbac

        _write_objects(make_rbac(edition, cluster=cluster_role), folder, output, force)
        return
    if form == "cloud-run":
        from faas.deploy.export.cloud_run.services import make_cloud_run

        objects, left = make_cloud_run(edition)
        _write_objects(objects, folder, output, force)
        for each in left:
            note(f"note: Cloud Run does not take {each}")
    elif form in _FOLDERS:
        assert folder is not None
        _write(folder, _files_of(form, project), force)
    else:
        _write_objects(list(edition.objects), folder, output, force)
    for noted in project.notes if form != "cloud-run" else ():  # they are of clusters
        note(f"note: {noted}" + (f"\n  {noted.hint}" if noted.hint else ""))
    _note_caveats(project, flags, of_project=path is not None, image=image, programs=programs)
    _note_secrets(edition)
    _note_images(edition, state)


def _form(form: Format | None, names: tuple[str, ...]) -> tuple[Format, tuple[str, ...]]:
    """`faas export helm` is `faas export --format helm`; a function that is called so is meant with --format plain."""
    if form is None and names and names[0] in get_args(Format):
        return names[0], names[1:]  # type: ignore[return-value]  # one of them
    return form or "plain", names


def _check(
    form: Format, names: tuple[str, ...], path: Path | None, folder: Path | None, force: bool, cluster_role: bool,
    has_images: bool,
) -> None:  # fmt: skip
    if form in _FOLDERS and folder is None:
        raise click.UsageError(f"{form} is several files: say where with --to FOLDER")
    if has_images and path is None:
        raise click.UsageError("--image and --programs are for a --project; what is deployed has its images")
    if names and path is not None:
        formats = ", ".join(get_args(Format))
        raise click.UsageError(f"{names[0]} is no format ({formats}), and a --project is exported as a whole")
    if force and folder is None:
        raise click.UsageError("--force is for --to FOLDER")
    if cluster_role and form != "rbac":
        raise click.UsageError("--cluster-role is for rbac")


def _of_project(path: Path, form: Format, stage: str, namespace: str, image: str, programs: str) -> Project:
    """All stages where the form has a place for them, and none was named; else one."""
    from faas.deploy.export.editions.of_project import Images, read_project, read_stage
    from faas.resources.keys import SOURCES_IMAGE

    images = Images(image, programs or (SOURCES_IMAGE if form == "rbac" else ""))  # a deploy has the store made, too
    if form in _FOLDERS and not stage:
        return read_project(path, images)
    return read_stage(path, stage, namespace=namespace, images=images)


def _deployed(names: Sequence[str], target: Target) -> Project:
    from difflib import get_close_matches

    from faas.client.errors import NotFound
    from faas.deploy.export.editions.of_project import Project
    from faas.deploy.export.editions.reading import read_edition

    hidden: set[Kind] = set()
    try:
        edition = with_client(target, lambda client: read_edition(client, target.namespace, names, hidden=hidden))
    except NotFound as error:
        meant = get_close_matches(names[0], get_args(Format), n=1) if names else ()
        if not meant:
            raise
        raise CommandError(error.message, f"Did you mean the format?  faas export {meant[0]}{target.flags}") from error
    if hidden:
        kinds = ", ".join(sorted(kind.kind for kind in hidden))
        note(f"note: you may not see these in {target.namespace}, so none is exported: {kinds}")
    return Project(edition)


def _files_of(form: Format, project: Project) -> Files:
    if form == "helm":
        from faas.deploy.export.helm.chart import make_chart

        return make_chart(project.base, project.stages)
    from faas.deploy.export.kustomize.kustomization import make_kustomization

    return make_kustomization(project.base, project.stages)


def _write_objects(objects: list[dict[str, Any]], folder: Path | None, output: str, force: bool) -> None:
    """To stdout as a stream, or a file each; a name that two kinds of one word have is told apart by the group."""
    from faas.deploy.export.documents import file_names, to_documents, to_yaml

    if folder is not None:
        _write(folder, {name: to_yaml(obj) for name, obj in file_names(objects).items()}, force)
    elif output == "json":
        print_objects(objects, output)
    else:
        click.echo(to_documents(objects), nl=False)


def _write(folder: Path, files: Files, force: bool) -> None:
    from faas.deploy.export.folder import write_files

    written = write_files(folder, files, force=force)
    unchanged = len(files) - len(written.changed)
    note(
        f"{folder}: {len(written.changed)} written, {unchanged} unchanged"
        + (f", {len(written.removed)} removed ({', '.join(written.removed)})" if written.removed else "")
    )
    for path in written.kept:
        note(f"note: {folder / path} is exported no more, and stays: somebody changed it")


def _note_caveats(project: Project, flags: str, *, of_project: bool, image: str, programs: str) -> None:
    from faas.deploy.export.caveats import caveats_of_deployed, caveats_of_project

    if of_project:
        found = caveats_of_project((project.base, *project.stages), image=image, programs=programs)
    else:
        found = caveats_of_deployed(project.base)
    for caveat in found:
        note(f"note: {caveat.text}" + (f"\n  {placed(caveat.hint, flags)}" if caveat.hint else ""))


def _note_secrets(edition: Edition) -> None:
    for secret in edition.secrets:
        has = f" with {', '.join(secret.keys)}" if secret.keys else ""
        note(f"note: Secret {secret.name}{has} has to be there for {', '.join(secret.users) or 'the functions'}")


def _note_images(edition: Edition, state: Path | None) -> None:
    from faas.deploy.export.editions.cleaning import runs_adapter, unportable
    from faas.resources.keys import SOURCES_IMAGE

    for image in unportable(edition.services):
        note(f"note: {image} is on this machine only; a cluster cannot pull it.\n  {_advice(image, state)}")
    if adapters := sorted(other["metadata"]["name"] for other in edition.others if runs_adapter(other)):
        note(
            f"note: {', '.join(adapters)}: {SOURCES_IMAGE} is the engine's name for its own adapters.\n"
            "  Push them, and name what that prints with --programs:  faas image sources --push REGISTRY/faas-sources"
        )


def _advice(image: str, state: Path | None) -> str:
    """How a cluster gets it."""
    from faas_builders.oci import references

    from faas.cli.image_store import how_it_runs, open_store

    parsed = references.parse(image)
    pushed = f"REGISTRY/{parsed.name if parsed else 'NAME'}:TAG"
    if how_it_runs(open_store(state), image) == "container":
        return f"Push it, and name what that prints in containers[].image:  faas image push {image} {pushed}"
    return (
        "It has this machine's Python as its base. Make one with its own, in the project's folder, and name that in\n"
        f"  containers[].image:  faas build --push -t {pushed}"
    )
