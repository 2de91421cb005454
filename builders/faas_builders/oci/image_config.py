"""What an image says of itself: how it is started, as whom, and what it was made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from faas_builders.builder import BuildRequest
from faas_builders.deps import OWN
from faas_builders.oci import model
from faas_builders.oci.bases.inspecting import USER, BaseFacts
from faas_builders.oci.image_layers import APP, DEPS, RUNTIME, MadeLayer, app_folders, history, moment
from faas_builders.oci.model import Config, ContainerConfig

PORT = 8080  # what `faas_runtime` listens on when PORT says nothing else

_OF_AN_IMAGE = "org.opencontainers.image."
TITLE, CREATED = _OF_AN_IMAGE + "title", _OF_AN_IMAGE + "created"
BASE_NAME, BASE_DIGEST = _OF_AN_IMAGE + "base.name", _OF_AN_IMAGE + "base.digest"


def make_config(
    base: Config,
    facts: BaseFacts,
    request: BuildRequest,
    made: Sequence[MadeLayer],
    said: Mapping[str, str],
    epoch: int,
) -> Config:
    """The config of an image of `base` and, on top of it, the layers `made`.

    Args: said: labels over the request's own. What the base says of its own program (command, ports, health) goes; its
        variables, labels and volumes stay.
    """
    base = model.inherited(base)
    unknown = {name: value for name, value in base.config.unknown.items() if name != "Healthcheck"}
    # A base's title, version and licences are not ours.
    inherited = {name: value for name, value in base.config.labels.items() if not name.startswith(_OF_AN_IMAGE)}
    container = ContainerConfig(
        user=f"{USER}:{USER}",
        exposed_ports={f"{PORT}/tcp": {}},
        env=make_env(base.config.env, facts, request, with_deps=any(layer.name == "deps" for layer in made)),
        # -P: what lies in the working directory is found through PYTHONPATH alone, behind faas_runtime itself.
        entrypoint=(facts.python, "-P", "-m", "faas_runtime"),
        volumes=base.config.volumes,
        working_dir=f"/{APP}",
        labels=dict(sorted({**inherited, **request.labels, **said, model.PYTHON: facts.python}.items())),
        stop_signal="SIGTERM",
        unknown=unknown,
    )
    return msgspec.structs.replace(
        base,
        created=moment(epoch),
        config=container,
        rootfs=model.RootFs(diff_ids=(*base.rootfs.diff_ids, *(layer.record.diff_id for layer in made))),
        history=(*base.history, *history(made, epoch)),
    )


def make_env(base: Sequence[str], facts: BaseFacts, request: BuildRequest, *, with_deps: bool) -> tuple[str, ...]:
    """The base's variables, over them ours, over those the request's; in that order, so that it is always the same."""
    variables = dict(line.partition("=")[::2] for line in base)
    folders = [f"{RUNTIME}/{OWN}", *app_folders(request.project), *([DEPS] if with_deps else []), RUNTIME]
    paths = [f"/{folder}" for folder in folders]
    for more in (request.env.get("PYTHONPATH", ""), variables.get("PYTHONPATH", "")):
        paths += [path for path in more.split(":") if path and path not in paths]
    if "HOME" not in variables and not facts.home:
        variables["HOME"] = "/tmp"  # the one folder that is writable as any user, also in a read-only container
    variables |= {"PYTHONUNBUFFERED": "1", "FAAS_HOST": "0.0.0.0"}  # inside a container
    variables |= {name: request.env[name] for name in sorted(request.env)}
    variables["PYTHONPATH"] = ":".join(paths)
    return tuple(f"{name}={value}" for name, value in variables.items())
