"""A project's own folder as an image: what `faas run` deploys on each save."""

from __future__ import annotations

import hashlib
from pathlib import Path

from faas_builders.bundle import Bundle
from faas_builders.files import content_hash, project_files
from faas_builders.oci import references
from faas_builders.oci.references import Reference
from faas_builders.oci.store import ImageStore

from faas.project.pyproject.settings import Settings
from faas.project.python.environment import Environment


def dev_bundle(settings: Settings, environment: Environment, images_dir: Path) -> Bundle:
    """Put the folder into the store as it is now; the same content gives the same reference, and so no new Revision.

    Nothing is copied: instances run the user's own files, so tracebacks and breakpoints name them.
    Raises: faas_builders' ProjectFileError.
    """
    parts = (content_hash(project_files(settings.root)), environment.interpreter.base, *map(str, environment.sys_path))
    digest = "sha256:" + hashlib.sha256("\0".join(parts).encode()).hexdigest()
    bundle = Bundle(
        reference=str(Reference(references.DEV, settings.name, digest=digest)),
        digest=digest,
        python=environment.python,
        sys_path=environment.sys_path,
        workdir=settings.root,
    )
    ImageStore(images_dir).put_dev(bundle)
    return bundle
