"""Where an image cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest
from faas_builders.delivery import Output, deliver
from faas_builders.errors import BuilderError
from faas_builders.oci.store import ImageStore


def test_an_archive_is_not_written_over_a_folder_which_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuilderError, match=f"{tmp_path} is a folder") as caught:
        deliver(ImageStore(tmp_path / "images"), "faas.local/shop", Output("oci-archive", tmp_path), name="shop")

    assert caught.value.hint == f"Name one in it: {tmp_path / 'image.tar'}"
    assert list(tmp_path.iterdir()) == []
