"""What a process instance needs of an image: the seam between who makes images and who runs them.

Two kinds of image reference resolve to a bundle, both below the engine's `images/` folder:

- `faas.local/NAME@sha256:HEX` (or `:TAG`): an OCI image with base `host` in the image store, unpacked once.
- `dev.local/NAME@sha256:HEX`: a project folder under `faas run`; `images/dev/HEX.json` is the bundle. HEX is the hash
  of the project's content, so each save makes a new reference and thereby a new Revision.
"""

from __future__ import annotations

from pathlib import Path

import msgspec


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A Python program on this machine's disk. `functions` of it are chosen by FAAS_FUNCTION in the Revision's env."""

    reference: str
    digest: str  # sha256:HEX
    python: Path  # the interpreter; started isolated (-I -S), it sees only `sys_path` and its standard library
    sys_path: tuple[Path, ...]  # in order: faas_runtime itself, the app, its dependencies, what faas_runtime needs
    workdir: Path  # the app's folder, the working directory of instances
    env: tuple[tuple[str, str], ...] = ()  # from the image's config


def encode(bundle: Bundle) -> bytes:
    return msgspec.json.encode(bundle, enc_hook=str)


def decode(data: bytes) -> Bundle:
    """Raises: msgspec.ValidationError."""
    return msgspec.json.decode(data, type=Bundle, dec_hook=lambda kind, value: kind(value))
