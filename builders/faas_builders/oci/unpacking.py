"""From an image with base `host` to what a process needs of it: its layers as folders, each unpacked once."""

from __future__ import annotations

from pathlib import Path

from faas_builders.builder import HOST_BASE
from faas_builders.bundle import Bundle
from faas_builders.cache import make_once
from faas_builders.deps.bytecode import compile_tree
from faas_builders.deps.interpreter import Interpreter, inspect
from faas_builders.errors import ImageMissing, InterpreterError
from faas_builders.oci import model
from faas_builders.oci.layers.extracting import extract_layer
from faas_builders.oci.layout import Layout
from faas_builders.oci.model import Config, Descriptor, Manifest
from faas_builders.oci.references import Reference


def make_bundle(layout: Layout, unpacked: Path, reference: Reference, manifest: Manifest, config: Config) -> Bundle:
    """Raises: ImageMissing: no process can run it. FileNotFoundError: a layer is gone. ArchiveError: one is bad."""
    labels = config.config.labels
    if labels.get(model.BASE) != HOST_BASE:
        base = labels.get(model.BASE, "")
        reason = f"it has a base of its own{f' ({base})' if base else ''}, so it runs as a container, not as a process"
        raise ImageMissing(str(reference), reason)
    interpreter = _interpreter(reference, labels)
    folders = [
        _unpack(layout, unpacked, layer, diff_id, interpreter)
        for layer, diff_id in zip(manifest.layers, config.rootfs.diff_ids, strict=True)
    ]
    return Bundle(
        reference=str(reference),
        digest=reference.digest,
        python=Path(interpreter.base),
        sys_path=tuple(_locate(path, folders) for path in labels[model.SYS_PATH].split(":")),
        workdir=_locate(config.config.working_dir.lstrip("/"), folders),
        env=tuple((name, value) for name, _, value in (line.partition("=") for line in config.config.env)),
    )


def _interpreter(reference: Reference, labels: dict[str, str]) -> Interpreter:
    missing = [label for label in (model.PYTHON, model.PYTHON_ABI, model.SYS_PATH) if not labels.get(label)]
    if missing:
        raise ImageMissing(str(reference), f"its base is host, and it does not say {missing[0]}")
    try:
        interpreter = inspect(labels[model.PYTHON])
    except InterpreterError as error:
        raise ImageMissing(str(reference), f"its Python is gone: {error.reason}") from error
    if interpreter.abi != labels[model.PYTHON_ABI]:
        reason = f"{interpreter.base} is now {interpreter.abi}, the image was made for {labels[model.PYTHON_ABI]}"
        raise ImageMissing(str(reference), reason)
    return interpreter


def _unpack(layout: Layout, unpacked: Path, layer: Descriptor, diff_id: str, interpreter: Interpreter) -> Path:
    def fill(folder: Path) -> None:
        extract_layer(layout.blob(layer.digest), folder)
        compile_tree(folder, interpreter)

    return make_once(unpacked / model.hex_of(diff_id), fill)


def _locate(path: str, folders: list[Path]) -> Path:
    """Layers are unpacked apart from each other; the topmost that has the path is meant."""
    for folder in reversed(folders):
        if (folder / path).exists():
            return folder / path
    return folders[-1] / path
