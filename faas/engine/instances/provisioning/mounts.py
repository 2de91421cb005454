"""Secrets and ConfigMaps as files, for instances that have no mounts: a folder that the environment names.

An image reads /var/run/faas/secrets/NAME/KEY and /var/run/faas/config/NAME/KEY. A process of this machine gets the same
tree in the runtime folder, which is ours alone (0700) and gone with the engine. A tree is named by its content: as long
as a Secret stays the same so does the environment, and a zygote that has imported with it can be forked. Who uses which
tree is there as a link, so that the next engine knows it too; a tree that nobody uses goes at once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from faas.engine.contract.revision import RevisionKey, SecretRef, VolumeMount
from faas.engine.instances.provisioning.references import MissingReference
from faas.engine.instances.provisioning.volumes import chosen_keys

ROOT = PurePosixPath("/var/run/faas")
VARIABLES = {"FAAS_SECRETS_DIR": "secrets", "FAAS_CONFIG_DIR": "config"}


class MountedFiles:
    """All trees of one engine, in `folder`, each with a link `POD@` for each instance that uses it."""

    def __init__(self, folder: Path, owner: tuple[int, int] | None = None) -> None:
        """Args: owner: uid and gid of whoever reads the files, when that is not us."""
        self._folder, self._owner = folder, owner
        self._latest: dict[RevisionKey, Path] = {}  # what the next instance would get, and a zygote may have

    def write(
        self, key: RevisionKey, volumes: tuple[VolumeMount, ...], values: Mapping[SecretRef, Mapping[str, str]]
    ) -> dict[str, str]:
        """Make the files of a Revision's volumes; returns the variables that lead there.

        Raises: MissingReference: a key does not exist, or a volume belongs to a path that only a container can have.
        """
        files = {path: text for volume in volumes for path, text in _files(volume, values).items()}
        encoded = repr(sorted(files.items())).encode("utf-8", "surrogateescape")
        tree = self._folder / hashlib.blake2b(encoded, digest_size=10).hexdigest()
        if not tree.exists():
            self._make(tree, files)
        if self._latest.get(key) != tree:
            self._latest[key] = tree
            self._sweep()
        return {variable: str(tree / name) for variable, name in VARIABLES.items()}

    def hold(self, pod: str, key: RevisionKey) -> None:
        """This instance starts with what was written last for its Revision."""
        link = self._link(pod)
        link.unlink(missing_ok=True)
        link.symlink_to(self._latest[key].name)

    def release(self, pod: str) -> None:
        """This instance has ended."""
        link = self._link(pod)
        if link.is_symlink():
            link.unlink()
            self._sweep()

    def forget(self, key: RevisionKey) -> None:
        """No instance of this Revision will be started any more."""
        if self._latest.pop(key, None) is not None:
            self._sweep()

    def adopt(self, pods: Collection[str]) -> None:
        """Keep what these instances, which an earlier engine started, use; nothing else is needed."""
        for link in self._links():
            if link.name.removesuffix("@") not in pods:
                link.unlink()
        self._sweep()

    def _make(self, tree: Path, files: Mapping[str, str]) -> None:
        self._folder.mkdir(mode=0o711 if self._owner else 0o700, parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            for path, text in files.items():
                file = part / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(text.encode("utf-8", "surrogateescape"))
                file.chmod(0o400)
            if self._owner is not None:
                for entry in (part, *part.rglob("*")):
                    os.chown(entry, *self._owner)
            part.rename(tree)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise

    def _sweep(self) -> None:
        if not self._folder.is_dir():
            return
        used = {os.readlink(link) for link in self._links()} | {tree.name for tree in self._latest.values()}
        for tree in self._folder.iterdir():
            if not tree.is_symlink() and tree.name not in used:
                shutil.rmtree(tree, ignore_errors=True)

    def _links(self) -> list[Path]:
        return list(self._folder.glob("*@"))

    def _link(self, pod: str) -> Path:
        return self._folder / f"{pod}@"


def _files(volume: VolumeMount, values: Mapping[SecretRef, Mapping[str, str]]) -> dict[str, str]:
    path = PurePosixPath(volume.path)
    inside = any(path.is_relative_to(ROOT / name) for name in VARIABLES.values()) and ".." not in path.parts
    if not inside or not volume.sources:
        raise MissingReference(
            f"a process of this machine cannot have a volume at {volume.path}: mount a Secret below {ROOT}/secrets or "
            f"a ConfigMap below {ROOT}/config, use environment variables, for temporary files Python's tempfile; "
            "or let the function run in a container, which can have it: container=True"
        )
    folder = path.relative_to(ROOT)
    return {str(folder / name): text for name, text in chosen_keys(volume, values).items()}
