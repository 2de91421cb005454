"""Images and exported manifests that lie in a project do not get into its next image."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from faas_builders.files import project_files

from faas.deploy.export.folder import write_files

HEX = "a" * 64


def names(root: Path) -> list[str]:
    return [file.path for file in project_files(root)]


def archive(path: Path, *entries: str, mode: str = "w") -> None:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name in entries:
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"abc"))


@pytest.mark.parametrize(
    "entries",
    [
        ("oci-layout", "index.json", "manifest.json", f"blobs/sha256/{HEX}"),
        ("blobs/sha256", f"blobs/sha256/{HEX}", "index.json", "manifest.json", "oci-layout"),
        (f"{HEX}/VERSION", f"{HEX}/json", f"{HEX}/layer.tar", f"{HEX}.json", "manifest.json", "repositories"),
    ],
)
def test_an_archive_of_an_image_is_left_out(tmp_path: Path, entries: tuple[str, ...]) -> None:
    (tmp_path / "main.py").touch()
    archive(tmp_path / "out.tar", *entries)

    assert names(tmp_path) == ["main.py"]


def test_a_compressed_archive_of_an_image_is_left_out(tmp_path: Path) -> None:
    archive(tmp_path / "out.tar.gz", "oci-layout", "index.json", mode="w:gz")

    assert names(tmp_path) == []


def test_a_large_archive_of_an_image_goes_by_any_name(tmp_path: Path) -> None:
    archive(tmp_path / "shop", "oci-layout", "index.json")
    with open(tmp_path / "shop", "ab") as file:
        file.truncate(2 << 20)

    assert names(tmp_path) == []


def test_a_layout_is_left_out(tmp_path: Path) -> None:
    blobs = tmp_path / "out" / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (blobs / HEX).write_text("x")
    (tmp_path / "out" / "oci-layout").write_text("{}")
    (tmp_path / "out" / "index.json").write_text("{}")

    assert names(tmp_path) == []


def test_data_in_an_archive_is_shipped(tmp_path: Path) -> None:
    archive(tmp_path / "data.tar", "manifest.json", "icon.png")
    archive(tmp_path / "more.tgz", "index.json", "page.html", mode="w:gz")
    (tmp_path / "broken.tar").write_bytes(b"no archive")
    (tmp_path / "model.bin").write_bytes(bytes(2 << 20))

    assert names(tmp_path) == ["broken.tar", "data.tar", "model.bin", "more.tgz"]


def test_an_image_that_an_ignore_file_asks_for_is_shipped(tmp_path: Path) -> None:
    archive(tmp_path / "out.tar", "oci-layout", "index.json")
    (tmp_path / ".faasignore").write_text("!out.tar\n")

    assert names(tmp_path) == ["out.tar"]


def export(folder: Path, *written: str) -> None:
    for name in written:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("image: shop@sha256:...")
    (folder / ".faas-export").write_text(json.dumps({"files": dict.fromkeys(written, "sha256:...")}))


def test_an_export_into_the_project_is_left_out_and_what_stands_beside_it_is_not(tmp_path: Path) -> None:
    (tmp_path / "main.py").touch()
    export(tmp_path / "deploy", "base/service-web.yaml", "SECRETS.md")
    (tmp_path / "deploy" / "base" / "own.yaml").touch()

    assert names(tmp_path) == ["deploy/base/own.yaml", "main.py"]


def test_an_export_beside_the_code_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "main.py").touch()
    export(tmp_path, "service-web.yaml")

    assert names(tmp_path) == ["main.py"]


def test_an_ignore_file_brings_an_exported_manifest_back(tmp_path: Path) -> None:
    export(tmp_path, "base/service-web.yaml", "base/service-api.yaml")
    (tmp_path / ".faasignore").write_text("!service-web.yaml")

    assert names(tmp_path) == ["base/service-web.yaml"]


@pytest.mark.parametrize("index", ["", "[]", '{"files": 3}', '{"files": {"../main.py": "x", "/main.py": "x"}}'])
def test_an_index_that_is_not_of_an_export_leaves_out_no_file_elsewhere(tmp_path: Path, index: str) -> None:
    (tmp_path / "main.py").touch()
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / ".faas-export").write_text(index)

    assert names(tmp_path)[-1] == "main.py"


def test_a_real_export_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "main.py").touch()
    write_files(tmp_path / "deploy", {"base/kustomization.yaml": "resources: []\n", "SECRETS.md": "# Secrets\n"})

    assert names(tmp_path) == ["main.py"]
