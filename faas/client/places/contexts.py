"""The contexts there are, and which of them is meant.

`local` is the engine of this machine; the others are those of the kubeconfigs, and inside a cluster that one itself.
A kubeconfig's current-context means nothing here: a deploy must not go to whatever kubectl happens to point at.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faas.client.kubeconfigs import in_cluster
from faas.client.places.state import State
from faas.client.places.targets import LOCAL

if TYPE_CHECKING:
    from faas.client.kubeconfigs.cluster import Cluster

IN_CLUSTER = "in-cluster"


@dataclass(frozen=True, slots=True)
class Context:
    name: str
    server: str = ""  # "": it cannot be told, as that of an engine that does not run
    namespace: str = "default"
    user: str = ""
    source: str = ""  # the file that says so


class UnknownContext(Exception):
    """There is no context of that name; `known` are those there are, `close` is one that may be meant."""

    def __init__(self, name: str, known: tuple[str, ...], asked_by: str = "") -> None:
        super().__init__(f"there is no context {name!r}" + (f", which {asked_by} names" if asked_by else ""))
        self.name, self.known = name, known

    @property
    def close(self) -> str:
        from difflib import get_close_matches

        return next(iter(get_close_matches(self.name, self.known, n=1)), "")


def list_contexts(state: State, variables: Mapping[str, str]) -> list[Context]:
    """`local` first, then in the kubeconfigs' order. Raises: KubeconfigError."""
    from faas.client.kubeconfigs.files import kubeconfig_paths, read_kubeconfigs
    from faas.client.kubeconfigs.servers import without_password

    engine = state.engine()
    contexts = [Context(LOCAL, engine.api_url if engine else "", source=str(state.path))]
    found = read_kubeconfigs(kubeconfig_paths(variables))
    for entry in found.contexts.values():
        if entry.name in (LOCAL, IN_CLUSTER):
            continue  # ours; theirs can be renamed
        said = entry.content
        cluster = found.clusters.get(str(said.get("cluster") or ""))
        contexts.append(
            Context(
                entry.name,
                without_password(str(cluster.content.get("server") or "")) if cluster else "",
                str(said.get("namespace") or "default"),
                str(said.get("user") or ""),
                str(entry.path),
            )
        )
    if in_cluster.is_inside(variables):
        cluster_here = in_cluster.load(variables)
        source = str(in_cluster.FOLDER)
        contexts.append(Context(IN_CLUSTER, cluster_here.server, cluster_here.namespace, cluster_here.user, source))
    return contexts


def find_cluster(name: str, variables: Mapping[str, str], *, asked_by: str = "") -> Cluster | None:
    """The cluster of a context; None for `local`.

    Args: asked_by: what named it, for the error.
    Raises: UnknownContext, KubeconfigError.
    """
    if name == LOCAL:
        return None
    if name == IN_CLUSTER and in_cluster.is_inside(variables):
        return in_cluster.load(variables)
    from faas.client.kubeconfigs.files import kubeconfig_paths, read_kubeconfigs
    from faas.client.kubeconfigs.loading import make_cluster

    found = read_kubeconfigs(kubeconfig_paths(variables))
    if name not in found.contexts or name == IN_CLUSTER:
        inside = [IN_CLUSTER] if in_cluster.is_inside(variables) else []
        known = [known for known in found.contexts if known not in (LOCAL, IN_CLUSTER)]
        raise UnknownContext(name, (LOCAL, *known, *inside), asked_by)
    return make_cluster(found, name)


def choice_file(variables: Mapping[str, str]) -> Path:
    """Where `faas context use` keeps its choice."""
    home = variables.get("XDG_CONFIG_HOME", "")
    base = Path(home) if os.path.isabs(home) else Path(variables.get("HOME") or Path.home()) / ".config"
    return base / "faas" / "context"


def read_choice(variables: Mapping[str, str]) -> str:
    """The context that was chosen for all commands; "" when none was."""
    try:
        return choice_file(variables).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def write_choice(name: str, variables: Mapping[str, str]) -> None:
    """Whole or not at all: a command that runs meanwhile reads the old one or the new one."""
    import tempfile  # every command reads the choice, and one writes it

    path = choice_file(variables)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".context-", delete=False, encoding="utf-8") as file:
        file.write(name + "\n")
    os.replace(file.name, path)
