"""What a deploy would change, and with whom it would quarrel: known for all objects before the first is touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from faas.client.errors import Conflict
from faas.client.protocol import Client, Object
from faas.deploy.bounded import each
from faas.deploy.facts import FieldConflict
from faas.deploy.objects.applied import is_unchanged, stamped
from faas.deploy.objects.applying import apply
from faas.deploy.objects.conflicts import claimed_by, conflicts_of
from faas.deploy.objects.live import Live
from faas.deploy.objects.plan import Change, change_of, same_place
from faas.deploy.objects.which import which


@dataclass(slots=True)
class Comparison:
    """Compares manifests with what is there; the server is only asked (dry runs) about what may have changed."""

    client: Client
    live: Live
    force: bool  # take over what others have set
    conflicts: list[FieldConflict] = field(default_factory=list)

    async def changes(self, manifests: Sequence[Object]) -> list[Change]:
        """Raises: NoNamespace, KindMissing, ApiError; conflicts are kept, not raised."""
        return await each(manifests, self._change)

    async def _change(self, manifest: Object) -> Change:
        kind, name = which(manifest)
        live = self.live.objects.get((kind, name))
        if live is not None and is_unchanged(manifest, live):
            return Change(name, "unchanged", manifest, live, False, (), kind, live)
        if live is not None and not self.force and (owner := claimed_by(manifest, live)):
            self.conflicts.append(FieldConflict(kind.kind, name, owner, "all of it"))
        applied = stamped(manifest)
        if live is not None and not same_place(manifest, live):
            return Change(name, "replace", applied, live, False, (), kind, applied)
        try:
            dry = await apply(self.client, applied, kind=kind, dry_run=True, force=self.force)
        except Conflict as error:
            found = conflicts_of(kind.kind, name, error)
            if not found:
                raise
            self.conflicts += found
            dry = await apply(self.client, applied, kind=kind, dry_run=True, force=True)
        return change_of(applied, live, dry, kind)
