"""Secrets and ConfigMaps as files, for instances that have no mounts: a folder that the environment names.

An image reads /var/run/faas/secrets/NAME/KEY and /var/run/faas/config/NAME/KEY. A process of this machine gets the same
tree in the runtime folder, which is ours alone (0700) and gone with the engine.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from faas.engine.contract.revision import SecretRef, VolumeMount
from faas.engine.instances.environment import MissingReference

ROOT = PurePosixPath("/var/run/faas")
VARIABLES = {"FAAS_SECRETS_DIR": "secrets", "FAAS_CONFIG_DIR": "config"}


def write_mounts(
    folder: Path, volumes: tuple[VolumeMount, ...], values: Mapping[SecretRef, Mapping[str, str]]
) -> dict[str, str]:
    """Write the volumes below `folder`, once for each content; returns the variables that lead there.

    Raises: MissingReference: a volume belongs to a path that only a container can have.
    """
    files = {path: text for volume in volumes for path, text in _files(volume, values).items()}
    digest = hashlib.blake2b(repr(sorted(files.items())).encode("utf-8", "surrogateescape"), digest_size=10).hexdigest()
    target = folder / digest
    if not target.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder))
        for path, text in files.items():
            file = part / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode("utf-8", "surrogateescape"))
            file.chmod(0o400)
        try:
            os.rename(part, target)
        except OSError:  # another instance was first
            shutil.rmtree(part, ignore_errors=True)
    return {variable: str(target / name) for variable, name in VARIABLES.items()}


def _files(volume: VolumeMount, values: Mapping[SecretRef, Mapping[str, str]]) -> dict[str, str]:
    path = PurePosixPath(volume.path)
    if not path.is_relative_to(ROOT) or ".." in path.parts or not volume.sources:
        raise MissingReference(
            f"a process instance cannot have a volume at {volume.path}: use environment variables, or {ROOT}/secrets"
        )
    found: dict[str, str] = {}
    for source in volume.sources:
        data = values.get(source, {})
        wanted = dict(volume.items) or {key: key for key in data}
        found |= {str(path.relative_to(ROOT) / wanted[key]): text for key, text in data.items() if key in wanted}
    return found
