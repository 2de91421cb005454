"""What a kind is to a Kubernetes API: its names, its columns, how it may be written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`; `priority` above 0 shows with `-o wide` only."""

    name: str
    type: str  # string, integer, date, boolean
    path: str  # JSONPath as in a CustomResourceDefinition
    priority: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource type in one version. `str(kind)` is as kubectl writes it: `services.serving.knative.dev`.

    A kind that is served in several versions has a Kind for each; all have the same `str`, and objects are stored in
    one of them (`faas.resources.kinds.stored`).
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True
    columns: tuple[Column, ...] = ()
    status_subresource: bool = False
    custom: bool = True  # as a CustomResourceDefinition would be: no strategic merge patch
    volatile: bool = False  # kept in memory only, gone with the engine (Pods)
    read_only: bool = False  # clients may not write it (Pods)
    strict: bool = False  # a field of the spec that it does not have is refused, whatever validation a client asks for
    deprecation: str = ""  # what a client that still uses this version is told

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


# Columns that `kubectl get` shows of most kinds.
AGE = Column("Age", "date", ".metadata.creationTimestamp")
READY = Column("Ready", "string", ".status.conditions[?(@.type=='Ready')].status")
REASON = Column("Reason", "string", ".status.conditions[?(@.type=='Ready')].reason")
